#pragma once
// Read-modify-write of records, one at a time per app.

#include "base/fd.h"

namespace cooper::store {

/// Held while read-modify-write goes on in a folder. On a file that only the
/// folder's owner may open: whoever can open a file can lock it, and for ever.
class FolderLock {
 public:
  /// Throws Error{unavailable} if it can't have it for ten seconds.
  explicit FolderLock(const Fd& folder);

 private:
  Fd fd_;  // the lock goes with it
};

/// Are both the same file or folder? False if one is empty.
bool is_same_file(const Fd& a, const Fd& b);

}  // namespace cooper::store
