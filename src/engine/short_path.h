#pragma once
// A short name for a folder whose path is too long for sockets beneath it.

#include "engine/own_folder.h"

#include <filesystem>

namespace cooper::engine {

/// A symbolic link in a folder of its own in /tmp (own_folder.h); both go with it. Each of the
/// threads and programs that know the name may use it.
class ShortPath {
 public:
  /// Throws Error.
  explicit ShortPath(const std::filesystem::path& folder);

  /// Of at most 24 bytes.
  const std::filesystem::path& path() const noexcept { return link_; }

 private:
  OwnFolder folder_;
  std::filesystem::path link_;
};

}  // namespace cooper::engine
