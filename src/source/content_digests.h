#pragma once
// Digests of files' contents that somebody already knows, so that nobody has
// to read the files again.

#include "base/sha256.h"

#include <cstdint>
#include <optional>
#include <sys/stat.h>
#include <vector>

namespace cooper::source {

/// A time as one number, good until the year 2262.
std::int64_t nanoseconds(const timespec& time);

/// Digests by what stat(2) says of a file: device, inode, size and change time.
/// Constant once made, so any thread may ask.
class ContentDigests {
 public:
  struct Known {
    std::uint64_t device;
    std::uint64_t inode;
    std::int64_t size;
    std::int64_t changed_ns;  ///< st_ctim
    Sha256Digest digest;
  };

  /// What find() will compare of `file`.
  static Known known(const struct stat& file, const Sha256Digest& digest);

  ContentDigests() = default;
  /// In the order in which they became known.
  explicit ContentDigests(std::vector<Known> known);

  const std::vector<Known>& all() const { return known_; }

  /// nullopt if the file is not known, or was touched since.
  std::optional<Sha256Digest> find(const struct stat& file) const;

 private:
  std::vector<Known> known_;  ///< by device and inode
};

}  // namespace cooper::source
