#pragma once
// The tar that packing makes, by libarchive.

#include "base/sha256.h"
#include "source/block_writer.h"

#include <cstdint>
#include <exception>
#include <memory>
#include <stop_token>
#include <string_view>
#include <sys/types.h>
#include <vector>

struct archive;
struct archive_entry;

namespace cooper::source {

/// Writes entries into a BlockWriter, in GNU's dialect: it keeps names as the
/// bytes that they are, where pax has them in UTF-8 or says, to some tools'
/// annoyance, that they are not. Every entry belongs to 0:0 and has one time, and
/// the bytes depend on the arguments alone.
class TarWriter {
 public:
  /// `out` outlives this. `mtime` in seconds since 1970, 0 to 8^11 - 1.
  TarWriter(BlockWriter& out, std::int64_t mtime, std::stop_token stop = {});
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  /// Paths are relative and `/`-separated, any bytes but NUL.
  void folder(std::string_view path, unsigned mode);
  void link(std::string_view path, std::string_view target);

  enum class Content : std::uint8_t {
    exact,
    grew,    ///< there was more than `size`; it was left out
    shrank,  ///< there was less; the rest is zero bytes
  };
  struct Written {
    Content content;
    Sha256Digest digest;  ///< of the content as it is in the archive
  };
  /// Reads `size` bytes from the open file `fd` into the entry; the entry gets
  /// that size whatever the file really holds. Throws Error that names the path
  /// if it can't be read, Error{canceled} on a stop request.
  Written file(std::string_view path, unsigned mode, std::uint64_t size, int fd);

  /// The end of the archive. Call once, last, before the BlockWriter's finish().
  void finish();

 private:
  static ssize_t write_out(archive* writer, void* self, const void* bytes, std::size_t size);
  archive_entry* new_entry(std::string_view path, unsigned kind, unsigned mode);
  void write_header();
  void hash_zeros(std::uint64_t count);
  void check(ssize_t result);

  struct Free {
    void operator()(archive* writer) const;
    void operator()(archive_entry* entry) const;
  };

  BlockWriter& out_;
  std::int64_t mtime_;
  std::stop_token stop_;
  std::vector<char> buffer_;
  Sha256 hash_;                 ///< of the current file
  std::exception_ptr failure_;  ///< of out_
  bool dropped_ = false;        ///< what comes: unfinished, libarchive would still end it
  std::unique_ptr<archive, Free> writer_;
  std::unique_ptr<archive_entry, Free> entry_;
};

}  // namespace cooper::source
