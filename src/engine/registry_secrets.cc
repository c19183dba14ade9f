#include "engine/registry_secrets.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#include <boost/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <unistd.h>

namespace cooper::engine {

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::optional<fs::path> folder_named_by(const char* variable) {
  const char* value = std::getenv(variable);
  if (!value || !*value) return std::nullopt;
  return fs::path(value);
}

/// All of them, although the engine takes the first that has an entry: more may
/// be hidden than is used, never less.
std::set<fs::path> places() {
  std::set<fs::path> files = {fs::path("/run/containers") / std::to_string(::getuid()) /
                              "auth.json"};
  if (const auto file = folder_named_by("REGISTRY_AUTH_FILE")) files.insert(*file);
  if (const auto folder = folder_named_by("XDG_RUNTIME_DIR")) {
    files.insert(*folder / "containers/auth.json");
  }
  if (const auto folder = folder_named_by("XDG_CONFIG_HOME")) {
    files.insert(*folder / "containers/auth.json");
  }
  if (const auto folder = folder_named_by("DOCKER_CONFIG")) files.insert(*folder / "config.json");
  if (const auto home = folder_named_by("HOME")) {
    files.insert(*home / ".config/containers/auth.json");
    files.insert(*home / ".docker/config.json");
    files.insert(*home / ".dockercfg");
  }
  return files;
}

void add_entry(const json::object& entry, std::set<std::string>& secrets) {
  for (const char* key : {"password", "identitytoken", "registrytoken"}) {
    const json::value* value = entry.if_contains(key);
    if (value && value->is_string()) secrets.emplace(value->get_string());
  }
  const json::value* auth = entry.if_contains("auth");
  if (!auth || !auth->is_string()) return;
  const std::string_view encoded = auth->get_string();
  const std::string login = from_base64(trim(encoded)).value_or("");
  secrets.emplace(encoded);
  secrets.insert(login);
  if (const std::size_t colon = login.find(':'); colon != std::string::npos) {
    secrets.insert(login.substr(colon + 1));
  }
}

void add_file(std::string_view text, std::set<std::string>& secrets) {
  const json::value document = json::parse(text);
  const json::object& top = document.as_object();
  // The oldest form, ~/.dockercfg, has the entries at the top.
  const json::value* auths = top.if_contains("auths");
  for (const auto& member : auths && auths->is_object() ? auths->get_object() : top) {
    if (member.value().is_object()) add_entry(member.value().get_object(), secrets);
  }
}

}  // namespace

std::vector<std::string> registry_secrets(const fs::path& own, std::vector<std::string>& warnings) {
  std::set<std::string> secrets;
  std::set<fs::path> files = places();
  files.insert(own);
  for (const fs::path& file : files) {
    try {
      if (const auto text = read_file(file)) add_file(*text, secrets);
    } catch (const std::exception& error) {  // boundary: see the contract
      warnings.push_back("registry credentials in " + file.string() +
                         " can't be read: " + printable(error.what()));
    }
  }
  secrets.erase("");
  return {secrets.begin(), secrets.end()};
}

}  // namespace cooper::engine
