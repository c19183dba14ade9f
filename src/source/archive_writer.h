#pragma once
// Our archives as they are written: a tar in segments, compressed, with a table at its end.

#include "source/archive_table.h"
#include "source/block_writer.h"
#include "source/tar_writer.h"
#include "source/tree_list.h"

#include <cstdint>
#include <stop_token>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cooper::source {

struct ArchiveSettings {
  std::int64_t mtime = 0;  ///< of every entry, in seconds since 1970
  int level = 3;           ///< zstd's
  unsigned threads = 0;    ///< that compress; 0: one for each processor, at most 4
};

/// Writes entries in the order of walk_tree(). The bytes depend on the entries, the settings
/// but `threads`, and the versions of the libraries alone, however many of the segments were
/// taken over. Every call throws Error if the output can't be written.
class ArchiveWriter {
 public:
  /// `out` is borrowed.
  ArchiveWriter(int out, const ArchiveSettings& settings, std::stop_token stop);

  /// Modes as lstat(2) tells them.
  void folder(std::string_view path, mode_t mode);
  void link(std::string_view path, mode_t mode, std::string_view target);
  /// See TarWriter::file().
  TarWriter::Written file(std::string_view path, mode_t mode, std::uint64_t size, int fd);

  /// A whole segment as another archive of the same settings holds it: its entries, then its
  /// bytes, in pieces.
  void taken_entry(const ListEntry& entry);
  void taken_bytes(std::string_view bytes) { compressed_.write_compressed(bytes); }

  /// Call once, last. An archive whose list was dropped gets no table.
  void finish();

  /// These two are settled after finish().
  std::uint64_t written() const { return compressed_.written(); }
  const TreeList& list() const { return table_.list; }

 private:
  /// Until finish() only their first blocks are known.
  struct Begun {
    std::uint64_t entries = 0;
    std::uint64_t first_block = 0;
  };

  void begin(std::string_view path, std::uint64_t size);
  std::uint64_t bytes_of_blocks(std::uint64_t first, std::uint64_t last) const;

  BlockWriter compressed_;
  TarWriter tar_;
  SegmentCut cut_;
  std::vector<Begun> begun_;
  ArchiveTable table_;
};

}  // namespace cooper::source
