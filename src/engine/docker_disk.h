#pragma once
// A Docker Engine's images and build cache.

#include "engine/disk.h"
#include "engine/docker_api.h"

namespace cooper::engine {

/// Asks over its socket; every call is a connection of its own.
class DockerDisk : public EngineDisk {
 public:
  DockerDisk(std::filesystem::path socket, std::string name)
      : socket_(std::move(socket)), name_(std::move(name)) {}

  /// Where the engine keeps everything, as it says. Waits a few seconds at most.
  std::filesystem::path folder() const;

  std::string name() const override { return name_; }
  DiskUse use(const std::function<bool(const KeptImage&)>& wanted) const override;
  std::vector<std::string> remove(const std::vector<std::string>& names_or_ids) const override;
  std::uint64_t cap_cache(std::uint64_t limit) const override;

 private:
  std::filesystem::path socket_;
  std::string name_;
};

}  // namespace cooper::engine
