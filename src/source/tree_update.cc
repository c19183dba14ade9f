#include "source/tree_update.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "source/archive_reader.h"
#include "source/archive_table.h"
#include "source/tree_walk.h"
#include "source/unpack.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace cooper::source {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPermissions = 0777;

constexpr std::size_t kPiece = std::size_t{256} << 10;
/// Of the archive's segments, since they are held in memory. If more is other, unpacking
/// over all that is there costs little more.
constexpr std::uint64_t kMostRead = std::uint64_t{32} << 20;

struct FilePart {
  std::uint64_t offset;
  std::uint64_t bytes;
};

/// Empty for what lies in the topmost folder.
std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return path.substr(0, slash == std::string_view::npos ? 0 : slash);
}

/// Goes through the folder and the list side by side.
class Comparison : private TreeVisitor {
 public:
  Comparison(const ArchiveTable& table, const ContentDigests& known)
      : table_(table), known_(known), reader_(table.list), wanted_(reader_.next()) {}

  void run(const fs::path& target, std::stop_token stop) {
    walk_tree(target, {}, *this, std::move(stop));
    while (wanted_) missing();
  }

  struct Wanted {
    ListEntry entry;
    std::uint64_t number;  ///< in the list
  };
  const std::vector<Wanted>& wanted() const { return needed_; }
  /// What has to go, outermost folders only.
  const std::vector<std::string>& others() const { return others_; }
  /// Folders whose time is not what it should be.
  const std::vector<std::string>& late() const { return late_; }
  std::vector<ContentDigests::Known> take_same() { return std::move(same_); }

 private:
  void entry(const TreeEntry& entry) override {
    if (is_beneath_other(entry.path)) return;
    while (wanted_ && comes_before(wanted_->path, entry.path)) missing();
    if (!wanted_ || wanted_->path != entry.path) return add_other(entry.path);
    if ((wanted_->mode & S_IFMT) != (entry.info.st_mode & S_IFMT)) {
      add_other(entry.path);
      return missing();
    }
    if (!is_same(entry)) return missing();
    if (S_ISDIR(entry.info.st_mode) && entry.info.st_mtim.tv_sec != table_.maker.mtime) {
      late_.emplace_back(entry.path);
    }
    next();
  }

  // A socket or such like, which no archive of ours has.
  void left_out(std::string_view path, LeftOut /*why*/) override {
    if (!is_beneath_other(path)) add_other(path);
  }

  bool is_same(const TreeEntry& entry) {
    const struct stat& info = entry.info;
    if ((info.st_mode & kPermissions) != (wanted_->mode & kPermissions)) return false;
    if (S_ISLNK(info.st_mode)) return link_target(entry) == wanted_->target;
    if (!S_ISREG(info.st_mode)) return true;
    if (static_cast<std::uint64_t>(info.st_size) != wanted_->size ||
        info.st_mtim.tv_sec != table_.maker.mtime) {
      return false;
    }
    const auto digest = known_.find(info);
    if (digest != *wanted_->content) return false;
    same_.push_back(ContentDigests::known(info, *digest));
    return true;
  }

  bool is_beneath_other(std::string_view path) const {
    if (others_.empty()) return false;
    const std::string& last = others_.back();
    return path.size() > last.size() && path[last.size()] == '/' && path.starts_with(last);
  }

  void add_other(std::string_view path) { others_.emplace_back(path); }

  void missing() {
    needed_.push_back({*wanted_, number_});
    next();
  }

  void next() {
    wanted_ = reader_.next();
    ++number_;
  }

  const ArchiveTable& table_;
  const ContentDigests& known_;
  TreeList::Reader reader_;
  std::optional<ListEntry> wanted_;  ///< the first that was not met
  std::uint64_t number_ = 0;         ///< its
  std::vector<Wanted> needed_;
  std::vector<std::string> others_;
  std::vector<std::string> late_;
  std::vector<ContentDigests::Known> same_;
};

class Update {
 public:
  Update(int archive, const fs::path& target, const ArchiveTable& table, ContentDigests& digests,
         std::stop_token stop)
      : archive_(archive),
        // Nothing is removed where a link leads.
        target_(open_file(target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)),
        path_("/proc/self/fd/" + std::to_string(target_.get()) + "/."),
        table_(table),
        digests_(digests),
        stop_(std::move(stop)),
        compared_(table, digests) {}

  /// nullopt, with nothing done, if too much is other.
  std::optional<TreeUpdate> run() {
    compared_.run(path_, stop_);
    choose_segments();
    if (result_.bytes_read > kMostRead) return std::nullopt;
    for (const std::string& path : compared_.others()) remove(path);
    for (const std::string& path : compared_.late()) late_.insert(path);
    ContentDigests written = std::exchange(digests_, {});
    if (!compared_.wanted().empty()) {
      unpack(written);
      check(written);
    } else {
      written = {};
    }
    set_times();
    std::vector<ContentDigests::Known> all = compared_.take_same();
    all.insert(all.end(), written.all().begin(), written.all().end());
    digests_ = ContentDigests(std::move(all));
    result_.written = compared_.wanted().size();
    result_.removed = compared_.others().size();
    return result_;
  }

 private:
  /// A folder beneath the target, or that itself.
  Fd open_folder(std::string_view path) const {
    return open_beneath(target_, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
  }

  void remove(std::string_view path) {
    const std::string_view above = folder_of(path);
    const Fd folder = open_folder(above);
    const std::string_view name = above.empty() ? path : path.substr(above.size() + 1);
    remove_tree(fs::path("/proc/self/fd") / std::to_string(folder.get()) / name);
    if (!above.empty()) late_.emplace(above);
  }

  void choose_segments() {
    auto wanted = compared_.wanted().begin();
    std::uint64_t first = 0;
    std::uint64_t offset = 0;
    for (const Segment& segment : table_.segments) {
      const std::uint64_t after = first + segment.entries;
      bool chosen = false;
      for (; wanted != compared_.wanted().end() && wanted->number < after; ++wanted) {
        const std::string_view above = folder_of(wanted->entry.path);
        if (!above.empty()) late_.emplace(above);
        chosen = true;
      }
      if (chosen) {
        parts_.push_back({offset, segment.bytes});
        numbers_.emplace_back(first, after);
        result_.bytes_read += segment.bytes;
      }
      first = after;
      offset += segment.bytes;
    }
    parts_.push_back({table_.end_offset, table_.end_bytes});
  }

  /// `written`: what is known of the files, and then of those of the chosen segments.
  void unpack(ContentDigests& written) {
    // What the segments hold must be what the list says, entry by entry.
    TreeList::Reader reader(table_.list);
    std::uint64_t read = 0;
    auto numbers = numbers_.begin();
    const auto expect = [&](const ArchiveEntry& got) {
      if (numbers != numbers_.end() && read == numbers->second) ++numbers;
      std::optional<ListEntry> entry;
      if (numbers != numbers_.end()) {
        for (; read < numbers->first; ++read) reader.next();
        entry = reader.next();
        ++read;
      }
      std::string_view path = got.path;
      if (got.kind == ArchiveEntry::Kind::folder && path.ends_with('/')) path.remove_suffix(1);
      if (!entry || entry->path != path) {
        throw Error(Errc::corrupt, "the archive's " + printable(got.path) + " is not in its list");
      }
    };
    const Fd parts = copy_of_parts();
    ArchiveReader archive(parts.get(), stop_);
    unpack_some(archive, path_, written, expect, stop_);
  }

  /// The chosen segments as an archive of their own, in memory.
  Fd copy_of_parts() const {
    Fd copy(::memfd_create("segments", MFD_CLOEXEC));
    if (!copy) throw_errno("unpack the source");
    std::string piece(kPiece, '\0');
    for (auto [offset, left] : parts_) {
      while (left > 0) {
        const std::size_t wanted = std::min<std::uint64_t>(left, kPiece);
        const ssize_t n = ::pread(archive_, piece.data(), wanted, static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw_errno("read the source's archive");
        if (n == 0) throw Error(Errc::corrupt, "the archive is cut off");
        write_all(copy.get(), std::string_view(piece).substr(0, static_cast<std::size_t>(n)));
        offset += static_cast<std::uint64_t>(n);
        left -= static_cast<std::uint64_t>(n);
      }
    }
    if (::lseek(copy.get(), 0, SEEK_SET) != 0) throw_errno("unpack the source");
    return copy;
  }

  /// That all entries of the chosen segments are there now, also those that were before.
  void check(const ContentDigests& written) const {
    TreeList::Reader reader(table_.list);
    std::uint64_t read = 0;
    for (const auto& [first, after] : numbers_) {
      for (; read < first; ++read) reader.next();
      for (; read < after; ++read) {
        const ListEntry entry = reader.next().value();
        if (is_there(entry, written)) continue;
        throw Error(Errc::corrupt,
                    "the archive's " + printable(entry.path) + " is not what its list says");
      }
    }
  }

  bool is_there(const ListEntry& entry, const ContentDigests& written) const {
    const std::string_view above = folder_of(entry.path);
    const Fd folder = open_folder(above);
    const std::string name(above.empty() ? entry.path : entry.path.substr(above.size() + 1));
    struct stat info {};
    if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        (info.st_mode & (S_IFMT | kPermissions)) != entry.mode) {
      return false;
    }
    if (S_ISLNK(info.st_mode)) {
      return link_target({entry.path, folder.get(), name.c_str(), info}) == entry.target;
    }
    return !entry.content || written.find(info) == *entry.content;
  }

  /// Making and removing what a folder holds changes its time.
  void set_times() const {
    const timespec times[2] = {{0, UTIME_OMIT}, {table_.maker.mtime, 0}};
    for (const std::string& path : late_) {
      const Fd folder = open_folder(path);
      if (::futimens(folder.get(), times) != 0) throw_errno("unpack " + printable(path));
    }
  }

  int archive_;
  Fd target_;
  fs::path path_;  ///< of target_, whatever it is called by now
  const ArchiveTable& table_;
  ContentDigests& digests_;
  std::stop_token stop_;
  Comparison compared_;
  std::set<std::string, std::less<>> late_;  ///< folders that need their time again
  std::vector<FilePart> parts_;              ///< of the archive, the end mark last
  std::vector<std::pair<std::uint64_t, std::uint64_t>> numbers_;  ///< of entries in parts_
  TreeUpdate result_;
};

}  // namespace

std::optional<TreeUpdate> update_tree(int archive, const fs::path& target, const std::string& tree,
                                      ContentDigests& digests, std::stop_token stop) {
  const auto table = read_table(archive);
  if (!table || hex(table->list.digest()) != tree) return std::nullopt;
  return Update(archive, target, *table, digests, std::move(stop)).run();
}

}  // namespace cooper::source
