#include "build/leftovers.h"

#include "base/error.h"
#include "base/file.h"
#include "store/build_folder.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::build {
namespace fs = std::filesystem;

namespace {

/// Longer than any build takes from its first file to its record.
constexpr std::chrono::minutes kStarting{1};
/// Longer than any deploy is silent.
constexpr std::chrono::hours kSilent{24};

/// Is somebody still busy with it? Whoever stores a source holds a lock on its
/// files until the build has a record (see rack/start_build.cc).
bool is_locked(const Fd& file) { return ::flock(file.get(), LOCK_EX | LOCK_NB) != 0; }

/// Has somebody opened it for writing? Where leases can't be had, age alone must tell.
bool is_being_written(const Fd& file) {
  // Of whoever opens it in this very moment, the kernel tells by a signal: one that
  // nobody minds.
  ::fcntl(file.get(), F_SETSIG, SIGURG);
  if (::fcntl(file.get(), F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  ::fcntl(file.get(), F_SETLEASE, F_UNLCK);
  return false;
}

/// By way of the open folder: its path may lead elsewhere by now.
fs::path path_in(const Fd& folder, const std::string& name) {
  return fs::path("/proc/self/fd") / std::to_string(folder.get()) / name;
}

std::uint64_t bytes_of(const fs::path& path, const struct stat& info) {
  if (!S_ISDIR(info.st_mode)) return static_cast<std::uint64_t>(info.st_size);
  std::uint64_t total = 0;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(path, failure), end; !failure && at != end;
       at.increment(failure)) {
    std::error_code no_file;
    if (!at->is_regular_file(no_file) || at->is_symlink(no_file)) continue;
    const std::uintmax_t size = at->file_size(no_file);
    if (!no_file) total += size;
  }
  return total;
}

/// Looks through the folders of one app.
class Search {
 public:
  Search(const store::FileStore& store, const AppName& app, const std::set<std::string>& readable)
      : store_(store), app_(app), readable_(readable) {}

  std::vector<Leftover> run() {
    const store::Layout& layout = store_.layout();
    look(layout.sources(app_), &Search::is_without_owner);
    look(layout.work(app_), &Search::is_without_owner);
    look(layout.builds(app_), &Search::is_left_of_a_build);
    look(layout.objects(app_), &Search::is_unused_object);
    for (const fs::path& folder :
         {layout.releases(app_), layout.app(app_), layout.properties(&app_)}) {
      look(folder, nullptr);
    }
    return std::move(found_);
  }

 private:
  using Rule = bool (Search::*)(const std::string& name) const;

  void look(const fs::path& path, Rule rule) {
    folder_ = store_.find_folder(path);
    if (!folder_) return;
    for (const std::string& name : list_folder(folder_)) {
      const bool left = store::is_temporary(name) ? is_idle(name, kStarting)
                                                  : rule != nullptr && (this->*rule)(name);
      if (left) add(path, name);
    }
  }

  void add(const fs::path& folder, const std::string& name) {
    struct stat info {};
    if (::fstatat(folder_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
    found_.push_back({(folder / name).lexically_relative(store_.layout().root()).string(),
                      bytes_of(path_in(folder_, name), info)});
  }

  /// Nobody is busy with it, nor has been for so long.
  bool is_idle(const std::string& name, std::chrono::seconds age) const {
    struct stat info {};
    if (::fstatat(folder_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (Time(std::chrono::seconds{info.st_mtim.tv_sec}) >= now() - age) return false;
    const Fd file(
        ::openat(folder_.get(), name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    return !file || (!is_locked(file) && !is_being_written(file));
  }

  bool has_record(std::string_view id) const {
    if (readable_.contains(std::string(id))) return true;
    const Fd builds = store_.find_folder(store_.layout().builds(app_));
    const std::string record = std::string(id) + ".json";
    struct stat info {};
    return builds && ::fstatat(builds.get(), record.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  }

  /// Of sources and scratch folders. Those of builds with a record are not even locked: a
  /// source may be the same file as that of a build which starts now. Asked again at the
  /// end: a record may have come while the rest was looked at.
  bool is_without_owner(const std::string& name) const {
    const std::string_view id = std::string_view(name).substr(0, name.find('.'));
    return !has_record(id) && is_idle(name, kStarting) && !has_record(id);
  }

  bool is_left_of_a_build(const std::string& name) const {
    const std::string_view stem = std::string_view(name).substr(0, name.find('.'));
    const std::string_view suffix = std::string_view(name).substr(stem.size());
    if (!BuildId::parse(stem) || readable_.contains(std::string(stem))) return false;
    if (suffix == ".json") return is_empty(name) && is_idle(name, kSilent);
    return store::is_beside_record(suffix) && is_idle(name, kSilent) && !has_record(stem);
  }

  /// The build that it was stored for has begun long ago, or never will.
  bool is_unused_object(const std::string& name) const { return is_idle(name, kSilent); }

  bool is_empty(const std::string& name) const {
    struct stat info {};
    return ::fstatat(folder_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(info.st_mode) && info.st_size == 0;
  }

  const store::FileStore& store_;
  const AppName& app_;
  const std::set<std::string>& readable_;
  Fd folder_;  // that is looked through
  std::vector<Leftover> found_;
};

}  // namespace

std::vector<Leftover> find_leftovers(const store::FileStore& store, const AppName& app,
                                     const std::set<std::string>& readable) {
  return Search(store, app, readable).run();
}

void remove_leftover(const store::FileStore& store, const Leftover& leftover) {
  const fs::path path = store.layout().root() / leftover.path;
  const Fd folder = store.find_folder(path.parent_path());
  if (!folder) return;
  const std::string name = path.filename().string();
  try {
    remove_tree(path_in(folder, name));
  } catch (const Error& error) {  // adapter: say it with the path that people know
    throw Error(error.code(), "can't remove " + leftover.path + ": " + error.message());
  }
}

}  // namespace cooper::build
