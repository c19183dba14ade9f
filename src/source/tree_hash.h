#pragma once
// What makes a tree's digest from its entries.

#include "base/sha256.h"

#include <string_view>
#include <sys/types.h>

namespace cooper::source {

/// Hashes the entries of a tree in the order of walk_tree() (tree_walk.h): what they
/// are called, their kind and permission bits, where links lead, what files hold.
/// Neither a path nor a target holds a NUL, and all else has a fixed length, so two
/// trees never give the same bytes.
class TreeHash {
 public:
  TreeHash();
  /// `mode` as lstat(2) tells it: a folder, file or symbolic link. After a link comes
  /// its target, after a file its content.
  void entry(std::string_view path, mode_t mode);
  void target(std::string_view target);
  void content(const Sha256Digest& digest);
  /// Of all entries. Call once, last.
  Sha256Digest finish();

 private:
  Sha256 hash_;
};

}  // namespace cooper::source
