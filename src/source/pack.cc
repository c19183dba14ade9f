#include "source/pack.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "source/folder_listing.h"
#include "source/tar_writer.h"
#include "source/zstd_writer.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace cooper::source {
namespace {

constexpr mode_t kPermissions = 0777;
constexpr std::size_t kMaxWarnings = 100;

/// PackOptions::always, made comparable with the walk's paths.
class AlwaysPacked {
 public:
  explicit AlwaysPacked(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
      std::optional<std::string> clean = normal_path(path);
      if (clean && !path.empty()) paths_.push_back(*std::move(clean));
    }
  }

  /// The path is one of them, or beneath one.
  bool has(std::string_view path) const {
    return std::ranges::any_of(paths_, [&](std::string_view one) {
      return one.empty() || path == one || is_beneath(path, one);
    });
  }
  bool has_beneath(std::string_view folder) const {
    return std::ranges::any_of(paths_,
                               [&](std::string_view one) { return is_beneath(one, folder); });
  }

 private:
  static bool is_beneath(std::string_view path, std::string_view folder) {
    return path.size() > folder.size() && path[folder.size()] == '/' && path.starts_with(folder);
  }

  std::vector<std::string> paths_;
};

class Packing {
 public:
  Packing(const PackOptions& options, int out, std::stop_token stop)
      : options_(options),
        always_(options.always),
        stop_(std::move(stop)),
        compressed_(out, options.level, options.threads),
        tar_(compressed_, options.mtime, stop_) {}

  PackResult run() {
    Fd root(::open(options_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) {
      if (errno == ENOTDIR) throw Error(Errc::invalid, options_.folder.string() + " is no folder");
      throw_errno("open folder " + options_.folder.string());
    }
    walk(root.get(), always_.has("") ? Kept::all : Kept::by_rules);
    tar_.finish();
    compressed_.finish();
    result_.archive_bytes = compressed_.written();
    end_warnings();
    return std::move(result_);
  }

 private:
  enum class Kept : std::uint8_t { by_rules, all };

  /// A folder on the way to the current entry.
  struct Parent {
    std::size_t path_length;
    mode_t mode;
    bool written;
  };

  std::string shown() const { return printable((options_.folder / path_).string()); }

  void warn(const std::string& what) {
    ++warning_count_;
    if (result_.warnings.size() < kMaxWarnings) {
      result_.warnings.push_back(printable(path_) + " " + what);
    }
  }

  void end_warnings() {
    if (warning_count_ <= kMaxWarnings) return;
    result_.warnings.back() =
        std::to_string(warning_count_ - kMaxWarnings + 1) + " more files were left out or changed";
  }

  void walk(int folder, Kept kept) {
    const FolderListing listing(folder, shown());
    for (const FolderListing::Entry& entry : listing.entries()) {
      if (stop_.stop_requested()) throw Error(Errc::canceled, "packing was canceled");
      const std::size_t length = path_.size();
      if (length > 0) path_ += '/';
      path_ += listing.name(entry);
      add(folder, listing.name(entry).data(), entry.type, kept);
      path_.resize(length);
    }
  }

  void add(int folder, const char* name, unsigned char type, Kept kept) {
    if (kept == Kept::by_rules && always_.has(path_)) kept = Kept::all;
    const bool packed = kept == Kept::all || !options_.ignore.excludes(path_);
    if (type == DT_UNKNOWN) {
      struct stat info {};
      if (::fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        type = static_cast<unsigned char>(IFTODT(info.st_mode));
      }
    }
    if (type == DT_DIR) {
      if (packed || options_.ignore.may_include_beneath(path_) || always_.has_beneath(path_)) {
        add_folder(folder, name, packed, kept);
      }
    } else if (packed) {
      add_leaf(folder, name, type);
    }
  }

  void add_leaf(int folder, const char* name, unsigned char type) {
    switch (type) {
      case DT_REG:
        return add_file(folder, name);
      case DT_LNK:
        return add_link(folder, name);
      case DT_SOCK:
        return warn("was left out: it is a socket");
      case DT_FIFO:
        return warn("was left out: it is a fifo");
      case DT_CHR:
      case DT_BLK:
        return warn("was left out: it is a device");
      default:
        return warn("was left out: its kind is unknown");
    }
  }

  void add_folder(int folder, const char* name, bool packed, Kept kept) {
    const Fd fd(::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return add_failed();
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) throw_errno("read folder " + shown());
    parents_.push_back({path_.size(), info.st_mode & kPermissions, false});
    if (packed) write_parents();
    walk(fd.get(), kept);
    parents_.pop_back();
  }

  /// An excluded folder gets its entry only once something in it is packed.
  void write_parents() {
    auto first = parents_.end();
    while (first != parents_.begin() && !std::prev(first)->written) --first;
    for (; first != parents_.end(); ++first) {
      tar_.folder(std::string_view(path_).substr(0, first->path_length), first->mode);
      first->written = true;
      ++result_.folders;
    }
  }

  void add_file(int folder, const char* name) {
    // O_NONBLOCK: a fifo that took the file's place must not hold us up.
    const Fd fd(::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return add_failed();
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) throw_errno("read " + shown());
    if (!S_ISREG(info.st_mode)) return warn("was left out: it changed while it was packed");
    write_parents();
    const auto size = static_cast<std::uint64_t>(info.st_size);
    switch (tar_.file(path_, info.st_mode & kPermissions, size, fd.get())) {
      case TarWriter::Content::exact:
        break;
      case TarWriter::Content::grew:
        warn("grew while it was packed: the new end was left out");
        break;
      case TarWriter::Content::shrank:
        warn("shrank while it was packed: its end is zero bytes");
        break;
    }
    ++result_.files;
    result_.bytes += size;
  }

  void add_link(int folder, const char* name) {
    char target[4096];  // PATH_MAX, which the kernel's links don't exceed
    const ssize_t n = ::readlinkat(folder, name, target, sizeof target);
    if (n < 0) {
      if (errno == EINVAL) return warn("was left out: it changed while it was packed");
      return add_failed();
    }
    write_parents();
    tar_.link(path_, {target, static_cast<std::size_t>(n)});
    ++result_.links;
  }

  /// What to do about errno of a call that opens the current entry.
  void add_failed() {
    if (is_gone(errno)) return warn("was left out: it changed while it was packed");
    throw_errno("read " + shown());
  }

  const PackOptions& options_;
  AlwaysPacked always_;
  std::stop_token stop_;
  ZstdWriter compressed_;
  TarWriter tar_;
  PackResult result_;
  std::size_t warning_count_ = 0;
  std::string path_;             ///< of the current entry
  std::vector<Parent> parents_;  ///< folders above it, outermost first
};

}  // namespace

PackResult pack(const PackOptions& options, int out, std::stop_token stop) {
  return Packing(options, out, std::move(stop)).run();
}

}  // namespace cooper::source
