#include "rack/folder_source.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "manifest/manifest.h"
#include "source/git_facts.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace cooper::rack {
namespace fs = std::filesystem;

namespace {

/// A user's file as far as it can be read here: the build itself reports what is wrong.
std::string text_of(const fs::path& path) {
  try {
    return read_file(path).value_or("");
  } catch (const Error&) {  // boundary: see above
    return {};
  }
}

/// What a build needs even if `.dockerignore` excludes it, as with Docker. A
/// manifest with a mistake adds nothing here: the build itself reports it.
std::vector<std::string> always_packed(const StartBuild& start,
                                       std::map<std::string, std::string> environment) {
  const fs::path& folder = start.folder;
  const std::string file = start.request.manifest.empty() ? "convox.yml" : start.request.manifest;
  for (const auto& [name, value] : start.request.build_args) environment[name] = value;
  std::vector<std::string> paths = {file, "Dockerfile", ".dockerignore"};
  const std::string text = text_of(folder / file);
  if (const auto parsed = manifest::parse_manifest(
          text, {.file_name = file, .variables = std::move(environment)})) {
    for (const manifest::Service& service : parsed->services) {
      if (service.image.empty()) paths.push_back(service.path + "/" + service.dockerfile);
    }
  }
  return paths;
}

}  // namespace

void require_something_to_build(const StartBuild& start) {
  std::error_code ignored;
  const std::string shown =
      start.made_from.empty() ? start.folder.string() : shorten(printable(start.made_from), 200);
  if (!fs::is_directory(start.folder, ignored)) {
    throw Error(fs::exists(start.folder, ignored) ? Errc::invalid : Errc::not_found,
                shown + " is no folder", "name the folder that is to be built");
  }
  if (!start.request.manifest.empty()) return;
  for (const char* file : {"convox.yml", "Dockerfile"}) {
    if (fs::exists(fs::symlink_status(start.folder / file, ignored))) return;
  }
  throw Error(Errc::invalid, "there is neither a convox.yml nor a Dockerfile in " + shown,
              start.made_from.empty()
                  ? "run the command in the app's folder, or name the manifest with --manifest"
                  : "the app's source needs one of them in its topmost folder");
}

void require_own_files(const StartBuild& start) {
  if (start.made_from.empty()) return;
  std::error_code ignored;
  const fs::path folder = fs::canonical(start.folder, ignored);
  const std::string manifest =
      start.request.manifest.empty() ? "convox.yml" : start.request.manifest;
  for (const std::string& file : {std::string(".dockerignore"), manifest}) {
    const fs::path real = fs::weakly_canonical(folder / file, ignored);
    const auto [end, at] = std::ranges::mismatch(folder, real);
    if (end == folder.end()) continue;
    const fs::path named = fs::path(file).lexically_normal();
    const bool is_link = !named.is_absolute() && *named.begin() != "..";
    throw Error(Errc::invalid, "the " + shorten(printable(file), 100) + " of " +
                                   shorten(printable(start.made_from), 200) +
                                   " leads out of the source" +
                                   (is_link ? " by a symbolic link" : ""));
  }
}

build::BuildRequest completed_request(const StartBuild& start) {
  build::BuildRequest request = start.request;
  // A folder of ours may lie in a work tree, too: somebody's with the data root in it.
  const auto facts = start.made_from.empty() ? source::git_facts(start.folder) : std::nullopt;
  if (request.description.empty()) request.description = source::default_description(facts);
  if (request.git_sha.empty() && facts) request.git_sha = facts->sha;
  if (request.branch.empty() && facts) request.branch = facts->branch;
  if (request.git_url.empty() && facts) request.git_url = source::public_url(facts->origin);
  for (const engine::Secret& secret : start.secrets.secrets) request.secrets.push_back(secret.id);
  for (const engine::SshAgent& agent : start.secrets.agents) request.agents.push_back(agent.id);
  return request;
}

source::PackOptions pack_options(const StartBuild& start,
                                 std::map<std::string, std::string> environment) {
  return {.folder = start.folder,
          .ignore = source::read_ignore_rules(start.folder).value(),
          .always = always_packed(start, std::move(environment))};
}

}  // namespace cooper::rack
