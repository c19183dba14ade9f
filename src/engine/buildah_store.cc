#include "engine/buildah_store.h"

#include "base/file.h"

#include <cstdint>

namespace cooper::engine {

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

std::vector<std::string> containers_with(const BuildahHost& host, std::string_view marker) {
  const std::filesystem::path folder = host.graph_root / (host.graph_driver + "-containers");
  std::vector<std::string> found;
  for (const std::string& id : list_folder(folder)) {
    if (!is_hex_id(id)) continue;
    const auto settings = read_file(folder / id / "userdata" / "buildah.json");
    if (settings && settings->find(marker) != std::string::npos) found.push_back(id);
  }
  return found;
}

}  // namespace cooper::engine
