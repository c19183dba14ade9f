#include "base/file.h"

#include "base/error.h"
#include "base/fd.h"
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
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw_errno("open " + path.string());
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
  if (::fsync(folder.get()) != 0) throw_errno("fsync the folder of " + name);
}

void sync_folder(const fs::path& folder) {
  const Fd fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (::fsync(fd.get()) != 0) throw_errno("fsync " + folder.string());
}

void make_folders(const fs::path& folder, mode_t mode) {
  struct stat st {};
  if (folder.empty() || (::stat(folder.c_str(), &st) == 0 && S_ISDIR(st.st_mode))) return;
  make_folders(folder.parent_path(), mode);
  if (::mkdir(folder.c_str(), mode) == 0) {
    sync_folder(folder.has_parent_path() ? folder.parent_path() : fs::path("."));
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

void remove_beneath(int parent, const char* name, const fs::path& shown) {
  if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) throw_errno("remove " + shown.string());
  {
    Fd fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd && errno == EACCES && ::fchmodat(parent, name, 0700, 0) == 0) {
      fd = Fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    if (!fd) throw_errno("remove " + shown.string());
    ::fchmod(fd.get(), 0700);
    const Dir dir(::fdopendir(fd.get()));
    if (!dir) throw_errno("remove " + shown.string());
    const int dir_fd = fd.release();  // now owned by `dir`
    while (const dirent* entry = ::readdir(dir.get())) {
      if (!is_dots(entry->d_name)) remove_beneath(dir_fd, entry->d_name, shown / entry->d_name);
    }
  }
  if (::unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
    throw_errno("remove " + shown.string());
  }
}

}  // namespace

std::vector<std::string> list_folder(const fs::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    throw_errno("read folder " + folder.string());
  }
  return list_folder(fd);
}

std::vector<std::string> list_folder(const Fd& folder) {
  // A descriptor of its own: reading moves the position of the one we were lent.
  Fd own(::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) throw_errno("read folder");
  const Dir dir(::fdopendir(own.get()));
  if (!dir) throw_errno("read folder");
  static_cast<void>(own.release());  // now owned by `dir`
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (!is_dots(entry->d_name)) names.emplace_back(entry->d_name);
  }
  return names;
}

bool remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  throw_errno("remove " + path.string());
}

void remove_tree(const fs::path& path) { remove_beneath(AT_FDCWD, path.c_str(), path); }

}  // namespace cooper
