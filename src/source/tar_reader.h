#pragma once
// The tar format as others write it: v7, ustar, pax, and GNU's long names.

#include "source/zstd_reader.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::source {

struct TarEntry {
  enum class Kind : std::uint8_t { file, folder, symbolic_link, hard_link };
  Kind kind = Kind::file;
  std::string path;        ///< as it is written there: not to be trusted
  std::string target;      ///< of a link, likewise
  unsigned mode = 0;       ///< permission bits and the three above them
  std::uint64_t size = 0;  ///< of a file's content; 0 for the rest
  std::int64_t mtime = 0;  ///< seconds since 1970
};

/// Reads one archive, entry by entry. Memory is bounded whatever the bytes say.
/// Every call throws Error{corrupt} for what is no tar, is damaged or cut, or
/// holds a device, a sparse file or another kind that is not in TarEntry::Kind.
class TarReader {
 public:
  /// `in` outlives this.
  explicit TarReader(ZstdReader& in) : in_(in) {}

  /// Skips what is left of the entry before. nullopt at the archive's end, the
  /// stream then having been read to its end.
  std::optional<TarEntry> next();

  /// The next part of the current file's content; empty at its end.
  std::string_view content();

 private:
  struct Header;
  struct Extended {  ///< what pax and GNU headers say about the entry after them
    std::optional<std::string> path;
    std::optional<std::string> target;
    std::optional<std::uint64_t> size;
    std::optional<std::int64_t> mtime;
  };

  bool read_header(Header& header);
  void read_exactly(char* to, std::size_t size);
  std::string read_text(std::uint64_t size);
  void read_pax(std::string_view records, Extended& extended);
  TarEntry entry_of(const Header& header, Extended&& extended);
  void skip_content();
  void read_to_end();

  ZstdReader& in_;
  std::uint64_t content_left_ = 0;
  std::uint64_t padding_left_ = 0;
};

}  // namespace cooper::source
