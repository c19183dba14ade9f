#include "source/repack.h"

#include "base/error.h"
#include "base/fd.h"
#include "source/archive_table.h"
#include "source/archive_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <map>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace cooper::source {
namespace {

constexpr mode_t kPermissions = 0777;
constexpr std::size_t kPiece = std::size_t{1} << 20;
/// O_NONBLOCK: a fifo that took the file's place must not hold us up.
constexpr int kReadFile = O_RDONLY | O_NONBLOCK;

/// What ends a repacking that can't go on.
struct NotTheSame {};

/// Entries of one segment: their key, by which another archive's is found.
class SegmentKey {
 public:
  explicit SegmentKey(const TreeList& list) : list_(list) {}

  /// Of what was read of the list since the last call.
  Sha256Digest until(const TreeList::Reader& reader) {
    const std::string_view text =
        std::string_view(list_.text()).substr(text_, reader.text_read() - text_);
    // With the lengths known, text and digests can't be mistaken for each other.
    Sha256 hash;
    hash.update(std::to_string(text.size()) + "\n");
    hash.update(text);
    for (; digest_ < reader.digests_read(); ++digest_) {
      const Sha256Digest& digest = list_.digests()[digest_];
      hash.update({reinterpret_cast<const char*>(digest.data()), digest.size()});
    }
    text_ = reader.text_read();
    return hash.finish();
  }

 private:
  const TreeList& list_;
  std::size_t text_ = 0;
  std::size_t digest_ = 0;
};

struct Place {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

std::map<Sha256Digest, Place> places_of(const ArchiveTable& table) {
  std::map<Sha256Digest, Place> places;
  TreeList::Reader reader(table.list);
  SegmentKey key(table.list);
  std::uint64_t offset = 0;
  for (const Segment& segment : table.segments) {
    for (std::uint64_t i = 0; i < segment.entries; ++i) reader.next();
    places.emplace(key.until(reader), Place{offset, segment.bytes});
    offset += segment.bytes;
  }
  return places;
}

/// How the list is cut: the keys of its segments, with the number of their entries.
std::vector<std::pair<Sha256Digest, std::uint64_t>> cut(const TreeList& list) {
  std::vector<std::pair<Sha256Digest, std::uint64_t>> segments;
  SegmentCut cut;
  SegmentKey key(list);
  TreeList::Reader reader(list);
  std::uint64_t entries = 0;
  for (TreeList::Reader before = reader; const auto entry = reader.next(); before = reader) {
    if (cut.before(entry->path, entry->size) && entries > 0) {
      segments.emplace_back(key.until(before), std::exchange(entries, 0));
    }
    ++entries;
  }
  if (entries > 0) segments.emplace_back(key.until(reader), entries);
  return segments;
}

class Repacking {
 public:
  Repacking(const PackOptions& options, const TreeList& list, int earlier, int out,
            const std::stop_token& stop)
      : stop_(stop),
        root_(open_file(options.folder, O_RDONLY | O_DIRECTORY)),
        earlier_(earlier),
        reader_(list),
        writer_(out, {.mtime = options.mtime, .level = options.level, .threads = options.threads},
                stop) {}

  PackResult run(const std::vector<std::pair<Sha256Digest, std::uint64_t>>& segments,
                 const std::map<Sha256Digest, Place>& places) {
    for (const auto& [key, entries] : segments) {
      if (stop_.stop_requested()) throw Error(Errc::canceled, "packing was canceled");
      const auto place = places.find(key);
      for (std::uint64_t i = 0; i < entries; ++i) {
        const ListEntry entry = reader_.next().value();
        if (place != places.end()) {
          writer_.taken_entry(entry);
        } else {
          write(entry);
        }
        count(entry);
      }
      if (place != places.end()) copy(place->second);
    }
    writer_.finish();
    result_.archive_bytes = writer_.written();
    return std::move(result_);
  }

 private:
  void count(const ListEntry& entry) {
    if (S_ISDIR(entry.mode)) ++result_.folders;
    if (S_ISLNK(entry.mode)) ++result_.links;
    if (S_ISREG(entry.mode)) ++result_.files;
    result_.bytes += entry.size;
  }

  void write(const ListEntry& entry) {
    if (S_ISDIR(entry.mode)) return writer_.folder(entry.path, entry.mode);
    if (S_ISLNK(entry.mode)) return writer_.link(entry.path, entry.mode, entry.target);
    const Fd file = open_entry(entry);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
        (info.st_mode & kPermissions) != (entry.mode & kPermissions) ||
        static_cast<std::uint64_t>(info.st_size) != entry.size) {
      throw NotTheSame();
    }
    const auto written = writer_.file(entry.path, entry.mode, entry.size, file.get());
    if (written.content != TarWriter::Content::exact || written.digest != *entry.content) {
      throw NotTheSame();
    }
  }

  Fd open_entry(const ListEntry& entry) const {
    try {
      return open_beneath(root_, entry.path, kReadFile);
    } catch (const Error&) {  // adapter: packing anew will say what hinders
      throw NotTheSame();
    }
  }

  void copy(const Place& place) {
    piece_.resize(kPiece);
    for (std::uint64_t done = 0; done < place.bytes;) {
      const std::size_t wanted = std::min<std::uint64_t>(kPiece, place.bytes - done);
      const ssize_t n =
          ::pread(earlier_, piece_.data(), wanted, static_cast<off_t>(place.offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw NotTheSame();
      writer_.taken_bytes({piece_.data(), static_cast<std::size_t>(n)});
      done += static_cast<std::uint64_t>(n);
    }
    result_.taken_bytes += place.bytes;
  }

  const std::stop_token& stop_;
  Fd root_;
  int earlier_;
  TreeList::Reader reader_;
  std::string piece_;
  PackResult result_;
  ArchiveWriter writer_;
};

}  // namespace

std::optional<PackResult> repack(const PackOptions& options, const TreeList& list, int earlier,
                                 int out, std::stop_token stop) {
  const auto table = read_table(earlier);
  if (!table || list.dropped() ||
      table->maker != ArchiveMaker::here(options.level, options.mtime)) {
    return std::nullopt;
  }
  const auto places = places_of(*table);
  const auto segments = cut(list);
  if (std::ranges::none_of(segments, [&](const auto& one) { return places.contains(one.first); })) {
    return std::nullopt;
  }
  const off_t begin = ::lseek(out, 0, SEEK_CUR);
  if (begin < 0) throw_errno("write the source's archive");
  try {
    PackResult result = Repacking(options, list, earlier, out, stop).run(segments, places);
    result.tree = list.digest();
    return result;
  } catch (const NotTheSame&) {  // adapter: then all of it is to be packed
    if (::ftruncate(out, begin) != 0 || ::lseek(out, begin, SEEK_SET) < 0) {
      throw_errno("write the source's archive");
    }
    return std::nullopt;
  }
}

}  // namespace cooper::source
