#pragma once
// Locks on files of a folder: read-modify-write of records, and what must not happen at once.

#include "base/fd.h"

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

namespace cooper::store {

/// Who else may hold a lock: nobody, or those who hold it `together`.
enum class Holding : std::uint8_t { alone, together };

/// What is locked: a file of the folder, and how long to wait for whoever holds it.
struct LockName {
  std::string file = ".lock";
  std::chrono::seconds patience{10};
  Holding holding = Holding::alone;
  std::string_view what = "the records";  ///< for messages
  std::stop_token stop = {};              ///< ends the wait
};

/// The file of FileStore::lock_endings.
inline constexpr std::string_view kEndingLock = ".ending.lock";

/// Held while read-modify-write goes on in a folder. On a file that only the
/// folder's owner may open: whoever can open a file can lock it, and for ever.
class FolderLock {
 public:
  /// Throws Error{unavailable} if it can't have it, Error{canceled} after a stop request.
  explicit FolderLock(const Fd& folder, const LockName& name = {});

 private:
  Fd fd_;  // the lock goes with it
};

/// Are both the same file or folder? False if one is empty.
bool is_same_file(const Fd& a, const Fd& b);

}  // namespace cooper::store
