#include "base/file.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/owner.h"
#include "base/random.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper {
namespace fs = std::filesystem;

std::optional<std::string> read_file(const fs::path& path, std::size_t max_bytes) {
  // O_NONBLOCK: to open a FIFO would wait for its writer.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw_errno("open " + path.string());
  }
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) throw_errno("stat " + path.string());
  if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
    throw Error(Errc::invalid,
                path.string() + (S_ISDIR(st.st_mode) ? " is a folder" : " is no regular file"),
                "a file is expected there");
  }
  return read_open_file(fd, path.string(), max_bytes);
}

std::string read_open_file(const Fd& fd, std::string_view shown_name, std::size_t max_bytes) {
  std::string bytes;
  char buffer[16384];
  for (;;) {
    const ssize_t n = read_some(fd.get(), buffer);
    if (n <= 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(n));
    if (bytes.size() > max_bytes) {
      throw Error(Errc::corrupt, std::string(shown_name) + " is larger than " +
                                     std::to_string(max_bytes) + " bytes");
    }
  }
}

namespace {

/// Removes the temporary file unless it was renamed away.
class Temporary {
 public:
  Temporary(const Fd& folder, std::string name) : folder_(folder), name_(std::move(name)) {}
  ~Temporary() {
    if (!name_.empty()) ::unlinkat(folder_.get(), name_.c_str(), 0);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  const char* name() const { return name_.c_str(); }
  void keep() { name_.clear(); }

 private:
  const Fd& folder_;
  std::string name_;
};

}  // namespace

void write_file_durably(const fs::path& path, std::string_view bytes, mode_t mode,
                        IfExists if_exists) {
  const Fd folder = open_file(path.has_parent_path() ? path.parent_path() : fs::path("."),
                              O_RDONLY | O_DIRECTORY);
  write_file_durably(folder, path.filename().string(), bytes, mode, if_exists);
}

void write_file_durably(const Fd& folder, const std::string& name, std::string_view bytes,
                        mode_t mode, IfExists if_exists) {
  const std::string doing = "write " + name;
  Temporary temporary(folder, std::string(kTemporaryPrefix) + name + "-" + random_base36(10));
  {
    const Fd fd(
        ::openat(folder.get(), temporary.name(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd) throw_errno(doing);
    give_to_owner_of(folder, fd);
    write_all(fd.get(), bytes);
    // The mode is part of the file's meaning: don't let the umask narrow it.
    if (::fchmod(fd.get(), mode) != 0) throw_errno(doing);
    if (::fsync(fd.get()) != 0) throw_errno(doing);
  }
  if (if_exists == IfExists::fail) {
    if (::linkat(folder.get(), temporary.name(), folder.get(), name.c_str(), 0) != 0) {
      if (errno == EEXIST) throw Error(Errc::conflict, name + " exists already");
      throw_errno(doing);
    }
  } else {
    if (::renameat(folder.get(), temporary.name(), folder.get(), name.c_str()) != 0) {
      throw_errno(doing);
    }
    temporary.keep();
  }
  if (::fsync(folder.get()) != 0) {
    const int error_number = errno;
    if (if_exists == IfExists::fail) ::unlinkat(folder.get(), name.c_str(), 0);
    throw_errno(error_number, "fsync the folder of " + name);
  }
}

void sync_folder(const fs::path& folder) {
  const Fd fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (::fsync(fd.get()) != 0) throw_errno("fsync " + folder.string());
}

void make_folders(const fs::path& folder, mode_t mode) {
  struct stat st {};
  if (folder.empty() || (::stat(folder.c_str(), &st) == 0 && S_ISDIR(st.st_mode))) return;
  make_folders(folder.parent_path(), mode);
  if (!folder.has_filename()) return;  // it ends with a slash
  const Fd parent = open_file(folder.has_parent_path() ? folder.parent_path() : fs::path("."),
                              O_RDONLY | O_DIRECTORY);
  // By the open folder: whoever owns it may rename what is above.
  if (::mkdirat(parent.get(), folder.filename().c_str(), mode) == 0) {
    const Fd made = open_beneath(parent, folder.filename(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    give_to_owner_of(parent, made);
    if (::fchmod(made.get(), mode) != 0 || ::fsync(parent.get()) != 0) {
      throw_errno("create folder " + folder.string());
    }
    return;
  }
  const int error_number = errno;
  const bool made_by_another =
      error_number == EEXIST && ::stat(folder.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
  if (!made_by_another) throw_errno(error_number, "create folder " + folder.string());
}

namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

bool is_dots(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/// Removes one tree. One descriptor walks down by name and up by `..`: a hostile
/// tree may be deeper than the stack, the longest path and the descriptor limit.
class TreeRemoval {
 public:
  explicit TreeRemoval(const fs::path& top) : top_(top) {}

  void run() {
    if (unlinked(AT_FDCWD, top_.c_str())) return;
    enter(AT_FDCWD, top_.string());
    while (!levels_.empty()) {
      std::vector<std::string>& entries = levels_.back().entries;
      if (entries.empty()) {
        leave();
        continue;
      }
      const std::string name = std::move(entries.back());
      entries.pop_back();
      if (!unlinked(fd_.get(), name.c_str())) enter(fd_.get(), name);
    }
  }

 private:
  /// A folder on the way down to what is removed now.
  struct Level {
    std::string name;
    std::vector<std::string> entries;  // still to be removed
    dev_t device;
    ino_t inode;
  };

  /// Removes anything but a folder; false if it is one.
  bool unlinked(int parent, const char* name) const {
    if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT || errno == ENOTDIR) return true;
    if (errno != EISDIR && errno != EPERM) fail(errno, name);
    return false;
  }

  /// Goes down into a folder, with the right to empty it.
  void enter(int parent, const std::string& name) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Fd fd(::openat(parent, name.c_str(), kFlags));
    if (!fd && errno == EACCES && ::fchmodat(parent, name.c_str(), 0700, 0) == 0) {
      fd = Fd(::openat(parent, name.c_str(), kFlags));
    }
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0) fail(errno, name.c_str());
    ::fchmod(fd.get(), 0700);  // if it is not ours to change, removing from it will say so
    levels_.push_back({name, list_folder(fd), st.st_dev, st.st_ino});
    fd_ = std::move(fd);
  }

  /// Goes up and removes the folder that is now empty.
  void leave() {
    const std::string name = std::move(levels_.back().name);
    levels_.pop_back();
    int parent = AT_FDCWD;
    if (!levels_.empty()) {
      fd_ = Fd(::openat(fd_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      struct stat st {};
      if (!fd_ || ::fstat(fd_.get(), &st) != 0) fail(errno, name.c_str());
      if (st.st_dev != levels_.back().device || st.st_ino != levels_.back().inode) {
        throw Error(Errc::conflict, "remove " + top_.string() + ": a folder in it was moved away");
      }
      parent = fd_.get();
    }
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return;
    // Somebody has made a file in it since it was listed.
    if (errno == ENOTEMPTY && ++again_ <= kMostAgain) {
      enter(parent, name);
    } else {
      fail(errno, name.c_str());
    }
  }

  [[noreturn]] void fail(int error_number, const char* name) const {
    fs::path shown = top_;
    for (std::size_t i = 1; i < levels_.size(); ++i) shown /= levels_[i].name;
    if (!levels_.empty()) shown /= name;
    throw_errno(error_number, "remove " + shown.string());
  }

  static constexpr int kMostAgain = 1000;

  int again_ = 0;
  const fs::path& top_;
  Fd fd_;
  std::vector<Level> levels_;
};

}  // namespace

std::vector<std::string> list_folder(const fs::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    throw_errno("read folder " + folder.string());
  }
  return list_folder(fd);
}

std::vector<std::string> list_folder(const Fd& folder, std::size_t most) {
  // A descriptor of its own: reading moves the position of the one we were lent.
  Fd own(::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) throw_errno("read folder");
  const Dir dir(::fdopendir(own.get()));
  if (!dir) throw_errno("read folder");
  static_cast<void>(own.release());  // now owned by `dir`
  std::vector<std::string> names;
  errno = 0;
  while (names.size() < most) {
    errno = 0;  // the only sign of an error
    const dirent* entry = ::readdir(dir.get());
    if (!entry) break;
    if (!is_dots(entry->d_name)) names.emplace_back(entry->d_name);
  }
  if (errno != 0) throw_errno("read folder");
  return names;
}

bool remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  throw_errno("remove " + path.string());
}

void remove_tree(const fs::path& path) { TreeRemoval(path).run(); }

}  // namespace cooper
