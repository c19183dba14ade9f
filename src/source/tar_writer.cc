#include "source/tar_writer.h"

#include "base/error.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>

namespace cooper::source {
namespace {

constexpr std::size_t kBufferSize = std::size_t{256} << 10;
constexpr std::int64_t kMaxTime = 077777777777;  // 11 octal digits

/// Not read_some(): its Error could not be told from one of writing.
std::size_t read_into(std::span<char> room, int fd, std::string_view path) {
  for (;;) {
    const ssize_t n = ::read(fd, room.data(), room.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) throw_errno("read " + printable(path));
  }
}

}  // namespace

void TarWriter::Free::operator()(archive* writer) const { archive_write_free(writer); }

void TarWriter::Free::operator()(archive_entry* entry) const { archive_entry_free(entry); }

TarWriter::TarWriter(BlockWriter& out, std::int64_t mtime, std::stop_token stop)
    : out_(out),
      mtime_(std::clamp<std::int64_t>(mtime, 0, kMaxTime)),
      stop_(std::move(stop)),
      buffer_(kBufferSize),
      writer_(archive_write_new()),
      entry_(archive_entry_new()) {
  if (!writer_ || !entry_) throw Error(Errc::unavailable, "no memory to write an archive");
  check(archive_write_set_format_gnutar(writer_.get()));
  check(archive_write_set_bytes_per_block(writer_.get(), 0));  // out_ has blocks of its own
  check(archive_write_open(writer_.get(), this, nullptr, write_out, nullptr));
}

TarWriter::~TarWriter() { dropped_ = true; }

ssize_t TarWriter::write_out(archive* /*writer*/, void* self, const void* bytes, std::size_t size) {
  auto* const me = static_cast<TarWriter*>(self);
  try {
    if (!me->dropped_) me->out_.write({static_cast<const char*>(bytes), size});
  } catch (...) {  // adapter: must not fly through C; check() throws it on
    me->failure_ = std::current_exception();
    me->dropped_ = true;
  }
  // Never an error: libarchive 3.6 then forgets to free what it has.
  return static_cast<ssize_t>(size);
}

void TarWriter::check(ssize_t result) {
  if (failure_) std::rethrow_exception(failure_);
  if (result >= ARCHIVE_OK) return;
  const char* const text = archive_error_string(writer_.get());
  const char* const path = archive_entry_pathname(entry_.get());
  throw Error(Errc::internal, "pack " + printable(path ? path : "") + ": " + (text ? text : "?"));
}

archive_entry* TarWriter::new_entry(std::string_view path, unsigned kind, unsigned mode) {
  archive_entry* const entry = archive_entry_clear(entry_.get());
  archive_entry_set_pathname(entry, std::string(path).c_str());
  archive_entry_set_filetype(entry, kind);
  archive_entry_set_perm(entry, mode);
  archive_entry_set_mtime(entry, mtime_, 0);
  archive_entry_set_size(entry, 0);
  return entry;
}

void TarWriter::write_header() { check(archive_write_header(writer_.get(), entry_.get())); }

void TarWriter::folder(std::string_view path, unsigned mode) {
  new_entry(std::string(path) + "/", AE_IFDIR, mode);
  write_header();
}

void TarWriter::link(std::string_view path, std::string_view target) {
  archive_entry_set_symlink(new_entry(path, AE_IFLNK, 0777), std::string(target).c_str());
  write_header();
}

TarWriter::Written TarWriter::file(std::string_view path, unsigned mode, std::uint64_t size,
                                   int fd) {
  archive_entry_set_size(new_entry(path, AE_IFREG, mode), static_cast<la_int64_t>(size));
  write_header();
  Content content = Content::exact;
  std::uint64_t left = size;
  while (left > 0) {
    if (stop_.stop_requested()) throw Error(Errc::canceled, "packing was canceled");
    // One byte more than expected shows a file that grew, without another call.
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kBufferSize, left + 1));
    const std::size_t n = read_into(std::span(buffer_).first(wanted), fd, path);
    if (n == 0) {
      content = Content::shrank;
      break;
    }
    if (n > left) content = Content::grew;
    const std::uint64_t used = std::min<std::uint64_t>(n, left);
    check(archive_write_data(writer_.get(), buffer_.data(), used));
    hash_.update({buffer_.data(), used});
    left -= used;
  }
  check(archive_write_finish_entry(writer_.get()));  // zero bytes for what is missing
  if (left > 0) hash_zeros(left);
  return {content, hash_.finish()};
}

void TarWriter::hash_zeros(std::uint64_t count) {
  std::ranges::fill(buffer_, '\0');
  for (; count > 0; count -= std::min<std::uint64_t>(count, kBufferSize)) {
    hash_.update({buffer_.data(), std::min<std::uint64_t>(count, kBufferSize)});
  }
}

void TarWriter::finish() { check(archive_write_close(writer_.get())); }

}  // namespace cooper::source
