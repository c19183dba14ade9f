#pragma once
// A folder for what becomes a build's source.

#include "base/fd.h"
#include "store/layout.h"

#include <filesystem>

namespace cooper::rack {

/// A new, empty folder of an app's (0700), marked as in use; gone with this object. What a crash
/// leaves of it, prune removes.
class ScratchFolder {
 public:
  /// Throws Error.
  ScratchFolder(const store::Layout& layout, const AppName& app);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  Fd folder_;
};

}  // namespace cooper::rack
