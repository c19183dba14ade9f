#pragma once
// The table at the end of our archives: what they hold, and which bytes hold it.

#include "source/tree_list.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::source {

/// What decides, beside the entries, which bytes an archive has.
struct ArchiveMaker {
  std::uint32_t zstd = 0;  ///< the libraries' versions, as they number them
  std::uint32_t libarchive = 0;
  std::int32_t level = 0;
  std::int64_t mtime = 0;  ///< of every entry

  /// With the libraries of this program.
  static ArchiveMaker here(int level, std::int64_t mtime);
  bool operator==(const ArchiveMaker&) const = default;
};

/// A run of entries that is compressed by itself: frames that need nothing of others.
struct Segment {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  ///< compressed
};

/// Segments stand in the archive one after the other, from its first byte on; then come the
/// table, in a frame that decompressors skip, and a frame with the tar's end mark: what is
/// cut off anywhere lacks that.
struct ArchiveTable {
  ArchiveMaker maker;
  std::vector<Segment> segments;  ///< their entries are the list's, in order
  TreeList list;
  /// Where the end mark is, from there to the end of the file; told by read_table().
  std::uint64_t end_offset = 0;
  std::uint64_t end_bytes = 0;

  /// The table's frame. At most some 17 MiB, as a list is bounded.
  std::string frame() const;
};

/// Reads the table of an open archive. nullopt if it has none, or none that fits it. A
/// damaged one may be well-formed: compare the list's digest, or the archive's, with one
/// that was kept elsewhere before anything in it is believed. Throws Error if the file
/// can't be read.
std::optional<ArchiveTable> read_table(int archive);

/// Where segments begin, told from the entries alone, so that the same entries are in the
/// same segments wherever they lie in an archive: before an entry whose path's hash is
/// small enough, seen how large it is. They have some 768 KiB on average.
class SegmentCut {
 public:
  static constexpr std::uint64_t kLeast = std::uint64_t{256} << 10;
  static constexpr std::uint64_t kMean = std::uint64_t{512} << 10;  ///< beyond the least
  static constexpr std::uint64_t kMost = std::uint64_t{2} << 20;    ///< but for a larger file

  /// Call for every entry but the first one of an archive as for that one. `size`: of its content.
  bool before(std::string_view path, std::uint64_t size);

 private:
  std::uint64_t bytes_ = 0;
};

}  // namespace cooper::source
