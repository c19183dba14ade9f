#include "engine/registry_auth.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace cooper::engine {
namespace json = boost::json;

namespace {

/// All names that files use for the same registry.
std::vector<std::string> keys_of(std::string_view host) {
  const std::string name(host);
  if (name == "docker.io" || name == "registry-1.docker.io" || name == "index.docker.io") {
    return {"docker.io", "https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io"};
  }
  return {name, "https://" + name, "http://" + name, "https://" + name + "/v1/",
          "https://" + name + "/v2/"};
}

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  return found && found->is_string() ? std::string(found->get_string()) : "";
}

std::string variable(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::vector<std::filesystem::path> auth_files() {
  std::vector<std::filesystem::path> files;
  if (const std::string file = variable("REGISTRY_AUTH_FILE"); !file.empty()) files.push_back(file);
  if (const std::string folder = variable("XDG_RUNTIME_DIR"); !folder.empty()) {
    files.push_back(std::filesystem::path(folder) / "containers/auth.json");
  }
  const std::string home = variable("HOME");
  if (!home.empty()) files.push_back(std::filesystem::path(home) / ".config/containers/auth.json");
  if (const std::string folder = variable("DOCKER_CONFIG"); !folder.empty()) {
    files.push_back(std::filesystem::path(folder) / "config.json");
  } else if (!home.empty()) {
    files.push_back(std::filesystem::path(home) / ".docker/config.json");
  }
  return files;
}

}  // namespace

std::string registry_of(std::string_view reference) {
  const auto slash = reference.find('/');
  const std::string_view first = reference.substr(0, slash);
  const bool is_host =
      slash != std::string_view::npos &&
      (first.find_first_of(".:") != std::string_view::npos || first == "localhost");
  return is_host ? std::string(first) : "docker.io";
}

std::optional<Login> login_in(std::string_view auth_file, std::string_view host) {
  boost::system::error_code problem;
  const json::value value = json::parse(json::string_view(auth_file), problem);
  if (problem || !value.is_object()) return std::nullopt;
  const json::value* auths = value.get_object().if_contains("auths");
  if (!auths || !auths->is_object()) return std::nullopt;
  for (const std::string& key : keys_of(host)) {
    const json::value* entry = auths->get_object().if_contains(key);
    if (!entry || !entry->is_object()) continue;
    const json::object& fields = entry->get_object();
    if (std::string token = text_at(fields, "identitytoken"); !token.empty()) {
      return Login{.password = std::move(token)};
    }
    const std::string pair = from_base64(text_at(fields, "auth")).value_or("");
    if (const auto colon = pair.find(':'); colon != std::string::npos) {
      return Login{.user = pair.substr(0, colon), .password = pair.substr(colon + 1)};
    }
  }
  return std::nullopt;
}

std::optional<Login> find_login(std::string_view host) {
  for (const std::filesystem::path& file : auth_files()) {
    try {
      const auto text = read_file(file);
      if (!text) continue;
      if (auto login = login_in(*text, host)) return login;
    } catch (const Error&) {  // boundary: as if it were not there; the registry will say no
    }
  }
  return std::nullopt;
}

std::string docker_auth_header(const Login& login) {
  json::object fields;
  if (login.user.empty()) {
    fields["identitytoken"] = login.password;
  } else {
    fields["username"] = login.user;
    fields["password"] = login.password;
  }
  std::string text = to_base64(json::serialize(fields));
  // The engine reads the URL-safe alphabet.
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

}  // namespace cooper::engine
