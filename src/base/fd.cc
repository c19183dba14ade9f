#include "base/fd.h"

#include "base/error.h"
#include "base/owner.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cooper {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe");
  return {Fd(ends[0]), Fd(ends[1])};
}

namespace {

/// Makes the file for its folder's owner, if there is none and we are root. Empty:
/// there may be one already.
Fd make_for_owner(const Fd& folder, const std::filesystem::path& name, int flags, mode_t mode) {
  Fd made(::openat(folder.get(), name.c_str(), flags | O_EXCL | O_CLOEXEC, mode));
  if (made) give_to_owner_of(folder, made);
  return made;
}

bool makes_for_others(int flags) { return (flags & O_CREAT) != 0 && ::geteuid() == 0; }

}  // namespace

Fd open_file(const std::filesystem::path& path, int flags, mode_t mode) {
  if (makes_for_others(flags) && path.has_filename()) {
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const Fd parent(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    Fd made = parent ? make_for_owner(parent, path.filename(), flags, mode) : Fd();
    if (made) return made;
    flags |= O_NOFOLLOW;  // a link of somebody else's must not have root write elsewhere
  }
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) throw_errno("open " + path.string());
  return fd;
}

Fd find_regular_file(const std::filesystem::path& path, int flags) {
  Fd fd(::open(path.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return {};
  struct stat info {};
  const bool link = !fd && errno == ELOOP;
  if (!fd && !link) throw_errno("open " + path.string());
  if (fd && ::fstat(fd.get(), &info) != 0) throw_errno("stat " + path.string());
  if (link || (!S_ISREG(info.st_mode) && !S_ISCHR(info.st_mode))) {
    throw Error(Errc::invalid, path.string() + " is no regular file");
  }
  return fd;
}

Fd open_beneath(const Fd& dir, const std::filesystem::path& relative, int flags, mode_t mode) {
  if (makes_for_others(flags) && relative == relative.filename()) {
    Fd made = make_for_owner(dir, relative, flags, mode);
    if (made) return made;
  }
  open_how how{};
  how.flags = static_cast<__u64>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  Fd fd(static_cast<int>(::syscall(SYS_openat2, dir.get(), relative.c_str(), &how, sizeof how)));
  if (!fd) throw_errno("open " + relative.string());
  return fd;
}

void ensure_standard_streams() {
  int fd = -1;
  do {
    fd = ::open("/dev/null", O_RDWR);  // no O_CLOEXEC: these are for children, too
    if (fd < 0) throw_errno("open /dev/null");
  } while (fd <= STDERR_FILENO);
  ::close(fd);
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      throw_errno("write");
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

ssize_t read_some(int fd, std::span<char> buffer) {
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n >= 0) return n;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return -1;
    if (errno != EINTR) throw_errno("read");
  }
}

}  // namespace cooper
