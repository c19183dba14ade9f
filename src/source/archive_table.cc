#include "source/archive_table.h"

#include "base/error.h"

#include <archive.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <span>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace cooper::source {
namespace {

constexpr std::string_view kMagic = "COPSEGS1";
constexpr std::uint32_t kSkippable = 0x184D'2A5C;
constexpr std::size_t kSkippableHead = 8;
constexpr std::size_t kFoot = 8 + kMagic.size();  // the frame's length, and the magic again
constexpr std::uint64_t kMostEnd = 128;           // a kilobyte of zero bytes, compressed
constexpr std::uint64_t kMostFrame = 2 * TreeList::kMostBytes;
constexpr int kListLevel = 3;

/// Little-endian, on every machine.
template <class Number>
void put(std::string& to, Number number) {
  auto left = static_cast<std::uint64_t>(number);
  for (std::size_t i = 0; i < sizeof number; ++i, left >>= 8U)
    to += static_cast<char>(left & 0xffU);
}

/// Takes fields from the front; once one is missing, all are zero and ok() false.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : left_(bytes) {}

  template <class Number>
  Number number() {
    std::uint64_t value = 0;
    const std::string_view field = bytes(sizeof(Number));
    for (std::size_t i = field.size(); i-- > 0;) {
      value = value << 8U | static_cast<unsigned char>(field[i]);
    }
    return static_cast<Number>(value);
  }
  std::string_view bytes(std::uint64_t count) {
    if (count > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const std::string_view field = left_.substr(0, count);
    left_.remove_prefix(count);
    return field;
  }
  std::size_t left() const { return left_.size(); }
  bool ok() const { return ok_; }

 private:
  std::string_view left_;
  bool ok_ = true;
};

std::string compressed(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const std::size_t n = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), kListLevel);
  if (ZSTD_isError(n)) {
    throw Error(Errc::internal, std::string("compressing: ") + ZSTD_getErrorName(n));
  }
  out.resize(n);
  return out;
}

std::optional<std::string> decompressed(std::string_view bytes, std::uint64_t size) {
  if (size > TreeList::kMostBytes) return std::nullopt;
  std::string out(size, '\0');
  const std::size_t n = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(n) || n != size) return std::nullopt;
  return out;
}

/// The `count` bytes before `end`; nullopt if the file is shorter.
std::optional<std::string> read_before(int file, std::uint64_t end, std::uint64_t count) {
  if (count > end) return std::nullopt;
  std::string bytes(count, '\0');
  for (std::size_t got = 0; got < count;) {
    const ssize_t n =
        ::pread(file, bytes.data() + got, count - got, static_cast<off_t>(end - count + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read the source's archive");
    if (n == 0) return std::nullopt;
    got += static_cast<std::size_t>(n);
  }
  return bytes;
}

/// Do the segments have the list's entries, and the archive's bytes?
bool fits(const ArchiveTable& table, std::uint64_t bytes) {
  std::uint64_t entries = 0;
  std::uint64_t sum = 0;
  for (const Segment& segment : table.segments) {
    if (segment.bytes > bytes || segment.entries > table.list.entries()) return false;
    entries += segment.entries;
    sum += segment.bytes;
    if (sum > bytes) return false;
  }
  return entries == table.list.entries() && sum == bytes;
}

/// FNV-1a, its bits well mixed at the end.
std::uint64_t hash_of(std::string_view path) {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3;
  hash = (hash ^ hash >> 33U) * 0xff51'afd7'ed55'8ccd;
  hash = (hash ^ hash >> 33U) * 0xc4ce'b9fe'1a85'ec53;
  return hash ^ hash >> 33U;
}

}  // namespace

ArchiveMaker ArchiveMaker::here(int level, std::int64_t mtime) {
  return {.zstd = ZSTD_versionNumber(),
          .libarchive = static_cast<std::uint32_t>(archive_version_number()),
          .level = level,
          .mtime = mtime};
}

std::string ArchiveTable::frame() const {
  const std::string text = compressed(list.text());
  std::string body(kMagic);
  put(body, maker.zstd);
  put(body, maker.libarchive);
  put(body, maker.level);
  put(body, maker.mtime);
  put(body, std::uint64_t{segments.size()});
  put(body, std::uint64_t{list.text().size()});
  put(body, std::uint64_t{text.size()});
  for (const Segment& segment : segments) {
    put(body, segment.entries);
    put(body, segment.bytes);
  }
  body += text;
  const auto digests = std::as_bytes(std::span(list.digests()));
  body.append(reinterpret_cast<const char*>(digests.data()), digests.size());
  const std::uint64_t length = kSkippableHead + body.size() + kFoot;
  put(body, length);
  body += kMagic;
  std::string frame;
  frame.reserve(length);
  put(frame, kSkippable);
  put(frame, static_cast<std::uint32_t>(body.size()));
  return frame += body;
}

std::optional<ArchiveTable> read_table(int archive) {
  struct stat info {};
  if (::fstat(archive, &info) != 0) throw_errno("read the source's archive");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const auto tail = read_before(archive, size, std::min(size, kFoot + kMostEnd));
  const std::size_t magic = tail ? tail->rfind(kMagic) : std::string::npos;
  if (magic == std::string::npos || magic < kFoot - kMagic.size()) return std::nullopt;
  const auto length =
      Fields(std::string_view(*tail).substr(magic + kMagic.size() - kFoot)).number<std::uint64_t>();
  ArchiveTable table;
  table.end_bytes = tail->size() - magic - kMagic.size();
  table.end_offset = size - table.end_bytes;
  if (length > kMostFrame || length > table.end_offset ||
      length < kSkippableHead + kMagic.size() + kFoot) {
    return std::nullopt;
  }
  const auto frame = read_before(archive, table.end_offset, length);
  if (!frame) return std::nullopt;
  Fields fields(std::string_view(*frame).substr(0, length - kFoot));
  if (fields.number<std::uint32_t>() != kSkippable ||
      fields.number<std::uint32_t>() != length - kSkippableHead ||
      fields.bytes(kMagic.size()) != kMagic) {
    return std::nullopt;
  }
  table.maker.zstd = fields.number<std::uint32_t>();
  table.maker.libarchive = fields.number<std::uint32_t>();
  table.maker.level = fields.number<std::int32_t>();
  table.maker.mtime = fields.number<std::int64_t>();
  const auto segments = fields.number<std::uint64_t>();
  const auto text_size = fields.number<std::uint64_t>();
  const auto text_bytes = fields.number<std::uint64_t>();
  if (segments > fields.left() / (2 * sizeof(std::uint64_t))) return std::nullopt;
  table.segments.resize(segments);
  for (Segment& segment : table.segments) {
    segment.entries = fields.number<std::uint64_t>();
    segment.bytes = fields.number<std::uint64_t>();
  }
  auto text = decompressed(fields.bytes(text_bytes), text_size);
  if (!text || !fields.ok() || fields.left() % sizeof(Sha256Digest) != 0) return std::nullopt;
  std::vector<Sha256Digest> digests(fields.left() / sizeof(Sha256Digest));
  const std::string_view rest = fields.bytes(fields.left());
  if (!rest.empty()) std::memcpy(digests.data(), rest.data(), rest.size());
  auto list = TreeList::from(*std::move(text), std::move(digests));
  if (!list) return std::nullopt;
  table.list = *std::move(list);
  if (!fits(table, table.end_offset - length)) return std::nullopt;
  return table;
}

bool SegmentCut::before(std::string_view path, std::uint64_t size) {
  constexpr std::uint64_t kBlock = 512;  // of a tar
  const std::uint64_t weight = kBlock + (std::min(size, kMost) + kBlock - 1) / kBlock * kBlock;
  bool cut = bytes_ > 0 && bytes_ + weight > kMost;
  if (!cut && bytes_ >= kLeast) {
    cut = weight >= kMean ||
          hash_of(path) < std::numeric_limits<std::uint64_t>::max() / kMean * weight;
  }
  if (cut) bytes_ = 0;
  bytes_ += weight;
  return cut;
}

}  // namespace cooper::source
