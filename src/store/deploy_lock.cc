#include "store/deploy_lock.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "store/folders.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace cooper::store {

namespace {

/// Others (Dokku) remove the file when they release it: a lock on a file that
/// is no longer there under its name protects nothing.
bool still_named(const Fd& fd, const Fd& folder, const std::string& name) {
  struct stat open_file {};
  struct stat named {};
  return ::fstat(fd.get(), &open_file) == 0 &&
         ::fstatat(folder.get(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/// Locks the file for writing. Empty if somebody holds it; whoever only looks
/// (see look) shares the lock for a moment, and is waited for.
Fd lock_file(const Fd& folder, const std::string& name, int flags) {
  constexpr int kTries = 1000;  // a reader holds it for microseconds, not for a second
  for (int i = 0; i < kTries; ++i) {
    Fd fd = open_beneath(folder, name, flags | O_NONBLOCK, (flags & O_CREAT) != 0 ? 0600 : 0);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) throw_errno("lock " + name);
      if (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) return {};
      fd.reset();
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
      continue;
    }
    if (still_named(fd, folder, name)) return fd;
  }
  return {};
}

/// Where the lock is, beneath the root: no symbolic link leads elsewhere.
struct Place {
  Fd folder;  ///< empty: there is no such folder
  std::string name;
};

Place find_place(const Layout& layout, const AppName& app) {
  const std::filesystem::path path = layout.deploy_lock(app);
  Place place{.folder = {}, .name = path.filename().string()};
  const Fd root(::open(layout.root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) {
    if (errno == ENOENT) return place;
    throw_errno("open " + layout.root().string());
  }
  try {
    place.folder = open_beneath(root, path.parent_path().lexically_relative(layout.root()),
                                O_RDONLY | O_DIRECTORY);
  } catch (const Error& error) {  // adapter: absent is an answer here
    if (error.code() != Errc::not_found) throw;
  }
  return place;
}

void remove_named(const Place& place) {
  if (::unlinkat(place.folder.get(), place.name.c_str(), 0) != 0 && errno != ENOENT) {
    throw_errno("remove " + place.name);
  }
}

}  // namespace

std::optional<DeployLock> DeployLock::try_acquire(const Layout& layout, const AppName& app) {
  const std::filesystem::path path = layout.deploy_lock(app);
  const Fd folder = make_folder(layout, path.parent_path());
  Fd fd = lock_file(folder, path.filename().string(), O_RDWR | O_CREAT);
  if (!fd) return std::nullopt;
  if (::ftruncate(fd.get(), 0) != 0) throw_errno("write " + path.string());
  return DeployLock(std::move(fd));
}

DeployLock::View DeployLock::look(const Layout& layout, const AppName& app) {
  const Place place = find_place(layout, app);
  if (!place.folder) return {};
  const Fd fd(::openat(place.folder.get(), place.name.c_str(),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return {};
    throw_errno("open " + layout.deploy_lock(app).string());
  }
  const bool held = ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0;
  return {.file_exists = true,
          .held = held,
          .text = std::string(trim(read_open_file(fd, place.name, 4096)))};
}

std::string DeployLock::holder(const Layout& layout, const AppName& app) {
  const View view = look(layout, app);
  return view.held ? view.text : std::string();
}

bool DeployLock::remove_stale(const Layout& layout, const AppName& app) {
  const Place place = find_place(layout, app);
  if (!place.folder) return true;
  try {
    const Fd fd = lock_file(place.folder, place.name, O_RDONLY);
    if (!fd) return false;
    remove_named(place);          // while we hold it: whoever waits for it finds out (still_named)
  } catch (const Error& error) {  // adapter: absent is fine
    if (error.code() != Errc::not_found) throw;
  }
  return true;
}

void DeployLock::release(const Layout& layout, const AppName& app) && {
  const Fd held = std::move(fd_);
  if (!layout.is_dokkus()) return;
  const Place place = find_place(layout, app);
  // While it is held: whoever waits for it finds out (still_named).
  if (place.folder && still_named(held, place.folder, place.name)) remove_named(place);
}

void DeployLock::set_holder(const BuildId& id) {
  const std::string line = id.str() + "\n";
  if (::ftruncate(fd_.get(), 0) != 0 ||
      ::pwrite(fd_.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
    throw_errno("write the deploy lock");
  }
}

}  // namespace cooper::store
