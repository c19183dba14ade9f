#pragma once
// The images in the containers/storage that buildah uses.

#include "engine/buildah_host.h"
#include "engine/disk.h"

namespace cooper::engine {

/// Its build cache are the images of single steps, which go with the image that they
/// led to: there is none of its own.
class BuildahDisk : public EngineDisk {
 public:
  explicit BuildahDisk(BuildahHost host) : host_(std::move(host)) {}

  std::string name() const override { return "buildah " + host_.version; }
  DiskUse use(const std::function<bool(const KeptImage&)>& wanted) const override;
  std::vector<std::string> remove(const std::vector<std::string>& names_or_ids) const override;
  std::uint64_t cap_cache(std::uint64_t) const override { return 0; }

 private:
  BuildahHost host_;
};

}  // namespace cooper::engine
