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

}  // namespace

std::optional<DeployLock> DeployLock::try_acquire(const Layout& layout, const AppName& app) {
  make_folders(layout.app(app));
  const std::filesystem::path path = layout.deploy_lock(app);
  constexpr int kTries = 1000;  // a reader holds it for microseconds, not for a second
  for (int i = 0; i < kTries; ++i) {
    Fd fd = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) throw_errno("lock " + path.string());
      // Whoever only looks (see holder) shares the lock for a moment.
      if (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) return std::nullopt;
      fd.reset();
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
      continue;
    }
    if (!still_named(fd, path)) continue;
    if (::ftruncate(fd.get(), 0) != 0) throw_errno("write " + path.string());
    return DeployLock(std::move(fd));
  }
  return std::nullopt;
}

std::string DeployLock::holder(const Layout& layout, const AppName& app) {
  const std::filesystem::path path = layout.deploy_lock(app);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return {};
    throw_errno("open " + path.string());
  }
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return {};  // nobody holds it
  return std::string(trim(read_open_file(fd, path.string(), 4096)));
}

void DeployLock::set_holder(const BuildId& id) {
  const std::string line = id.str() + "\n";
  if (::ftruncate(fd_.get(), 0) != 0 ||
      ::pwrite(fd_.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
    throw_errno("write the deploy lock");
  }
}

}  // namespace cooper::store
