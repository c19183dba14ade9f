#include "source/unpack.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "source/folder_listing.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>
#include <utility>
#include <vector>

namespace cooper::source {
namespace {

constexpr mode_t kPermissions = 0777;
constexpr std::size_t kMaxName = 255;   // NAME_MAX of Linux' file systems
constexpr std::size_t kMaxPath = 4095;  // PATH_MAX: longer ones nobody could open
constexpr std::size_t kMaxFolderNames = std::size_t{64} << 20;  // see Unpacking::folders_
/// A file that may be there already is held in memory to be compared, up to this size.
constexpr std::uint64_t kMaxCompared = std::uint64_t{1} << 20;

[[noreturn]] void refuse(const ArchiveEntry& entry, const std::string& why) {
  throw Error(Errc::corrupt, "the archive's " + printable(entry.path) + " " + why);
}

/// A name beneath the target: without empty, `.` or `..` parts.
struct Name {
  std::vector<std::string_view> parts;  ///< of the entry's text
  std::string joined() const {
    std::string all;
    for (const std::string_view part : parts) all.append(part).append("/");
    return all;
  }
};

Name safe_name(const ArchiveEntry& entry, std::string_view text, std::size_t depth) {
  if (text.starts_with('/')) refuse(entry, "has an absolute name");
  if (text.size() > kMaxPath) refuse(entry, "has a name that is too long");
  Name name;
  for (const std::string_view part : split(text, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") refuse(entry, "leads out of the folder by ..");
    if (part.size() > kMaxName) refuse(entry, "has a name that is too long");
    name.parts.push_back(part);
  }
  if (name.parts.size() > depth) refuse(entry, "lies too deep");
  return name;
}

enum class MadeBy { us, others };

class Unpacking {
 public:
  /// `there`: of files that are in the target already; nullptr: it is empty.
  Unpacking(ArchiveReader& archive, const std::filesystem::path& target, const UnpackLimits& limits,
            std::stop_token stop, MadeBy made_by, ContentDigests* digests = nullptr,
            const ContentDigests* there = nullptr)
      : limits_(limits),
        stop_(std::move(stop)),
        made_by_(made_by),
        digests_(digests),
        there_(there),
        archive_(archive),
        // Nothing is removed where a link leads.
        target_(open_file(target, O_RDONLY | O_DIRECTORY | (there ? O_NOFOLLOW : 0))) {}

  /// `expect`: see unpack_some().
  UnpackResult run(const std::function<void(const ArchiveEntry&)>* expect = nullptr) {
    std::uint64_t entries = 0;
    while (const std::optional<ArchiveEntry> entry = archive_.next()) {
      check_stop();
      if (++entries > limits_.entries) {
        refuse(*entry, "is one entry too many: at most " + std::to_string(limits_.entries) +
                           " are allowed");
      }
      if (expect) (*expect)(*entry);
      add(*entry);
    }
    if (there_ && !expect) remove_others(target_.get(), "");
    end_folders();
    if (digests_) *digests_ = ContentDigests(std::move(known_));
    return result_;
  }

 private:
  /// What a folder gets at the end: it must stay writable until then, and
  /// each file made in it changes its time.
  struct LateFolder {
    std::string path;
    mode_t mode;
    std::int64_t mtime;
  };

  void check_stop() const {
    if (stop_.stop_requested()) throw Error(Errc::canceled, "unpacking was canceled");
  }

  void add(const ArchiveEntry& entry) {
    Name name = safe_name(entry, entry.path, limits_.depth);
    if (name.parts.empty()) {
      if (entry.kind == ArchiveEntry::Kind::folder) return;  // `./`: the target itself
      refuse(entry, "has no name");
    }
    const std::string leaf(name.parts.back());
    if (there_) keep(name);
    name.parts.pop_back();
    const int parent = open_parent(entry, name);
    switch (entry.kind) {
      case ArchiveEntry::Kind::file:
        return add_file(entry, parent, leaf);
      case ArchiveEntry::Kind::folder:
        return add_folder(entry, parent, leaf, name);
      case ArchiveEntry::Kind::symbolic_link:
        return add_symbolic_link(entry, parent, leaf);
      case ArchiveEntry::Kind::hard_link:
        return add_hard_link(entry, parent, leaf);
    }
  }

  /// The folder that `name` means, made if it is missing. No part of it may be
  /// a link: each is opened in the one before, without following.
  int open_parent(const ArchiveEntry& entry, const Name& name) {
    if (name.parts.empty()) return target_.get();
    std::string path = name.joined();
    if (parent_ && path == parent_path_) return parent_.get();
    Fd at;
    for (const std::string_view part : name.parts) {
      at = open_folder(entry, at ? at.get() : target_.get(), std::string(part));
    }
    parent_ = std::move(at);
    parent_path_ = std::move(path);
    return parent_.get();
  }

  static Fd open_folder(const ArchiveEntry& entry, int parent, const std::string& name) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Fd fd(::openat(parent, name.c_str(), kFlags));
    if (!fd && errno == ENOENT) {
      if (::mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST) failed(entry);
      fd = Fd(::openat(parent, name.c_str(), kFlags));
    }
    if (fd) return fd;
    if (errno == ELOOP || errno == ENOTDIR) refuse(entry, "leads through a link or file");
    failed(entry);
  }

  [[noreturn]] static void failed(const ArchiveEntry& entry) {
    throw_errno("unpack " + printable(entry.path));
  }

  /// Makes way for an entry whose name is taken.
  void remove_earlier(const ArchiveEntry& entry, int parent, const std::string& leaf) const {
    if (made_by_ == MadeBy::others) refuse(entry, "is there twice");
    if (::unlinkat(parent, leaf.c_str(), 0) == 0 || errno == ENOENT) return;
    if (errno == EISDIR || errno == EPERM) refuse(entry, "would replace a folder");
    failed(entry);
  }

  static void set_time(const ArchiveEntry& entry, int parent, const std::string& leaf) {
    const timespec times[2] = {{0, UTIME_OMIT}, {entry.mtime, 0}};
    if (::utimensat(parent, leaf.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) failed(entry);
  }

  void check_size(const ArchiveEntry& entry, std::uint64_t bytes) const {
    if (bytes <= limits_.bytes - result_.bytes) return;
    refuse(entry, "is too large: all files together may have " + human_bytes(limits_.bytes) +
                      limits_.bytes_because);
  }

  mode_t mode_of(const ArchiveEntry& entry) const {
    const mode_t mode = entry.mode & kPermissions;
    if (made_by_ == MadeBy::us) return mode;
    return mode | (entry.kind == ArchiveEntry::Kind::folder ? 0700 : 0600);
  }

  void add_file(const ArchiveEntry& entry, int parent, const std::string& leaf) {
    check_size(entry, entry.size);
    if (there_ && is_there(entry, parent, leaf)) return;
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Fd fd(::openat(parent, leaf.c_str(), kFlags, 0600));
    if (!fd && errno == EEXIST) {
      remove_earlier(entry, parent, leaf);
      fd = Fd(::openat(parent, leaf.c_str(), kFlags, 0600));
    }
    if (!fd) failed(entry);
    if (!compared_.empty()) {
      write_part(entry, fd.get(), compared_);
      hash_.update(compared_);
      compared_.clear();
    }
    for (std::string_view part = archive_.content(); !part.empty(); part = archive_.content()) {
      check_stop();
      write_part(entry, fd.get(), part);
      if (digests_) hash_.update(part);
    }
    if (::fchmod(fd.get(), mode_of(entry)) != 0) failed(entry);
    const timespec times[2] = {{0, UTIME_OMIT}, {entry.mtime, 0}};
    if (::futimens(fd.get(), times) != 0) failed(entry);
    if (digests_) add_digest(entry, fd.get());
    result_.bytes += entry.size;
    ++result_.files;
  }

  /// Is this very file there? If not, what has been read of it is in compared_.
  bool is_there(const ArchiveEntry& entry, int parent, const std::string& leaf) {
    struct stat info {};
    if (entry.size > kMaxCompared ||
        ::fstatat(parent, leaf.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) != entry.size ||
        (info.st_mode & kPermissions) != (entry.mode & kPermissions) ||
        info.st_mtim.tv_sec != entry.mtime) {
      return false;
    }
    const auto digest = there_->find(info);
    if (!digest) return false;
    for (std::string_view part = archive_.content(); !part.empty(); part = archive_.content()) {
      compared_ += part;
    }
    if (sha256(compared_) != *digest) return false;
    compared_.clear();
    known_.push_back(ContentDigests::known(info, *digest));
    result_.bytes += entry.size;
    ++result_.files;
    return true;
  }

  static std::uint64_t short_digest(std::string_view path) {
    const Sha256Digest digest = sha256(path);
    std::uint64_t number = 0;
    std::memcpy(&number, digest.data(), sizeof number);
    return number;
  }

  /// An entry, and the folders above it, are not removed at the end.
  void keep(const Name& name) {
    std::string path;
    for (const std::string_view part : name.parts) {
      if (!path.empty()) path += '/';
      path += part;
      kept_.insert(short_digest(path));
    }
  }

  /// What was there and is no entry of the archive.
  void remove_others(int folder, const std::string& above) {
    const FolderListing listing(folder, printable(above));
    for (const FolderListing::Entry& entry : listing.entries()) {
      check_stop();
      const std::string name(listing.name(entry));
      const std::string path = above + name;
      if (!kept_.contains(short_digest(path))) {
        remove_tree(std::filesystem::path("/proc/self/fd") / std::to_string(folder) / name);
      } else if (const Fd beneath{::openat(folder, name.c_str(),
                                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)}) {
        remove_others(beneath.get(), path + "/");
      }
    }
  }

  /// Last of all that is done to the file.
  void add_digest(const ArchiveEntry& entry, int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) failed(entry);
    known_.push_back(ContentDigests::known(info, hash_.finish()));
  }

  static void write_part(const ArchiveEntry& entry, int fd, std::string_view part) {
    while (!part.empty()) {
      const ssize_t n = ::write(fd, part.data(), part.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) failed(entry);
      part.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  void add_folder(const ArchiveEntry& entry, int parent, const std::string& leaf,
                  const Name& above) {
    if (::mkdirat(parent, leaf.c_str(), 0700) != 0) {
      if (errno != EEXIST) failed(entry);
      struct stat info {};
      if (::fstatat(parent, leaf.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) failed(entry);
      if (!S_ISDIR(info.st_mode)) {
        remove_earlier(entry, parent, leaf);
        if (::mkdirat(parent, leaf.c_str(), 0700) != 0) failed(entry);
      }
    }
    std::string path = above.joined() + leaf;
    folder_names_ += path.size();
    if (folder_names_ > kMaxFolderNames) refuse(entry, "is one folder too many");
    folders_.push_back({std::move(path), mode_of(entry), entry.mtime});
    ++result_.folders;
  }

  void add_symbolic_link(const ArchiveEntry& entry, int parent, const std::string& leaf) {
    if (entry.target.empty()) refuse(entry, "is a link to nothing");
    if (::symlinkat(entry.target.c_str(), parent, leaf.c_str()) != 0) {
      if (errno != EEXIST) failed(entry);
      remove_earlier(entry, parent, leaf);
      if (::symlinkat(entry.target.c_str(), parent, leaf.c_str()) != 0) failed(entry);
    }
    set_time(entry, parent, leaf);
    ++result_.links;
  }

  void add_hard_link(const ArchiveEntry& entry, int parent, const std::string& leaf) {
    Name target = safe_name(entry, entry.target, limits_.depth);
    if (target.parts.empty()) refuse(entry, "is a link to nothing");
    if (target.joined() == safe_name(entry, entry.path, limits_.depth).joined()) {
      refuse(entry, "links to itself");
    }
    const std::string target_leaf(target.parts.back());
    target.parts.pop_back();
    Fd at;
    for (const std::string_view part : target.parts) {
      at = open_folder(entry, at ? at.get() : target_.get(), std::string(part));
    }
    const int target_parent = at ? at.get() : target_.get();
    struct stat info {};
    if (::fstatat(target_parent, target_leaf.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      refuse(entry, "links to what is not in the archive before it");
    }
    if (S_ISDIR(info.st_mode)) refuse(entry, "links to a folder");
    if (made_by_ == MadeBy::others) {
      if (!S_ISREG(info.st_mode)) refuse(entry, "links to a link");
      check_size(entry, static_cast<std::uint64_t>(info.st_size));
      result_.bytes += static_cast<std::uint64_t>(info.st_size);
    }
    // Flags 0: of a symbolic link there, the link itself is linked.
    if (::linkat(target_parent, target_leaf.c_str(), parent, leaf.c_str(), 0) != 0) {
      if (errno != EEXIST) failed(entry);
      remove_earlier(entry, parent, leaf);
      if (::linkat(target_parent, target_leaf.c_str(), parent, leaf.c_str(), 0) != 0) {
        failed(entry);
      }
    }
    ++result_.links;
  }

  /// Innermost first: a folder's own mode may forbid to enter it. A folder that
  /// a later entry named again gets what that one said.
  void end_folders() {
    parent_.reset();
    std::ranges::stable_sort(folders_, {}, &LateFolder::path);
    for (std::size_t i = folders_.size(); i-- > 0;) {
      check_stop();
      const LateFolder& folder = folders_[i];
      if (i + 1 < folders_.size() && folders_[i + 1].path == folder.path) continue;
      const Fd fd = open_beneath(target_, folder.path, O_RDONLY | O_DIRECTORY);
      const timespec times[2] = {{0, UTIME_OMIT}, {folder.mtime, 0}};
      if (::fchmod(fd.get(), folder.mode) != 0 || ::futimens(fd.get(), times) != 0) {
        throw_errno("unpack " + printable(folder.path));
      }
    }
  }

  UnpackLimits limits_;
  std::stop_token stop_;
  MadeBy made_by_;
  ContentDigests* digests_;
  const ContentDigests* there_;
  std::unordered_set<std::uint64_t> kept_;  ///< short digests of paths; with there_ only
  std::string compared_;                    ///< content that is not in the file yet
  std::vector<ContentDigests::Known> known_;
  Sha256 hash_;  ///< of the current file; unused without digests_
  ArchiveReader& archive_;
  Fd target_;
  std::string parent_path_;  ///< the folder of the last entry, with a `/` at its end
  Fd parent_;
  std::vector<LateFolder> folders_;
  std::size_t folder_names_ = 0;  ///< bytes
  UnpackResult result_;
};

}  // namespace

UnpackResult unpack(int in, const std::filesystem::path& target, const UnpackLimits& limits,
                    std::stop_token stop, ContentDigests* digests) {
  ArchiveReader archive(in, stop);
  return Unpacking(archive, target, limits, std::move(stop), MadeBy::us, digests).run();
}

UnpackResult unpack_over(int in, const std::filesystem::path& target, ContentDigests& digests,
                         const UnpackLimits& limits, std::stop_token stop) {
  const ContentDigests there = std::exchange(digests, {});
  ArchiveReader archive(in, stop);
  return Unpacking(archive, target, limits, std::move(stop), MadeBy::us, &digests, &there).run();
}

UnpackResult unpack_some(ArchiveReader& archive, const std::filesystem::path& target,
                         ContentDigests& digests,
                         const std::function<void(const ArchiveEntry&)>& expect,
                         std::stop_token stop) {
  const ContentDigests there = std::exchange(digests, {});
  return Unpacking(archive, target, {}, std::move(stop), MadeBy::us, &digests, &there).run(&expect);
}

UnpackResult unpack_foreign(ArchiveReader& archive, const std::filesystem::path& target,
                            const UnpackLimits& limits, std::stop_token stop) {
  return Unpacking(archive, target, limits, std::move(stop), MadeBy::others).run();
}

}  // namespace cooper::source
