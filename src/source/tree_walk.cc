#include "source/tree_walk.h"

#include "base/error.h"
#include "base/text.h"
#include "source/folder_listing.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace cooper::source {
namespace {

/// TreeFilter::always, made comparable with the walk's paths.
class AlwaysSelected {
 public:
  explicit AlwaysSelected(const std::vector<std::string>& paths) {
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

class Walk {
 public:
  Walk(const std::filesystem::path& root, const TreeFilter& filter, TreeVisitor& visitor,
       std::stop_token stop)
      : root_(root),
        filter_(filter),
        always_(filter.always),
        visitor_(visitor),
        stop_(std::move(stop)) {}

  void run() {
    const Fd folder(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
      if (errno == ENOTDIR) throw Error(Errc::invalid, shown() + " is no folder");
      throw_errno("open folder " + shown());
    }
    walk(folder.get(), filter_.include ? Beneath::ask : Beneath::included);
  }

 private:
  /// Whether what lies beneath a folder is included.
  enum class Beneath : std::uint8_t { ask, included };

  /// A folder on the way to the current entry.
  struct Parent {
    std::size_t path_length;
    struct stat info;
    bool visited;
  };

  std::string shown() const { return printable((root_ / path_).string()); }

  void walk(int folder, Beneath beneath) {
    const FolderListing listing(folder, shown());
    for (const FolderListing::Entry& entry : listing.entries()) {
      if (stop_.stop_requested()) throw Error(Errc::canceled, "reading the source was canceled");
      const std::size_t length = path_.size();
      if (length > 0) path_ += '/';
      path_ += listing.name(entry);
      add(folder, listing.name(entry).data(), entry.type, beneath);
      path_.resize(length);
    }
  }

  bool may_enter(bool included, bool excluded) const {
    return (included || filter_.include->may_exclude_beneath(path_)) &&
           (!excluded || filter_.exclude.may_include_beneath(path_) || always_.has_beneath(path_));
  }

  void add(int folder, const char* name, unsigned char type, Beneath beneath) {
    const bool included = beneath == Beneath::included || filter_.include->excludes(path_);
    const bool excluded = filter_.exclude.excludes(path_) && !always_.has(path_);
    const bool selected = included && !excluded;
    // What is left out need not be looked at, unless it may be a folder.
    if (!selected && type != DT_UNKNOWN && type != DT_DIR) return;
    if (!selected && type == DT_DIR && !may_enter(included, excluded)) return;
    struct stat info {};
    if (::fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (!is_gone(errno)) throw_errno("read " + shown());
      if (selected) visitor_.left_out(path_, LeftOut::changed);
      return;
    }
    if (S_ISDIR(info.st_mode)) {
      if (selected || may_enter(included, excluded)) {
        const bool whole =
            beneath == Beneath::included || (included && filter_.include->excludes_whole_folders());
        add_folder(folder, name, info, selected, whole ? Beneath::included : Beneath::ask);
      }
    } else if (selected) {
      add_leaf(folder, name, info);
    }
  }

  void add_leaf(int folder, const char* name, const struct stat& info) {
    if (S_ISREG(info.st_mode) || S_ISLNK(info.st_mode)) {
      visit_parents();
      visitor_.entry({path_, folder, name, info});
    } else if (S_ISSOCK(info.st_mode)) {
      visitor_.left_out(path_, LeftOut::socket);
    } else if (S_ISFIFO(info.st_mode)) {
      visitor_.left_out(path_, LeftOut::fifo);
    } else {
      visitor_.left_out(path_, LeftOut::device);
    }
  }

  void add_folder(int folder, const char* name, const struct stat& info, bool selected,
                  Beneath beneath) {
    const Fd fd(::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) {
      if (!is_gone(errno)) throw_errno("open folder " + shown());
      if (selected) visitor_.left_out(path_, LeftOut::changed);
      return;
    }
    parents_.push_back({path_.size(), info, false});
    if (selected) visit_parents();
    walk(fd.get(), beneath);
    parents_.pop_back();
  }

  void visit_parents() {
    auto first = parents_.end();
    while (first != parents_.begin() && !std::prev(first)->visited) --first;
    for (; first != parents_.end(); ++first) {
      first->visited = true;
      visitor_.entry({std::string_view(path_).substr(0, first->path_length), -1, "", first->info});
    }
  }

  const std::filesystem::path& root_;
  const TreeFilter& filter_;
  AlwaysSelected always_;
  TreeVisitor& visitor_;
  std::stop_token stop_;
  std::string path_;             ///< of the current entry
  std::vector<Parent> parents_;  ///< folders above it, outermost first
};

}  // namespace

std::optional<std::string> link_target(const TreeEntry& link) {
  std::array<char, 4096> target{};  // PATH_MAX, which the kernel's links don't exceed
  const ssize_t length = ::readlinkat(link.folder, link.name, target.data(), target.size());
  if (length < 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(length));
}

std::string_view text_of(LeftOut why) {
  switch (why) {
    case LeftOut::socket:
      return "was left out: it is a socket";
    case LeftOut::fifo:
      return "was left out: it is a fifo";
    case LeftOut::device:
      return "was left out: it is a device";
    case LeftOut::changed:
      break;
  }
  return "was left out: it changed meanwhile";
}

void walk_tree(const std::filesystem::path& root, const TreeFilter& filter, TreeVisitor& visitor,
               std::stop_token stop) {
  Walk(root, filter, visitor, std::move(stop)).run();
}

}  // namespace cooper::source
