#include "engine/buildah_store.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time.h"

#include <boost/json.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <thread>

namespace cooper::engine {

namespace json = boost::json;

namespace {

bool is_hex_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Standard base64; characters that are not of its alphabet end the text.
std::string from_base64(std::string_view text) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) break;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xFFU);
  }
  return bytes;
}

}  // namespace

std::optional<std::string> manifest_digest(const BuildahHost& host, std::string_view image_id) {
  // The names of an image's big data are files `=<base64 of the name>`, and one
  // of them is "manifest-sha256:<hex>".
  constexpr std::string_view prefix = "manifest-sha256:";
  if (!is_hex_id(image_id)) return std::nullopt;
  std::optional<std::string> digest;
  for (const std::string& file :
       list_folder(host.graph_root / (host.graph_driver + "-images") / std::string(image_id))) {
    if (!file.starts_with('=')) continue;
    const std::string name = from_base64(std::string_view(file).substr(1));
    if (!name.starts_with(prefix) || !is_hex_id(std::string_view(name).substr(prefix.size()))) {
      continue;
    }
    if (digest) return std::nullopt;  // several manifests: the image was pulled in several forms
    digest = name.substr(prefix.size() - 7);
  }
  return digest;
}

namespace {

struct Container {
  std::string id;
  Time created;
};

/// Working containers of any buildah, from containers/storage's list. Those of
/// other programs have metadata and no such name.
std::vector<Container> working_containers(const std::filesystem::path& folder) {
  const std::optional<std::string> text = read_file(folder / "containers.json");
  std::vector<Container> found;
  if (!text || trim(*text).empty()) return found;
  try {
    const json::value list = json::parse(*text);
    for (const json::value& entry : list.as_array()) {
      const json::object& fields = entry.as_object();
      if (const json::value* metadata = fields.if_contains("metadata");
          metadata && !metadata->as_string().empty()) {
        continue;
      }
      const json::value* names = fields.if_contains("names");
      if (!names || !names->is_array() || names->as_array().empty()) continue;
      const std::string_view name = names->as_array().front().as_string();
      if (name.find("-working-container") == std::string_view::npos) continue;
      const auto created = parse_rfc3339(std::string_view(fields.at("created").as_string()));
      const std::string id(fields.at("id").as_string());
      if (created && is_hex_id(id)) found.push_back({.id = id, .created = created->at});
    }
  } catch (const std::exception& error) {  // adapter: Boost.JSON
    throw Error(Errc::corrupt,
                (folder / "containers.json").string() + " can't be read: " + error.what());
  }
  return found;
}

/// The choice of a store in an environment as /proc shows it; empty: the default one.
std::string_view store_chosen_in(std::string_view environment) {
  constexpr std::string_view key = "CONTAINERS_STORAGE_CONF=";
  for (const std::string_view entry : split(environment, '\0')) {
    if (entry.starts_with(key)) return entry.substr(key.size());
  }
  return {};
}

/// A buildah that may be making a container in this store right now. (Those of
/// the build that is cleaned up have ended.)
bool some_buildah_runs() {
  const char* chosen = std::getenv("CONTAINERS_STORAGE_CONF");
  const std::string_view ours = chosen ? chosen : "";
  for (const std::string& name : list_folder("/proc")) {
    if (!parse_number(name)) continue;
    const std::string process = "/proc/" + name;
    try {
      if (trim(read_file(process + "/comm").value_or("")) != "buildah") continue;
      const std::string environment = read_file(process + "/environ").value_or("");
      if (store_chosen_in(environment) == ours) return true;
    } catch (const Error&) {  // adapter: it ended meanwhile, or is another user's
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> leftover_containers(const BuildahHost& host, std::string_view marker) {
  constexpr std::chrono::seconds patience{3};
  constexpr std::chrono::minutes longest_making{10};
  constexpr std::chrono::milliseconds look_again{20};
  const std::filesystem::path folder = host.graph_root / (host.graph_driver + "-containers");
  for (;;) {
    std::vector<std::string> found;
    bool undecided = false;
    for (const Container& container : working_containers(folder)) {
      const auto settings = read_file(folder / container.id / "userdata" / "buildah.json");
      const bool is_ours = settings && settings->find(marker) != std::string::npos;
      // A clock that was set back must not make us wait for hours.
      const auto age = std::chrono::abs(now() - container.created);
      const bool is_nobodys =
          !settings && age > patience && (age > longest_making || !some_buildah_runs());
      if (is_ours || is_nobodys) found.push_back(container.id);
      if (!settings && age <= patience) undecided = true;
    }
    if (!undecided) return found;
    std::this_thread::sleep_for(look_again);
  }
}

}  // namespace cooper::engine
