#include "store/deploy_lock.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

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
bool still_named(const Fd& fd, const std::filesystem::path& path) {
  struct stat open_file {};
  struct stat named {};
  return ::fstat(fd.get(), &open_file) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/// Locks the file for writing. Empty if somebody holds it; whoever only looks
/// (see look) shares the lock for a moment, and is waited for.
Fd lock_file(const std::filesystem::path& path, int flags) {
  constexpr int kTries = 1000;  // a reader holds it for microseconds, not for a second
  for (int i = 0; i < kTries; ++i) {
    Fd fd = open_file(path, flags | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) throw_errno("lock " + path.string());
      if (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) return {};
      fd.reset();
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
      continue;
    }
    if (still_named(fd, path)) return fd;
  }
  return {};
}

}  // namespace

std::optional<DeployLock> DeployLock::try_acquire(const Layout& layout, const AppName& app) {
  make_folders(layout.app(app));
  const std::filesystem::path path = layout.deploy_lock(app);
  Fd fd = lock_file(path, O_RDWR | O_CREAT);
  if (!fd) return std::nullopt;
  if (::ftruncate(fd.get(), 0) != 0) throw_errno("write " + path.string());
  return DeployLock(std::move(fd));
}

DeployLock::View DeployLock::look(const Layout& layout, const AppName& app) {
  const std::filesystem::path path = layout.deploy_lock(app);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return {};
    throw_errno("open " + path.string());
  }
  const bool held = ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0;
  return {.file_exists = true,
          .held = held,
          .text = std::string(trim(read_open_file(fd, path.string(), 4096)))};
}

std::string DeployLock::holder(const Layout& layout, const AppName& app) {
  const View view = look(layout, app);
  return view.held ? view.text : std::string();
}

bool DeployLock::remove_stale(const Layout& layout, const AppName& app) {
  const std::filesystem::path path = layout.deploy_lock(app);
  try {
    const Fd fd = lock_file(path, O_RDONLY);
    if (!fd) return false;
    remove_file(path);            // while we hold it: whoever waits for it finds out (still_named)
  } catch (const Error& error) {  // adapter: absent is fine
    if (error.code() != Errc::not_found) throw;
  }
  return true;
}

void DeployLock::release(const Layout& layout, const AppName& app) && {
  const Fd held = std::move(fd_);
  const std::filesystem::path path = layout.deploy_lock(app);
  // While it is held: whoever waits for it finds out (still_named).
  if (still_named(held, path)) remove_file(path);
}

void DeployLock::set_holder(const BuildId& id) {
  const std::string line = id.str() + "\n";
  if (::ftruncate(fd_.get(), 0) != 0 ||
      ::pwrite(fd_.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
    throw_errno("write the deploy lock");
  }
}

}  // namespace cooper::store
