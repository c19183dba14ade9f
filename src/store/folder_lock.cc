#include "store/folder_lock.h"

#include "base/error.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace cooper::store {

FolderLock::FolderLock(const Fd& folder, const LockName& name)
    : fd_(open_beneath(folder, name.file, O_RDWR | O_CREAT, 0600)) {
  struct stat owner {};
  struct stat own {};
  // What root makes in somebody's folder must not lock its owner out.
  if (::geteuid() == 0 && ::fstat(folder.get(), &owner) == 0 && ::fstat(fd_.get(), &own) == 0 &&
      own.st_uid != owner.st_uid && ::fchown(fd_.get(), owner.st_uid, owner.st_gid) != 0) {
    throw_errno("give the lock of " + std::string(name.what) + " to their owner");
  }
  const auto deadline = std::chrono::steady_clock::now() + name.patience;
  const int how = name.holding == Holding::alone ? LOCK_EX : LOCK_SH;
  while (::flock(fd_.get(), how | LOCK_NB) != 0) {
    if (errno != EINTR && errno != EWOULDBLOCK) throw_errno("lock " + std::string(name.what));
    if (name.stop.stop_requested()) {
      throw Error(Errc::canceled, "canceled while " + std::string(name.what) + " were locked");
    }
    if (std::chrono::steady_clock::now() > deadline) {
      throw Error(Errc::unavailable,
                  std::string(name.what) + " are locked by another process for too long");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

bool is_same_file(const Fd& a, const Fd& b) {
  struct stat a_info {};
  struct stat b_info {};
  return a && b && ::fstat(a.get(), &a_info) == 0 && ::fstat(b.get(), &b_info) == 0 &&
         a_info.st_dev == b_info.st_dev && a_info.st_ino == b_info.st_ino;
}

}  // namespace cooper::store
