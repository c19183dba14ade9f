#include "base/fd.h"

#include "base/error.h"

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

Fd open_file(const std::filesystem::path& path, int flags, mode_t mode) {
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
