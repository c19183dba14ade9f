#include "source/foreign/measure_content.h"

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <new>
#include <string_view>

namespace cooper::source::foreign {

namespace {

struct Free {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

[[noreturn]] void damaged(archive* reader) {
  const char* const why = archive_error_string(reader);
  throw Error(Errc::corrupt, "it is damaged or cut off" +
                                 (why ? ": " + shorten(printable(why), 120) : std::string()));
}

void require(int result, archive* reader) {
  if (result != ARCHIVE_OK) damaged(reader);
}

}  // namespace

std::string measure_content(int in, std::uint64_t size, std::uint64_t most) {
  constexpr std::size_t kBlock = std::size_t{256} << 10;
  const std::unique_ptr<archive, Free> owned(archive_read_new());
  archive* const reader = owned.get();
  if (!reader) throw std::bad_alloc();
  for (auto* const enable : {archive_read_support_filter_gzip, archive_read_support_filter_zstd,
                             archive_read_support_filter_bzip2, archive_read_support_filter_xz,
                             archive_read_support_format_raw, archive_read_support_format_empty}) {
    require(enable(reader), reader);
  }
  require(archive_read_open_fd(reader, in, kBlock), reader);
  // The content's own, the client's: another one is a decompressor's output in a decompressor.
  constexpr int kFilters = 2;
  archive_entry* entry = nullptr;
  const int first = archive_read_next_header(reader, &entry);
  if (first != ARCHIVE_OK && first != ARCHIVE_EOF) damaged(reader);
  if (archive_filter_count(reader) != kFilters) {
    throw Error(Errc::corrupt, "it is not compressed once, as gzip, zstd, bzip2 or xz do");
  }
  Sha256 hash;
  std::uint64_t bytes = 0;
  const void* block = nullptr;
  std::size_t length = 0;
  la_int64_t offset = 0;
  while (first == ARCHIVE_OK) {
    const int result = archive_read_data_block(reader, &block, &length, &offset);
    if (result == ARCHIVE_EOF) break;
    require(result, reader);
    bytes += length;
    if (bytes > most) {
      throw Error(Errc::invalid, "it unpacks to more than " + human_bytes(most));
    }
    hash.update({static_cast<const char*>(block), length});
  }
  // What a decompressor leaves over, another one might take for a part of it.
  if (archive_filter_bytes(reader, -1) != static_cast<la_int64_t>(size)) {
    throw Error(Errc::corrupt, "something follows its compressed data");
  }
  return std::to_string(bytes) + " " + hex(hash.finish());
}

}  // namespace cooper::source::foreign
