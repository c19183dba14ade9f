#pragma once
// One digest for all that a build can see of a folder.

#include "base/sha256.h"
#include "source/content_digests.h"
#include "source/stat_cache.h"
#include "source/tree_list.h"
#include "source/tree_walk.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::source {

struct TreeDigestOptions {
  std::filesystem::path root;
  TreeFilter filter;
  const ContentDigests* known = nullptr;  ///< asked first; borrowed
  StatCache* cache = nullptr;             ///< then this, which learns the rest; borrowed
  TreeList* list = nullptr;               ///< empty; gets all entries; borrowed
};

struct TreeDigest {
  Sha256Digest digest;
  std::uint64_t entries = 0;
  std::uint64_t files_read = 0;       ///< their digests were not known
  std::vector<std::string> warnings;  ///< what was left out: see FileWarnings
};

/// The same for two folders exactly if the filter selects the same names in
/// both, with the same permission bits, link targets and contents. That is what
/// pack() keeps, so a folder and its unpacked copy agree; owners, times, hard
/// links, sockets and their like have no part in it. SHA-256: nobody can make two
/// trees that agree.
///
/// Throws Error: naming what can't be read; conflict for a file that vanished
/// meanwhile; not_found or invalid if the root is no folder; canceled on a stop
/// request. Does not save the cache.
TreeDigest tree_digest(const TreeDigestOptions& options, std::stop_token stop = {});

/// The same, but nullopt, as soon as that is clear, if files of more than `most_read`
/// bytes together would have to be read.
std::optional<TreeDigest> quick_tree_digest(const TreeDigestOptions& options,
                                            std::uint64_t most_read, std::stop_token stop = {});

}  // namespace cooper::source
