#pragma once
// What engines keep on this host's disk, and how it is made less.

#include "engine/choose.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine {

/// Sizes are those of unpacked layers.
struct DiskUse {
  std::vector<KeptImage> images;             ///< those that were asked for
  std::uint64_t image_bytes = 0;             ///< of what they share with no other named image
  std::uint64_t all_bytes = 0;               ///< of all layers of images here, whosever they are
  std::optional<std::uint64_t> cache_bytes;  ///< build cache, of all builds; absent: there is none
};

/// One engine's images and build cache. All calls throw Error if it does not answer.
class EngineDisk {
 public:
  virtual ~EngineDisk() = default;
  /// As records name it: "docker 20.10.24".
  virtual std::string name() const = 0;
  /// Else it has but a build cache.
  virtual bool keeps_images() const { return true; }
  virtual DiskUse use(const std::function<bool(const KeptImage&)>& wanted) const = 0;
  /// Removes names, and images that have none by their id; absent is fine. Returns a
  /// line for each that the engine does not let go.
  virtual std::vector<std::string> remove(const std::vector<std::string>& names_or_ids) const = 0;
  /// Removes what was not used for longest from the build cache until `limit` bytes are
  /// left at most. Returns how many bytes went.
  virtual std::uint64_t cap_cache(std::uint64_t limit) const = 0;
};

/// The engines of this host that answer: buildah's store, and a Docker Engine. A
/// BuildKit daemon is not among them: that is build/daemon_disk.h. `cache`: BuildContext::cache.
std::vector<std::unique_ptr<EngineDisk>> find_engine_disks(const std::filesystem::path& cache);

/// Where builds that wish so keep their images on this host; nullopt if that is
/// elsewhere, or would take long to tell. Asks a Docker Engine once, then
/// `<cache>/engine-docker.json` remembers. Throws nothing.
std::optional<std::filesystem::path> storage_folder(const EngineWish& wish,
                                                    const std::filesystem::path& cache);

/// After a build: caps the build cache of the engine that its record names. Does
/// nothing for an engine without one, if the disk holds less than `limit` bytes
/// altogether, or if it was done within the last ten minutes. 0: no limit. Throws Error.
void cap_build_cache(std::string_view recorded_engine, std::uint64_t limit,
                     const std::filesystem::path& cache);

}  // namespace cooper::engine
