#pragma once
// The tar format as far as packing needs it: ustar (POSIX.1-1988), with pax
// headers (POSIX.1-2001) for what does not fit into it.

#include "source/zstd_writer.h"

#include <cstdint>
#include <stop_token>
#include <string_view>

namespace cooper::source {

/// Writes entries into a ZstdWriter. Every entry belongs to 0:0 and has one
/// time, and the bytes depend on the arguments alone: not on the locale, which
/// is why this is not libarchive's writer (that one also needs every format's
/// libraries when it is linked statically).
class TarWriter {
 public:
  /// `out` outlives this. `mtime` in seconds since 1970, 0 to 8^11 - 1.
  TarWriter(ZstdWriter& out, std::int64_t mtime, std::stop_token stop = {});

  /// Paths are relative and `/`-separated, any bytes but NUL.
  void folder(std::string_view path, unsigned mode);
  void link(std::string_view path, std::string_view target);

  enum class Content : std::uint8_t {
    exact,
    grew,    ///< there was more than `size`; it was left out
    shrank,  ///< there was less; the rest is zero bytes
  };
  /// Reads `size` bytes from the open file `fd` into the entry; the entry gets
  /// that size whatever the file really holds. Throws Error that names the path
  /// if it can't be read, Error{canceled} on a stop request.
  Content file(std::string_view path, unsigned mode, std::uint64_t size, int fd);

  /// The end of the archive. Call once, last, before the ZstdWriter's finish().
  void finish();

 private:
  void header(char type, std::string_view path, unsigned mode, std::uint64_t size,
              std::string_view target);

  ZstdWriter& out_;
  std::int64_t mtime_;
  std::stop_token stop_;
};

}  // namespace cooper::source
