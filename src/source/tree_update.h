#pragma once
// Bringing unpacked files up to date with an archive, of which only the segments that
// differ are read.

#include "source/content_digests.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

namespace cooper::source {

struct TreeUpdate {
  std::uint64_t written = 0;     ///< entries that were not there, or others
  std::uint64_t removed = 0;     ///< what was there and is no entry, a folder counting once
  std::uint64_t bytes_read = 0;  ///< of the archive's segments
};

/// Makes `target`, a folder that an archive was unpacked into (whatever happened to it
/// since), hold exactly the entries whose tree_digest() is `tree` (hex), as `archive` has them.
/// `digests` are those of its files, as far as they are known, and then those of all.
///
/// What is there is compared with the archive's list of entries: a file by kind,
/// permission bits, size, time, and the digest that is known for what lstat(2) says of it,
/// so one that anybody touched is written anew. What was written is looked at again: when
/// this returns, each entry was seen to be as in the list, and the list's digest is `tree`.
///
/// nullopt, with nothing done, if the archive has no table, or one of another tree, or if so
/// much is other that unpack_over() would do as well. Throws
/// Error if the files can't be brought up to date, or the archive is damaged; then `target`
/// is of no use any more; canceled on a stop request. So is a target that is a symbolic link.
std::optional<TreeUpdate> update_tree(int archive, const std::filesystem::path& target,
                                      const std::string& tree, ContentDigests& digests,
                                      std::stop_token stop = {});

}  // namespace cooper::source
