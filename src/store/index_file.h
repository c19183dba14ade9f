#pragma once
// The file that the index of builds lies in: safe to lose, to find damaged, and to share.

#include "base/fd.h"
#include "store/sqlite.h"

#include <filesystem>

namespace cooper::store {

/// `cache/builds.sqlite`, and a lock beside it that is held while the file is in
/// use: nobody replaces it meanwhile. No symbolic link beneath the root is followed.
class IndexFile {
 public:
  /// Makes the folder, if it is not there. Throws Error.
  explicit IndexFile(const std::filesystem::path& root);

  /// Makes the file, for its owner alone, if it is not there. To be called once, and
  /// once more after remove(). Throws Error; sqlite::Failure{corrupt} if removing
  /// the file would help.
  sqlite::Database open();
  /// After writing: keeps the log of changes, which every start has to read, short.
  void tidy(sqlite::Database& database) const;
  /// Removes a file that is of no use. Throws Error if others won't let go of it.
  void remove();

 private:
  void lock_shared();

  Fd root_;
  Fd cache_;
  Fd lock_;
  std::filesystem::path path_;
};

}  // namespace cooper::store
