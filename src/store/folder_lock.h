#pragma once
// Locks on files of a folder: read-modify-write of records, and what must not happen at once.

#include "base/fd.h"
#include "store/layout.h"

#include <chrono>
#include <cstdint>
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
};

/// The file of FileStore::lock_endings.
inline constexpr std::string_view kEndingLock = ".ending.lock";

/// The file of lock_images.
inline constexpr std::string_view kImagesLock = ".images.lock";

/// Held while read-modify-write goes on in a folder. On a file that only the
/// folder's owner may open: whoever can open a file can lock it, and for ever.
class FolderLock {
 public:
  /// Throws Error{unavailable} if it can't have it.
  explicit FolderLock(const Fd& folder, const LockName& name = {});

 private:
  Fd fd_;  // the lock goes with it
};

/// Held together while an image that an engine has gets one more name, alone while images
/// are removed: an engine looks for an image's other names and removes it in two steps, and
/// a name that it gets in between would be lost. Of the whole data root; for one request to
/// the engine, and taken after all other locks. Throws Error{unavailable} if it can't have it.
FolderLock lock_images(const Layout& layout, Holding holding);

/// Are both the same file or folder? False if one is empty.
bool is_same_file(const Fd& a, const Fd& b);

}  // namespace cooper::store
