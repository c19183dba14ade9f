#pragma once
// A folder for what becomes a build's source, or its images.

#include "base/fd.h"
#include "model/names.h"
#include "store/layout.h"

#include <filesystem>

namespace cooper::rack {

/// A new, empty folder of an app's (0700), marked as in use, so that no prune takes it for a
/// crash's; gone with this object. What a crash leaves of it, prune removes.
class ScratchFolder {
 public:
  /// Throws Error.
  ScratchFolder(const store::Layout& layout, const AppName& app);
  /// That of a build that is to come.
  ScratchFolder(const store::Layout& layout, const AppName& app, const BuildId& build);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// The build has become its owner.
  void keep() { kept_ = true; }

 private:
  ScratchFolder(const store::Layout& layout, const AppName& app, std::filesystem::path path);

  std::filesystem::path app_;  ///< the app's own, absent for one that never came to be
  std::filesystem::path path_;
  Fd folder_;
  bool kept_ = false;
};

}  // namespace cooper::rack
