#include "engine/buildah_disk.h"

#include "base/text.h"
#include "engine/buildah_store.h"
#include "process/child.h"

#include <chrono>
#include <map>
#include <set>

namespace cooper::engine {

namespace {

/// Layers, each once.
class Layers {
 public:
  explicit Layers(const BuildahHost& host) {
    for (StoredLayer& layer : stored_layers(host)) by_id_.emplace(layer.id, std::move(layer));
  }

  std::uint64_t all_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& [id, layer] : by_id_) bytes += layer.bytes;
    return bytes;
  }

  /// Adds the layer and those that it stands on.
  void add(const std::string& top, std::set<std::string>& to) const {
    for (std::string id = top; to.insert(id).second;) {
      const auto layer = by_id_.find(id);
      if (layer == by_id_.end()) return;
      id = layer->second.parent;
    }
  }

  std::uint64_t bytes(const std::set<std::string>& layers,
                      const std::set<std::string>& without) const {
    std::uint64_t bytes = 0;
    for (const std::string& id : layers) {
      const auto layer = by_id_.find(id);
      if (layer != by_id_.end() && !without.contains(id)) bytes += layer->second.bytes;
    }
    return bytes;
  }

 private:
  std::map<std::string, StoredLayer> by_id_;
};

}  // namespace

DiskUse BuildahDisk::use(const std::function<bool(const KeptImage&)>& wanted) const {
  const Layers layers(host_);
  DiskUse use{.all_bytes = layers.all_bytes()};
  std::set<std::string> of_wanted;
  std::set<std::string> of_others;
  for (StoredImage& image : stored_images(host_)) {
    KeptImage kept{.id = image.id,
                   .names = std::move(image.names),
                   .labels = image_labels(host_, image.id, kLabelPrefix)};
    if (wanted(kept)) {
      layers.add(image.layer, of_wanted);
      use.images.push_back(std::move(kept));
    } else if (!kept.names.empty()) {
      layers.add(image.layer, of_others);
    }
  }
  use.image_bytes = layers.bytes(of_wanted, of_others);
  return use;
}

std::vector<std::string> BuildahDisk::remove(const std::vector<std::string>& names_or_ids) const {
  constexpr std::chrono::minutes kRemovalLimit{30};  // of big trees, on a slow disk
  std::vector<std::string> problems;
  if (names_or_ids.empty()) return problems;
  std::vector<std::string> argv = {host_.program, "rmi"};
  argv.insert(argv.end(), names_or_ids.begin(), names_or_ids.end());
  const process::Captured removed = process::run(
      {.argv = std::move(argv), .environment = process::own_environment()}, kRemovalLimit);
  if (removed.status.ok()) return problems;
  for (const std::string_view line : split(removed.err, '\n')) {
    const std::string_view text = trim(line);
    if (text.empty() || text.ends_with("image not known") || text.ends_with(" occurred:")) continue;
    problems.push_back("buildah: " + shorten(printable(text), 300));
  }
  return problems;
}

}  // namespace cooper::engine
