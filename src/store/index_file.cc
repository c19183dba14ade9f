#include "store/index_file.h"

#include "base/error.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace cooper::store {
namespace fs = std::filesystem;

namespace {

constexpr const char* kName = "builds.sqlite";
constexpr const char* kLockName = "builds.lock";

/// What is in the cache is the data root's owner's, whoever made it: root must not
/// take the index away from the user whose builds they are. Of no use to others if
/// it can't be given away, but no harm.
void give_to_owner(const Fd& root, const Fd& folder, const char* name) {
  struct stat owner {};
  if (::geteuid() != 0 || ::fstat(root.get(), &owner) != 0) return;
  [[maybe_unused]] const int ignored =
      ::fchownat(folder.get(), name, owner.st_uid, owner.st_gid, AT_SYMLINK_NOFOLLOW);
}

Fd cache_folder(const Fd& root) {
  if (::mkdirat(root.get(), "cache", 0755) == 0) {
    give_to_owner(root, root, "cache");
  } else if (errno != EEXIST) {
    throw_errno("make the cache folder");
  }
  return open_beneath(root, "cache", O_RDONLY | O_DIRECTORY);
}

/// Makes a regular file without opening it: to close any descriptor of a database
/// drops the locks that SQLite holds on it elsewhere in this process.
void make_file(const Fd& root, const Fd& folder, const char* name) {
  if (::mknodat(folder.get(), name, S_IFREG | 0600, 0) == 0) {
    give_to_owner(root, folder, name);
  } else if (errno != EEXIST) {
    throw_errno(std::string("make ") + name);
  }
}

}  // namespace

IndexFile::IndexFile(const fs::path& root)
    : root_(cooper::open_file(root, O_RDONLY | O_DIRECTORY)),
      cache_(cache_folder(root_)),
      path_(fs::canonical(root) / "cache" / kName) {
  make_file(root_, cache_, kLockName);
  lock_ = open_beneath(cache_, kLockName, O_RDWR);
  lock_shared();
}

void IndexFile::lock_shared() {
  while (::flock(lock_.get(), LOCK_SH) != 0) {
    if (errno != EINTR) throw_errno("lock the index of builds");
  }
}

sqlite::Database IndexFile::open() {
  make_file(root_, cache_, kName);
  struct stat info {};
  if (::fstatat(cache_.get(), kName, &info, AT_SYMLINK_NOFOLLOW) != 0) throw_errno(kName);
  if (!S_ISREG(info.st_mode)) {
    throw sqlite::Failure(Errc::corrupt, "the index of builds is no regular file");
  }
  sqlite::Database database = sqlite::Database::open(path_);
  // Write-ahead: readers and a writer don't wait for each other, a commit waits for
  // no disk, and what a power cut leaves is some earlier state of the index.
  if (database.text("PRAGMA journal_mode = WAL") != "wal") {
    throw sqlite::Failure(Errc::unavailable, "the index of builds can't be shared here");
  }
  database.run("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0");
  return database;
}

void IndexFile::tidy(sqlite::Database& database) const {
  constexpr off_t kLongLog = 512 << 10;
  struct stat info {};
  const std::string log = std::string(kName) + "-wal";
  if (::fstatat(cache_.get(), log.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
  // Not while others read: one of the next writers will find a moment.
  if (info.st_size > kLongLog) database.run_at_once("PRAGMA wal_checkpoint(TRUNCATE)");
}

void IndexFile::remove() {
  using namespace std::chrono_literals;
  const auto deadline = std::chrono::steady_clock::now() + 1s;
  while (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR && errno != EWOULDBLOCK) throw_errno("lock the index of builds");
    if (std::chrono::steady_clock::now() > deadline) {
      throw Error(Errc::unavailable, "the index of builds is in use");
    }
    std::this_thread::sleep_for(1ms);
  }
  for (const char* suffix : {"-wal", "-shm", "-journal", ""}) {
    const std::string name = std::string(kName) + suffix;
    if (::unlinkat(cache_.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
      throw_errno("remove " + name);
    }
  }
  lock_shared();
}

}  // namespace cooper::store
