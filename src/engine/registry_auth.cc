#include "engine/registry_auth.h"

#include "base/ascii.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

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

std::vector<std::filesystem::path> auth_files(const std::filesystem::path& own) {
  std::vector<std::filesystem::path> files;
  if (!own.empty()) files.push_back(own);
  if (const std::string file = variable("REGISTRY_AUTH_FILE"); !file.empty())
    files.emplace_back(file);
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

/// nullopt: that is no auth file.
std::optional<json::object> parse_auth_file(std::string_view text) {
  boost::system::error_code problem;
  json::value value = json::parse(json::string_view(text), problem);
  if (problem || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

const json::object* auths_in(const json::object& file) {
  const json::value* auths = file.if_contains("auths");
  return auths && auths->is_object() ? &auths->get_object() : nullptr;
}

/// Empty without credentials: some tools note a host alone and keep its password
/// elsewhere.
std::optional<Login> login_of(const json::value& entry) {
  if (!entry.is_object()) return std::nullopt;
  const json::object& fields = entry.get_object();
  if (std::string token = text_at(fields, "identitytoken"); !token.empty()) {
    return Login{.password = std::move(token)};
  }
  const std::string pair = from_base64(text_at(fields, "auth")).value_or("");
  const auto colon = pair.find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Login{.user = pair.substr(0, colon), .password = pair.substr(colon + 1)};
}

Error no_auth_file() {
  return {Errc::corrupt, "the file of registry credentials is damaged",
          "remove it and add the registries again"};
}

/// Removes `host` under all of its names; true if there was one.
bool erase_host(json::object& auths, std::string_view host) {
  bool erased = false;
  for (const std::string& key : keys_of(host)) erased = auths.erase(key) != 0 || erased;
  return erased;
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
  const auto file = parse_auth_file(auth_file);
  const json::object* auths = file ? auths_in(*file) : nullptr;
  if (!auths) return std::nullopt;
  for (const std::string& key : keys_of(host)) {
    const json::value* entry = auths->if_contains(key);
    if (!entry) continue;
    if (auto login = login_of(*entry)) return login;
  }
  return std::nullopt;
}

std::optional<Login> find_login(std::string_view host, const std::filesystem::path& own) {
  for (const std::filesystem::path& file : auth_files(own)) {
    try {
      const auto text = read_file(file);
      if (!text) continue;
      if (auto login = login_in(*text, host)) return login;
    } catch (const Error&) {  // boundary: as if it were not there; the registry will say no
    }
  }
  return std::nullopt;
}

std::vector<KnownLogin> known_logins(const std::filesystem::path& own,
                                     std::vector<std::string>& warnings) {
  std::vector<KnownLogin> known;
  for (const std::filesystem::path& path : auth_files(own)) {
    try {
      const auto text = read_file(path);
      if (!text) continue;
      const auto file = parse_auth_file(*text);
      if (!file) {
        warnings.push_back(path.string() + " is no file of registry credentials");
        continue;
      }
      const json::object* auths = auths_in(*file);
      if (!auths) continue;
      for (const auto& entry : *auths) {
        const auto login = login_of(entry.value());
        if (login) known.push_back({std::string(entry.key()), login->user, path});
      }
    } catch (const Error& error) {  // boundary: the others can be listed
      warnings.push_back(error.message());
    }
  }
  return known;
}

std::string merged_logins(const std::filesystem::path& own) {
  json::object merged;
  json::object auths;
  for (const std::filesystem::path& path : auth_files(own)) {
    try {
      const auto file = parse_auth_file(read_file(path).value_or(""));
      if (!file) continue;
      // What helpers know is theirs to tell: only the program that reads this runs them.
      for (const auto& field : *file) {
        if (field.key() != "auths") merged.emplace(field.key(), field.value());
      }
      const json::object* entries = auths_in(*file);
      if (!entries) continue;
      for (const auto& entry : *entries) auths.emplace(entry.key(), entry.value());
    } catch (const Error&) {  // boundary: as if it were not there
    }
  }
  merged["auths"] = std::move(auths);
  return json::serialize(merged);
}

bool is_registry_host(std::string_view text) noexcept {
  const bool bracketed = text.starts_with('[');
  const auto end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && end == std::string_view::npos) return false;
  std::string_view name = text.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
  std::string_view rest = text.substr(std::min(text.size(), bracketed ? end + 1 : end));
  if (name.empty() || name.size() > 253) return false;
  if (!is_made_of_letters(name, bracketed ? "-._:" : "-._")) {
    return false;
  }
  if (rest.empty()) return true;
  if (rest.front() != ':') return false;
  const auto port = parse_number(rest.substr(1));
  return port && *port > 0 && *port < 65536;
}

Result<std::string> with_login(std::string_view auth_file, const std::string& host,
                               const Login& login) {
  std::optional<json::object> file =
      trim(auth_file).empty() ? json::object() : parse_auth_file(auth_file);
  if (!file) return no_auth_file();
  const json::object* old = auths_in(*file);
  json::object auths = old ? *old : json::object();
  erase_host(auths, host);
  json::object entry;
  if (login.user.empty()) {
    entry["identitytoken"] = login.password;
  } else {
    entry["auth"] = to_base64(login.user + ":" + login.password);
  }
  auths[host] = std::move(entry);
  (*file)["auths"] = std::move(auths);
  return json::serialize(*file) + "\n";
}

Result<std::optional<std::string>> without_login(std::string_view auth_file,
                                                 std::string_view host) {
  if (trim(auth_file).empty()) return std::optional<std::string>();
  std::optional<json::object> file = parse_auth_file(auth_file);
  if (!file) return no_auth_file();
  const json::object* old = auths_in(*file);
  json::object auths = old ? *old : json::object();
  if (!erase_host(auths, host)) return std::optional<std::string>();
  (*file)["auths"] = std::move(auths);
  return std::optional(json::serialize(*file) + "\n");
}

std::string docker_auth_header(const std::optional<Login>& login) {
  json::object fields;
  if (login && login->user.empty()) {
    fields["identitytoken"] = login->password;
  } else if (login) {
    fields["username"] = login->user;
    fields["password"] = login->password;
  }
  std::string text = to_base64(json::serialize(fields));
  // The engine reads the URL-safe alphabet.
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

}  // namespace cooper::engine
