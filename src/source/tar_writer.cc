#include "source/tar_writer.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>

namespace cooper::source {
namespace {

constexpr std::size_t kRecord = 512;
constexpr std::uint64_t kMaxOctalSize = 077777777777;  // 11 octal digits, 8 GiB - 1

struct Header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[8];  // "ustar\0" and version "00"
  char owner[32];
  char group[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];
  char unused[12];
};
static_assert(sizeof(Header) == kRecord);

/// Octal digits with leading zeros, a NUL after them.
template <std::size_t N>
void put_octal(char (&field)[N], std::uint64_t value) {
  for (std::size_t i = N - 1; i-- > 0; value >>= 3U) {
    field[i] = static_cast<char>('0' + (value & 7U));
  }
}

void put_text(std::span<char> field, std::string_view text) {
  text.copy(field.data(), field.size());
}

/// Puts the path into name, or into prefix and name; false if it fits neither.
bool put_path(Header& header, std::string_view path) {
  if (path.size() <= sizeof header.name) {
    put_text(header.name, path);
    return true;
  }
  // The last `/` that leaves a prefix short enough; a folder's own last `/` is
  // no place to cut, as it would leave the name empty.
  const std::size_t cut = path.substr(0, path.size() - 1).rfind('/', sizeof header.prefix);
  if (cut == std::string_view::npos || cut == 0) return false;
  if (path.size() - cut - 1 > sizeof header.name) return false;
  put_text(header.prefix, path.substr(0, cut));
  put_text(header.name, path.substr(cut + 1));
  return true;
}

/// One pax record: its length counts itself.
void append_pax(std::string& records, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;  // space, `=`, newline
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  records.append(std::to_string(length)).append(" ").append(key).append("=").append(value);
  records.append("\n");
}

void put_checksum(Header& header) {
  std::memset(header.checksum, ' ', sizeof header.checksum);
  std::array<unsigned char, kRecord> bytes;
  std::memcpy(bytes.data(), &header, kRecord);
  unsigned sum = 0;
  for (const unsigned char byte : bytes) sum += byte;
  char digits[7] = {};
  put_octal(digits, sum);
  std::memcpy(header.checksum, digits, sizeof digits);
}

Header blank_header(char type, unsigned mode, std::uint64_t size, std::int64_t mtime) {
  Header header{};
  put_octal(header.mode, mode);
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  put_octal(header.size, size);
  put_octal(header.mtime, static_cast<std::uint64_t>(mtime));
  header.type = type;
  std::memcpy(header.magic,
              "ustar\0"
              "00",
              sizeof header.magic);
  put_octal(header.device_major, 0);
  put_octal(header.device_minor, 0);
  return header;
}

std::string_view bytes_of(const Header& header) {
  return {reinterpret_cast<const char*>(&header), sizeof header};
}

std::size_t padding(std::uint64_t size) {
  return static_cast<std::size_t>((kRecord - size % kRecord) % kRecord);
}

/// Not read_some(): its Error could not be told from one of writing.
std::uint64_t read_into(std::span<char> room, int fd, std::string_view path) {
  for (;;) {
    const ssize_t n = ::read(fd, room.data(), room.size());
    if (n >= 0) return static_cast<std::uint64_t>(n);
    if (errno != EINTR) throw_errno("read " + printable(path));
  }
}

}  // namespace

TarWriter::TarWriter(ZstdWriter& out, std::int64_t mtime, std::stop_token stop)
    : out_(out),
      mtime_(std::clamp<std::int64_t>(mtime, 0, kMaxOctalSize)),
      stop_(std::move(stop)) {}

void TarWriter::header(char type, std::string_view path, unsigned mode, std::uint64_t size,
                       std::string_view target) {
  Header header = blank_header(type, mode, std::min(size, kMaxOctalSize), mtime_);
  std::string records;
  if (!put_path(header, path)) {
    append_pax(records, "path", path);
    put_text(header.name, path);
  }
  if (target.size() > sizeof header.link) append_pax(records, "linkpath", target);
  put_text(header.link, target);
  if (size > kMaxOctalSize) append_pax(records, "size", std::to_string(size));
  if (!records.empty()) {
    Header pax = blank_header('x', 0644, records.size(), mtime_);
    put_text(pax.name, "pax/header");
    put_checksum(pax);
    out_.write(bytes_of(pax));
    out_.write(records);
    out_.write_zeros(padding(records.size()));
  }
  put_checksum(header);
  out_.write(bytes_of(header));
}

void TarWriter::folder(std::string_view path, unsigned mode) {
  header('5', std::string(path) + "/", mode, 0, {});
}

void TarWriter::link(std::string_view path, std::string_view target) {
  header('2', path, 0777, 0, target);
}

TarWriter::Content TarWriter::file(std::string_view path, unsigned mode, std::uint64_t size,
                                   int fd) {
  header('0', path, mode, size, {});
  Content content = Content::exact;
  std::uint64_t left = size;
  while (left > 0) {
    if (stop_.stop_requested()) throw Error(Errc::canceled, "packing was canceled");
    const std::span<char> room = out_.space();
    // One byte more than expected shows a file that grew, without another call.
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), left + 1));
    const std::uint64_t n = read_into(room.first(wanted), fd, path);
    if (n == 0) {
      content = Content::shrank;
      break;
    }
    if (n > left) content = Content::grew;
    const std::uint64_t used = std::min(n, left);
    out_.advance(static_cast<std::size_t>(used));
    left -= used;
  }
  while (left > 0) {
    const std::uint64_t n = std::min<std::uint64_t>(left, ZstdWriter::kBlockSize);
    out_.write_zeros(static_cast<std::size_t>(n));
    left -= n;
  }
  out_.write_zeros(padding(size));
  return content;
}

void TarWriter::finish() { out_.write_zeros(2 * kRecord); }

}  // namespace cooper::source
