#include "build/deploy_files.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "store/folders.h"

#include <algorithm>
#include <cctype>
#include <fcntl.h>
#include <map>

namespace cooper::build {
namespace fs = std::filesystem;

namespace {

/// "IMAGE_MY_WEB" of the service my-web.
std::string variable_of(const std::string& service) {
  std::string name = "IMAGE_";
  for (const char c : service) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

void write_secret_file(const fs::path& path, std::string_view text) {
  write_all(open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600).get(), text);
}

}  // namespace

std::string runnable_image(const std::string& here, const std::string& pushed) {
  if (pushed.empty()) return here.substr(0, here.find('@'));
  const std::size_t at = std::min(pushed.find('@'), pushed.size());
  const std::size_t slash = pushed.rfind('/', at);
  const std::size_t colon = pushed.rfind(':', at);
  const bool has_tag = colon != std::string::npos && slash != std::string::npos && colon > slash;
  return pushed.substr(0, has_tag ? colon : at) + pushed.substr(at);
}

DeployFiles::DeployFiles(const DeployParts& parts)
    : folder_(parts.layout.build(parts.app, parts.id).work) {
  try {
    write(parts);
    add_images(parts);
  } catch (const Error&) {  // adapter: half a folder is of no use
    remove_tree(folder_);
    throw;
  }
  note_long_values(parts.release.environment);
}

DeployFiles::~DeployFiles() {
  try {
    remove_tree(folder_);
  } catch (const Error&) {  // boundary: the next prune removes it
  }
}

void DeployFiles::write(const DeployParts& parts) {
  const Release& release = parts.release;
  store::make_folder(parts.layout, folder_, 0700);
  const fs::path manifest = folder_ / "convox.yml";
  const fs::path environment = folder_ / "environment";
  const fs::path shell = folder_ / "environment.sh";
  write_secret_file(manifest, release.manifest);
  write_secret_file(environment, to_text(release.environment, EnvironmentForm::docker_env_file));
  write_secret_file(shell, to_text(release.environment, EnvironmentForm::exports));
  variables_ = {"APP=" + parts.app.str(),           "BUILD=" + release.build,
                "RELEASE=" + release.id.str(),      "MANIFEST=" + manifest.string(),
                "ENV_FILE=" + environment.string(), "ENV_SH=" + shell.string()};
}

void DeployFiles::add_images(const DeployParts& parts) {
  std::map<std::string, std::string> names;  // of variables, and of their services
  for (const auto& [service, reference] : parts.release.images) {
    const std::string name = variable_of(service);
    const auto [other, is_new] = names.emplace(name, service);
    if (!is_new) {
      throw Error(Errc::invalid,
                  "services " + other->second + " and " + service + " would both be " + name,
                  "rename one of them");
    }
    const auto pushed = parts.pushed.find(service);
    variables_.push_back(
        name + "=" +
        runnable_image(reference, pushed == parts.pushed.end() ? std::string() : pushed->second));
  }
}

void DeployFiles::note_long_values(const Environment& environment) {
  for (const auto& [name, value] : environment) {
    if (value.find('\n') == std::string::npos) continue;
    notes_.push_back("warning: " + name + " has several lines: it is in ENV_SH, not in ENV_FILE");
  }
}

}  // namespace cooper::build
