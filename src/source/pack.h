#pragma once
// Packing a source folder into one reproducible `.tar.zst`.

#include "base/sha256.h"
#include "source/ignore.h"
#include "source/stat_cache.h"

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::source {

struct PackOptions {
  std::filesystem::path folder;
  IgnoreRules ignore;  ///< see read_ignore_rules
  /// What is packed even if the rules exclude it: manifest, Dockerfiles,
  /// `.dockerignore`. See TreeFilter::always.
  std::vector<std::string> always;
  StatCache* cache = nullptr;  ///< learns what was read; not saved; borrowed
  /// What every entry gets as its time, in seconds since 1970; the default is
  /// 1980-01-01T00:00:01Z, which the zip-bound tools of this world can hold.
  std::int64_t mtime = 315532801;
  int level = 3;         ///< zstd's, 1 to 19; from 10 on it needs more memory
  unsigned threads = 0;  ///< that compress; 0: one for each processor, at most 4
};

struct PackResult {
  std::uint64_t files = 0;
  std::uint64_t folders = 0;  ///< without the packed folder itself
  std::uint64_t links = 0;    ///< symbolic links
  std::uint64_t bytes = 0;    ///< content of the files, uncompressed
  std::uint64_t archive_bytes = 0;
  std::uint64_t taken_bytes = 0;  ///< of these, what came from an earlier archive: see repack.h
  Sha256Digest tree;              ///< of what was packed, as tree_digest() has it
  /// What was left out or changed while it was read: see FileWarnings.
  std::vector<std::string> warnings;
};

/// Writes a tar (GNU's, which every tool reads), compressed with zstd, to the
/// descriptor `out`, from its current position on.
///
/// Reproducible: the same names, contents, permission bits and link targets
/// give the same bytes, on any machine and with any number of threads. Owners
/// become 0:0, times `mtime`, hard links plain files; setuid, setgid and sticky
/// bits are dropped; symbolic links stay links and are never followed; empty
/// folders are kept; sockets, fifos and devices are left out with a warning.
/// Names may hold any bytes.
///
/// A file that changes while it is read is cut or padded with zero bytes to the
/// size it had when it was opened, and one that vanished is left out, both with
/// a warning. Memory stays below 64 MiB whatever the size of the tree.
///
/// The archive is cut into segments, and has a table of them and of its entries at the end
/// (archive_table.h), in a frame that decompressors skip; one of more entries than a TreeList
/// takes has none.
///
/// Throws Error: naming the file that can't be read; not_found or invalid if
/// the folder is none; canceled on a stop request. Then `out` holds a part that
/// is no valid archive.
PackResult pack(const PackOptions& options, int out, std::stop_token stop = {});

}  // namespace cooper::source
