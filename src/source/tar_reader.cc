#include "source/tar_reader.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace cooper::source {
namespace {

constexpr std::size_t kRecord = 512;
constexpr std::uint64_t kMaxExtended = std::uint64_t{1} << 20;  // bytes of pax records
constexpr std::uint64_t kMaxTrailer = std::uint64_t{16} << 20;  // tapes pad to their block
constexpr std::uint64_t kMaxTime = std::uint64_t{1} << 36U;     // file systems know no later one
constexpr std::size_t kMaxChunk = std::size_t{1} << 20;

[[noreturn]] void damaged(const std::string& why) {
  throw Error(Errc::corrupt, "the archive is damaged: " + why);
}

/// Up to the first NUL.
std::string_view text_of(std::string_view field) { return field.substr(0, field.find('\0')); }

/// Octal digits with blanks around them, or GNU's base 256. nullopt if neither.
std::optional<std::uint64_t> number_of(std::string_view field) {
  std::uint64_t value = 0;
  if ((static_cast<unsigned char>(field[0]) & 0x80U) != 0) {
    if (static_cast<unsigned char>(field[0]) != 0x80U) return std::nullopt;  // negative, or huge
    for (const char c : field.substr(1)) {
      if (value >> 56U != 0) return std::nullopt;
      value = (value << 8U) | static_cast<unsigned char>(c);
    }
    return value;
  }
  const std::string_view digits = trim(text_of(field));
  if (digits.empty()) return 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, 8);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::uint64_t padding(std::uint64_t size) { return (kRecord - size % kRecord) % kRecord; }

}  // namespace

struct TarReader::Header {
  std::array<char, kRecord> bytes;

  std::string_view field(std::size_t begin, std::size_t size) const {
    return std::string_view(bytes.data(), bytes.size()).substr(begin, size);
  }
  std::string_view name() const { return text_of(field(0, 100)); }
  std::string_view mode() const { return field(100, 8); }
  std::string_view size() const { return field(124, 12); }
  std::string_view mtime() const { return field(136, 12); }
  std::string_view checksum() const { return field(148, 8); }
  char type() const { return bytes[156]; }
  std::string_view target() const { return text_of(field(157, 100)); }
  /// GNU's magic is `ustar  `, and has other things where the prefix is.
  bool has_prefix() const { return field(257, 6) == std::string_view("ustar\0", 6); }
  std::string_view prefix() const { return text_of(field(345, 155)); }

  bool is_zero() const {
    return std::ranges::all_of(bytes, [](char byte) { return byte == 0; });
  }

  bool checksum_fits() const {
    std::uint64_t as_unsigned = 0;
    std::int64_t as_signed = 0;  // what some old tars summed up
    for (std::size_t i = 0; i < kRecord; ++i) {
      const char byte = i >= 148 && i < 156 ? ' ' : bytes[i];
      as_unsigned += static_cast<unsigned char>(byte);
      as_signed += static_cast<signed char>(byte);
    }
    const auto said = number_of(checksum());
    return said && (*said == as_unsigned || static_cast<std::int64_t>(*said) == as_signed);
  }
};

std::optional<TarEntry> TarReader::next() {
  skip_content();
  Extended extended;
  for (Header header{}; read_header(header);) {
    const auto size = number_of(header.size());
    if (!size) damaged("an entry's size is no number");
    switch (header.type()) {
      case 'x':
        read_pax(read_text(*size), extended);
        break;
      case 'g':
        // For all entries; git keeps its commit id there. Nothing of use to us.
        read_text(*size);
        break;
      case 'L':
        extended.path = text_of(read_text(*size));
        break;
      case 'K':
        extended.target = text_of(read_text(*size));
        break;
      default:
        return entry_of(header, std::move(extended));
    }
  }
  read_to_end();
  return std::nullopt;
}

std::string_view TarReader::content() {
  if (content_left_ == 0) return {};
  const std::string_view part =
      in_.next(static_cast<std::size_t>(std::min<std::uint64_t>(content_left_, kMaxChunk)));
  if (part.empty()) throw Error(Errc::corrupt, "the archive is cut off");
  content_left_ -= part.size();
  return part;
}

/// False at the end mark. Without one the archive was cut, perhaps just there.
bool TarReader::read_header(Header& header) {
  read_exactly(header.bytes.data(), kRecord);
  if (header.is_zero()) return false;
  if (!header.checksum_fits()) damaged("a header's checksum is wrong, or it is no tar");
  return true;
}

void TarReader::read_exactly(char* to, std::size_t size) {
  while (size > 0) {
    const std::string_view part = in_.next(size);
    if (part.empty()) throw Error(Errc::corrupt, "the archive is cut off, or is no tar");
    std::memcpy(to, part.data(), part.size());
    to += part.size();
    size -= part.size();
  }
}

std::string TarReader::read_text(std::uint64_t size) {
  if (size > kMaxExtended) damaged("an extended header is too long");
  std::string text(static_cast<std::size_t>(size + padding(size)), '\0');
  read_exactly(text.data(), text.size());
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// Records are `LENGTH KEY=VALUE\n`, the length counting itself.
void TarReader::read_pax(std::string_view records, Extended& extended) {
  while (!records.empty()) {
    const std::size_t space = records.find(' ');
    const auto length = parse_number(records.substr(0, std::min(space, records.size())));
    if (!length || *length > records.size() || *length < space + 3 ||
        records[*length - 1] != '\n') {
      damaged("a pax record has a wrong length");
    }
    const std::string_view record = records.substr(space + 1, *length - space - 2);
    records.remove_prefix(*length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) damaged("a pax record has no =");
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1);
    if (key.starts_with("GNU.sparse.")) damaged("it holds a sparse file, which can't be read");
    if (key == "path") extended.path = value;
    if (key == "linkpath") extended.target = value;
    if (key == "size") {
      extended.size = parse_number(value);
      if (!extended.size) damaged("a pax size is no number");
    }
    if (key == "mtime") {
      if (const auto seconds = parse_number(value.substr(0, value.find('.')))) {
        extended.mtime = static_cast<std::int64_t>(std::min(*seconds, kMaxTime));
      }
    }
  }
}

TarEntry TarReader::entry_of(const Header& header, Extended&& extended) {
  TarEntry entry;
  if (extended.path) {
    entry.path = std::move(*extended.path);
  } else {
    if (header.has_prefix() && !header.prefix().empty()) {
      entry.path.append(header.prefix()) += '/';
    }
    entry.path += header.name();
  }
  entry.target = extended.target ? std::move(*extended.target) : std::string(header.target());
  const std::string shown = printable(entry.path);
  if (entry.path.find('\0') != std::string::npos || entry.target.find('\0') != std::string::npos) {
    damaged("a name holds a NUL byte: " + shown);
  }
  entry.mode = static_cast<unsigned>(number_of(header.mode()).value_or(0)) & 07777U;
  entry.mtime = extended.mtime.value_or(
      static_cast<std::int64_t>(std::min(number_of(header.mtime()).value_or(0), kMaxTime)));
  switch (header.type()) {
    case '0':
    case '7':  // "contiguous", a file to everybody
    case '\0':
      // v7 has no folders: a file whose name ends in `/` is one.
      entry.kind = entry.path.ends_with('/') ? TarEntry::Kind::folder : TarEntry::Kind::file;
      break;
    case '1':
      entry.kind = TarEntry::Kind::hard_link;
      break;
    case '2':
      entry.kind = TarEntry::Kind::symbolic_link;
      break;
    case '5':
      entry.kind = TarEntry::Kind::folder;
      break;
    case '3':
    case '4':
    case '6':
      throw Error(Errc::corrupt, "the archive holds a device or fifo: " + shown);
    default:
      throw Error(Errc::corrupt,
                  "the archive holds an entry of a kind that can't be read: " + shown);
  }
  if (entry.kind == TarEntry::Kind::file) {
    // Checked in next(); for links some tars write a size, and no content.
    entry.size = extended.size.value_or(number_of(header.size()).value_or(0));
    content_left_ = entry.size;
    padding_left_ = padding(entry.size);
  }
  return entry;
}

void TarReader::skip_content() {
  while (content_left_ > 0) content();
  std::array<char, kRecord> ignored{};
  read_exactly(ignored.data(), static_cast<std::size_t>(std::exchange(padding_left_, 0)));
}

/// So that its writer can finish, and that checksums at its end are checked.
void TarReader::read_to_end() {
  std::uint64_t trailer = 0;
  for (;;) {
    const std::size_t n = in_.next(kMaxChunk).size();
    if (n == 0) return;
    trailer += n;
    if (trailer > kMaxTrailer) damaged("something follows its end");
  }
}

}  // namespace cooper::source
