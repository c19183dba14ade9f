#include "engine/buildah_store.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#include <boost/json.hpp>

#include <algorithm>

namespace cooper::engine {

namespace json = boost::json;

namespace {

bool is_hex_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::optional<std::string> manifest_digest(const BuildahHost& host, std::string_view image_id) {
  // The names of an image's big data are files `=<base64 of the name>`, and one
  // of them is "manifest-sha256:<hex>".
  constexpr std::string_view kPrefix = "manifest-sha256:";
  if (!is_hex_id(image_id)) return std::nullopt;
  std::optional<std::string> digest;
  for (const std::string& file :
       list_folder(host.graph_root / (host.graph_driver + "-images") / std::string(image_id))) {
    if (!file.starts_with('=')) continue;
    const std::string name = from_base64(std::string_view(file).substr(1)).value_or("");
    if (!name.starts_with(kPrefix) || !is_hex_id(std::string_view(name).substr(kPrefix.size()))) {
      continue;
    }
    if (digest) return std::nullopt;  // several manifests: the image was pulled in several forms
    digest = name.substr(kPrefix.size() - 7);
  }
  return digest;
}

namespace {

std::filesystem::path containers_folder(const BuildahHost& host) {
  return host.graph_root / (host.graph_driver + "-containers");
}

std::filesystem::path settings_file(const BuildahHost& host, const std::string& container) {
  return containers_folder(host) / container / "userdata" / "buildah.json";
}

/// One of the store's lists; empty if there is none. Throws Error{corrupt}.
json::array read_list(const std::filesystem::path& file) {
  constexpr std::size_t kMaxBytes = std::size_t{256} << 20;  // thousands of layers, 1 KiB each
  const std::optional<std::string> text = read_file(file, kMaxBytes);
  if (!text || trim(*text).empty()) return {};
  try {
    return json::parse(*text).as_array();
  } catch (const std::exception& error) {  // adapter: Boost.JSON
    throw Error(Errc::corrupt, file.string() + " can't be read: " + error.what());
  }
}

/// The text of a field; empty if there is no such text.
std::string_view text_of(const json::value& entry, std::string_view field) {
  const json::object* fields = entry.if_object();
  const json::value* value = fields ? fields->if_contains(field) : nullptr;
  const json::string* text = value ? value->if_string() : nullptr;
  return text ? std::string_view(*text) : std::string_view();
}

}  // namespace

std::vector<std::string> containers_with(const BuildahHost& host, std::string_view marker) {
  std::vector<std::string> found;
  for (const std::string& id : list_folder(containers_folder(host))) {
    if (!is_hex_id(id)) continue;
    const std::optional<std::string> settings = read_file(settings_file(host, id));
    if (settings && settings->find(marker) != std::string::npos) found.push_back(id);
  }
  return found;
}

namespace {

/// Ids in one of the store's lists that were made at `since` or later and lack
/// the file that is written last.
template <class LastFileOf>
std::vector<std::string> unfinished(const std::filesystem::path& list, Time since,
                                    LastFileOf&& last_file_of) {
  std::vector<std::string> ids;
  for (const json::value& entry : read_list(list)) {
    const std::string id(text_of(entry, "id"));
    const auto created = parse_rfc3339(text_of(entry, "created"));
    const bool is_new = created && created->at >= since && is_hex_id(id);
    if (is_new && !std::filesystem::exists(last_file_of(id))) ids.push_back(id);
  }
  return ids;
}

}  // namespace

std::vector<std::string> unfinished_images(const BuildahHost& host, Time since) {
  const std::filesystem::path images = host.graph_root / (host.graph_driver + "-images");
  return unfinished(images / "images.json", since,
                    [&](const std::string& id) { return images / id / "manifest"; });
}

bool is_writing(const BuildahHost& host, Time since) {
  for (const char* list : {"containers.json", "volatile-containers.json"}) {
    const auto settings = [&](const std::string& id) { return settings_file(host, id); };
    if (!unfinished(containers_folder(host) / list, since, settings).empty()) return true;
  }
  return !unfinished_images(host, since).empty();
}

namespace {

std::filesystem::path list_of_images(const BuildahHost& host) {
  return host.graph_root / (host.graph_driver + "-images") / "images.json";
}

/// The names of an image in the store's list.
std::vector<std::string_view> names_of(const json::value& entry) {
  const json::object* fields = entry.if_object();
  const json::value* names = fields ? fields->if_contains("names") : nullptr;
  std::vector<std::string_view> texts;
  if (!names || !names->is_array()) return texts;
  for (const json::value& name : names->get_array()) {
    if (name.is_string()) texts.emplace_back(name.get_string());
  }
  return texts;
}

bool may_mean(std::string_view name, std::string_view reference) {
  if (!name.ends_with(reference)) return false;
  return name.size() == reference.size() || name[name.size() - reference.size() - 1] == '/';
}

}  // namespace

std::vector<std::string> images_named(const BuildahHost& host, std::string_view reference) {
  std::string wanted(reference);
  const std::size_t last = reference.rfind('/') + 1;  // 0 if there is none
  if (reference.find_first_of(":@", last) == std::string_view::npos) wanted += ":latest";
  std::vector<std::string> ids;
  for (const json::value& entry : read_list(list_of_images(host))) {
    const auto names = names_of(entry);
    const bool named =
        std::ranges::any_of(names, [&](std::string_view name) { return may_mean(name, wanted); });
    if (named) ids.emplace_back(text_of(entry, "id"));
  }
  return ids;
}

std::vector<std::string> image_names(const BuildahHost& host, std::string_view prefix,
                                     std::string_view image_id) {
  std::vector<std::string> found;
  for (const json::value& entry : read_list(list_of_images(host))) {
    if (!image_id.empty() && text_of(entry, "id") != image_id) continue;
    for (const std::string_view name : names_of(entry)) {
      if (name.starts_with(prefix)) found.emplace_back(name);
    }
  }
  return found;
}

std::vector<StoredImage> stored_images(const BuildahHost& host) {
  std::vector<StoredImage> images;
  const auto file = host.graph_root / (host.graph_driver + "-images") / "images.json";
  for (const json::value& entry : read_list(file)) {
    StoredImage image{.id = std::string(text_of(entry, "id")),
                      .names = {},
                      .layer = std::string(text_of(entry, "layer"))};
    if (!is_hex_id(image.id)) continue;
    const json::value* names = entry.get_object().if_contains("names");
    if (names && names->is_array()) {
      for (const json::value& name : names->get_array()) {
        if (name.is_string()) image.names.emplace_back(name.get_string());
      }
    }
    images.push_back(std::move(image));
  }
  return images;
}

std::vector<StoredLayer> stored_layers(const BuildahHost& host) {
  std::vector<StoredLayer> layers;
  for (const char* list : {"layers.json", "volatile-layers.json"}) {
    for (const json::value& entry :
         read_list(host.graph_root / (host.graph_driver + "-layers") / list)) {
      StoredLayer layer{.id = std::string(text_of(entry, "id")),
                        .parent = std::string(text_of(entry, "parent"))};
      if (layer.id.empty()) continue;
      const json::value* bytes = entry.get_object().if_contains("diff-size");
      if (bytes && bytes->is_int64() && bytes->get_int64() > 0) {
        layer.bytes = static_cast<std::uint64_t>(bytes->get_int64());
      }
      layers.push_back(std::move(layer));
    }
  }
  return layers;
}

std::map<std::string, std::string> image_labels(const BuildahHost& host,
                                                const std::string& image_id,
                                                std::string_view prefix) {
  std::map<std::string, std::string> found;
  try {
    // An image's id is the digest of its configuration.
    const std::optional<std::string> text =
        read_file(host.graph_root / (host.graph_driver + "-images") / image_id /
                  ("=" + to_base64("sha256:" + image_id)));
    if (!text || text->find(prefix) == std::string::npos) return found;
    const json::value configuration = json::parse(*text);
    for (const auto& [key, value] : configuration.at("config").at("Labels").as_object()) {
      if (key.starts_with(prefix) && value.is_string()) found.emplace(key, value.get_string());
    }
  } catch (const std::exception&) {  // adapter: Boost.JSON; such an image is nobody's we know
    found.clear();
  }
  return found;
}

}  // namespace cooper::engine
