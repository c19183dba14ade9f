#pragma once
// The cache of a BuildKit daemon of its own.

#include "engine/disk.h"

#include <filesystem>
#include <string>

namespace cooper::build {

/// What cooper-supervisor is asked with.
inline constexpr const char* kCacheOption = "--buildkit-cache";

/// Asks through `cooper-supervisor`, which speaks gRPC. A daemon keeps no images.
class DaemonDisk : public engine::EngineDisk {
 public:
  /// `address` and `certs` as engine::EngineChoice has them. Throws Error{unavailable} if
  /// nobody answers there.
  DaemonDisk(std::string address, std::filesystem::path certs);

  std::string name() const override { return name_; }
  bool keeps_images() const override { return false; }
  engine::DiskUse use(const std::function<bool(const engine::KeptImage&)>& wanted) const override;
  std::vector<std::string> remove(const std::vector<std::string>& names_or_ids) const override;
  std::uint64_t cap_cache(std::uint64_t limit) const override;

 private:
  std::string address_;
  std::filesystem::path certs_;
  std::string name_;
};

}  // namespace cooper::build
