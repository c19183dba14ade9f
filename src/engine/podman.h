#pragma once
// Podman's API, served for us alone: Podman has no daemon, and what it runs needs none.

#include "engine/own_folder.h"
#include "process/child.h"

#include <filesystem>

namespace cooper::engine {

/// `podman system service` on a socket that nobody else can reach, until this object goes. It
/// uses the same containers/storage as buildah does with our environment.
class PodmanService {
 public:
  /// Returns when it answers. Throws Error{unavailable} if podman is not there, or does not
  /// work here.
  PodmanService();
  ~PodmanService();
  PodmanService(const PodmanService&) = delete;
  PodmanService& operator=(const PodmanService&) = delete;

  std::filesystem::path socket() const { return folder_.path() / "s"; }

 private:
  process::Child start() const;
  void wait_until_it_answers();
  void end_child() const;

  OwnFolder folder_;
  process::Child service_;
};

/// Is the program in PATH?
bool has_podman();

}  // namespace cooper::engine
