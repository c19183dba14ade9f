#pragma once
// A folder with a short name, for sockets: their paths have 107 bytes at most.

#include "base/fd.h"

#include <filesystem>

namespace cooper::engine {

/// A new folder in /tmp that only this user may enter; gone with this object, with all that is in
/// it. What a killed process left of the kind, the next one of the same user removes.
class OwnFolder {
 public:
  /// Throws Error.
  OwnFolder();
  ~OwnFolder();
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;

  /// Of at most 18 bytes.
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
  Fd lock_;  ///< of the folder: it is in use
};

}  // namespace cooper::engine
