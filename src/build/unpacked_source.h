#pragma once
// The source of a build as files: unpacked anew, or what the app's last build left,
// brought up to date.

#include "base/fd.h"
#include "source/content_digests.h"
#include "store/layout.h"

#include <filesystem>
#include <stop_token>
#include <string>

namespace cooper::build {

/// Unpacking and removing tens of thousands of files takes seconds, and most of them
/// are the same as in the last build. So their folder is kept in `cache/` from build
/// to build, with the digests of its files (docs/formats.md). Whoever uses it moves it
/// into the scratch folder of his build, so it never has two users, and what a crash
/// leaves goes with that folder. It is used only if its digest, told from what the
/// file system says of each file now, is that of the build's source.
class UnpackedSource {
 public:
  /// `tree`: digest of the packed source (BuildRequest::tree). Empty: nothing is
  /// taken from an earlier build, or kept. `layout` must outlive it.
  UnpackedSource(const store::Layout& layout, const AppName& app, const BuildId& id,
                 std::string tree);

  /// Throws Error: what unpack() throws.
  void open(std::stop_token stop);
  const std::filesystem::path& folder() const { return folder_; }
  /// Its tree_digest(); empty: not told.
  const std::string& tree() const { return tree_; }
  /// Of the files in it.
  const source::ContentDigests& digests() const { return digests_; }

  /// The build is over: leaves the folder to the next one, unless it takes more than a
  /// tenth of what is free on the disk, or is root's in somebody else's data root: its
  /// owner could not use it. Throws Error; then it stays where it is.
  void keep();

 private:
  bool take_kept();
  bool bring_up_to_date(std::stop_token stop);
  bool is_as_packed(std::stop_token stop) const;
  void unpack(std::stop_token stop);
  bool load();
  void save() const;
  bool is_small() const;

  const store::Layout& layout_;
  std::string tree_;
  std::string kept_tree_;  ///< that of the folder as it was found
  std::filesystem::path archive_;
  std::filesystem::path kept_;    ///< where it lies between builds
  std::filesystem::path own_;     ///< where it lies now
  std::filesystem::path folder_;  ///< in own_
  Fd taken_;                      ///< own_, if it is an earlier build's
  source::ContentDigests digests_;
  bool complete_ = false;  ///< folder_ holds the source, and save() was called
};

/// Removes what is kept of an app. Throws Error.
void forget_source(const store::Layout& layout, const AppName& app);

}  // namespace cooper::build
