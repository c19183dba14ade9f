#include "engine/own_folder.h"

#include "base/error.h"
#include "base/file.h"

#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace cooper::engine {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPlace = "/tmp";
constexpr std::string_view kPrefix = "cooper.";
constexpr std::string_view kDigits = "XXXXXX";  // mkdtemp(3)

/// The folder, locked by us; nothing if it is in use, gone or somebody else's.
Fd lock_own(const fs::path& path) {
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!folder || ::fstat(folder.get(), &info) != 0 || info.st_uid != ::geteuid()) return {};
  if (::flock(folder.get(), LOCK_EX | LOCK_NB) != 0) return {};
  // Another one may have removed it before we had the lock.
  if (::fstat(folder.get(), &info) != 0 || info.st_nlink == 0) return {};
  return folder;
}

void remove_what_others_left() {
  std::error_code failed;
  for (fs::directory_iterator at(kPlace, failed), end; !failed && at != end; at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(kPrefix) || name.size() != kPrefix.size() + kDigits.size()) continue;
    if (const Fd folder = lock_own(at->path())) {
      try {
        remove_tree(at->path());
      } catch (const Error&) {  // boundary: the next one tries again
      }
    }
  }
}

}  // namespace

OwnFolder::OwnFolder() {
  constexpr int kAttempts = 16;
  remove_what_others_left();
  for (int attempt = 0; attempt < kAttempts && !lock_; ++attempt) {
    std::string path = std::string(kPlace) + "/" + std::string(kPrefix) + std::string(kDigits);
    if (!::mkdtemp(path.data())) throw_errno("make a folder in /tmp");
    path_ = path;
    lock_ = lock_own(path_);  // unless another one took it for a killed one's until now
  }
  if (!lock_) throw Error(Errc::unavailable, "a folder in /tmp is removed again and again");
}

OwnFolder::~OwnFolder() {
  try {
    remove_tree(path_);
  } catch (const Error&) {  // boundary: the next one removes it
  }
}

}  // namespace cooper::engine
