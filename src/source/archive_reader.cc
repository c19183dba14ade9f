#include "source/archive_reader.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <unistd.h>
#include <utility>

namespace cooper::source {
namespace {

constexpr std::size_t kBufferSize = std::size_t{64} << 10;
constexpr std::int64_t kMaxTime = std::int64_t{1} << 36U;  // file systems know no later one

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(Errc::corrupt, "the archive's " + printable(path) + " " + why);
}

std::string text_or_empty(const char* text) { return text ? text : ""; }

ArchiveEntry::Kind kind_of(archive_entry* entry, const std::string& path) {
  if (archive_entry_hardlink(entry)) return ArchiveEntry::Kind::hard_link;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      return ArchiveEntry::Kind::file;
    case AE_IFDIR:
      return ArchiveEntry::Kind::folder;
    case AE_IFLNK:
      return ArchiveEntry::Kind::symbolic_link;
    case AE_IFCHR:
    case AE_IFBLK:
    case AE_IFIFO:
    case AE_IFSOCK:
      refuse(path, "is a device, fifo or socket");
    default:
      refuse(path, "is of a kind that can't be read");
  }
}

/// libarchive's results are ordered: the least is the worst.
int enable_own(archive* reader) {
  return std::min({archive_read_support_format_tar(reader),
                   archive_read_support_filter_zstd(reader), read_to_the_end(reader)});
}

}  // namespace

int read_to_the_end(archive* reader) {
  return archive_read_set_format_option(reader, "tar", "read_concatenated_archives", "1");
}

const ArchiveFormats kOwnFormats{.enable = enable_own};

void ArchiveReader::Free::operator()(archive* reader) const { archive_read_free(reader); }

ArchiveReader::ArchiveReader(int in, std::stop_token stop, const ArchiveFormats& formats)
    : ArchiveReader(in, nullptr, std::move(stop), formats) {}

ArchiveReader::ArchiveReader(NextPiece next_piece, std::stop_token stop,
                             const ArchiveFormats& formats)
    : ArchiveReader(-1, std::move(next_piece), std::move(stop), formats) {}

ArchiveReader::ArchiveReader(int in, NextPiece next_piece, std::stop_token stop,
                             const ArchiveFormats& formats)
    : in_(in),
      next_piece_(std::move(next_piece)),
      stop_(std::move(stop)),
      buffer_(next_piece_ ? 0 : kBufferSize),
      reader_(archive_read_new()) {
  if (!reader_) throw Error(Errc::unavailable, "no memory to read an archive");
  archive* const reader = reader_.get();
  if (formats.enable(reader) != ARCHIVE_OK) {
    throw Error(Errc::internal, std::string("libarchive: ") + archive_error_string(reader));
  }
  if (formats.access == ArchiveFormats::Access::file) {
    archive_read_set_seek_callback(reader, seek);
  }
  if (archive_read_open(reader, this, nullptr, read_more, nullptr) != ARCHIVE_OK) failed("");
  // libarchive would unwrap zstd in zstd in zstd, and each layer multiplies what
  // few bytes can become.
  if (archive_filter_count(reader) > 2) {
    throw Error(Errc::corrupt, "the archive is compressed more than once");
  }
}

std::optional<ArchiveEntry> ArchiveReader::next() {
  archive_entry* raw = nullptr;
  const int got = archive_read_next_header(reader_.get(), &raw);
  if (got == ARCHIVE_EOF) {
    if (has_end_mark()) return std::nullopt;
    throw Error(Errc::corrupt, "the archive is cut off: it has no end mark");
  }
  // A warning is about what we don't use, or a name that is not of this locale;
  // libarchive then gives its bytes, which is what we want.
  if (got != ARCHIVE_OK && got != ARCHIVE_WARN) failed(path_.empty() ? "" : " after ");
  ArchiveEntry entry;
  entry.path = path_ = text_or_empty(archive_entry_pathname(raw));
  entry.kind = kind_of(raw, path_);
  if (archive_entry_is_encrypted(raw) != 0) refuse(path_, "is encrypted");
  if (archive_entry_sparse_count(raw) > 0) refuse(path_, "is a sparse file, which can't be read");
  if (entry.kind == ArchiveEntry::Kind::hard_link) {
    entry.target = text_or_empty(archive_entry_hardlink(raw));
  } else if (entry.kind == ArchiveEntry::Kind::symbolic_link) {
    entry.target = text_or_empty(archive_entry_symlink(raw));
  } else if (entry.kind == ArchiveEntry::Kind::file) {
    entry.size = static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(raw), 0));
  }
  entry.mode = static_cast<unsigned>(archive_entry_perm(raw));
  entry.mtime = std::clamp<std::int64_t>(archive_entry_mtime(raw), 0, kMaxTime);
  size_ = entry.size;
  handed_out_ = 0;
  return entry;
}

std::string_view ArchiveReader::content() {
  const void* bytes = nullptr;
  std::size_t count = 0;
  la_int64_t offset = 0;
  const int got = archive_read_data_block(reader_.get(), &bytes, &count, &offset);
  if (got != ARCHIVE_OK && got != ARCHIVE_EOF) failed(" at ");
  if (got == ARCHIVE_EOF) count = 0;
  // What a sparse file's map would do that did not look like one.
  if ((count > 0 && static_cast<std::uint64_t>(offset) != handed_out_) ||
      count > size_ - handed_out_ || (count == 0 && handed_out_ != size_)) {
    refuse(path_, "has not the size that it says");
  }
  handed_out_ += count;
  return {static_cast<const char*>(bytes), count};
}

ssize_t ArchiveReader::read_more(archive* /*reader*/, void* self, const void** bytes) {
  return static_cast<ArchiveReader*>(self)->fill(bytes);
}

std::int64_t ArchiveReader::seek(archive* /*reader*/, void* self, std::int64_t offset, int whence) {
  const off_t at = ::lseek(static_cast<ArchiveReader*>(self)->in_, offset, whence);
  return at < 0 ? ARCHIVE_FATAL : at;
}

/// Without it the archive was cut, perhaps just between two entries. (A zip that was cut
/// could not be opened: its list of files stands at its end.)
bool ArchiveReader::has_end_mark() const {
  if ((archive_format(reader_.get()) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR) return true;
  return archive_filter_bytes(reader_.get(), 0) > archive_read_header_position(reader_.get());
}

ssize_t ArchiveReader::fill(const void** bytes) noexcept {
  try {
    if (stop_.stop_requested()) throw Error(Errc::canceled, "reading the archive was canceled");
    if (next_piece_) {
      const std::string_view piece = next_piece_();
      *bytes = piece.data();
      return static_cast<ssize_t>(piece.size());
    }
    *bytes = buffer_.data();
    return read_some(in_, buffer_);
  } catch (...) {  // adapter: must not fly through C; failed() throws it on
    failure_ = std::current_exception();
    return -1;
  }
}

/// Throws what made libarchive's last call fail. `where` is put before the
/// current entry's name.
void ArchiveReader::failed(const char* where) {
  if (failure_) std::rethrow_exception(failure_);
  const char* const text = archive_error_string(reader_.get());
  const std::string why = text ? printable(text) : "unknown";
  if (archive_errno(reader_.get()) == ENOMEM) {
    throw Error(Errc::unavailable, "reading the archive: " + why);
  }
  throw Error(Errc::corrupt, "the archive is damaged or cut off" +
                                 (*where ? where + printable(path_) : std::string()) + ": " + why);
}

}  // namespace cooper::source
