#pragma once
// Owning file descriptors, and opening files beneath a folder.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <sys/types.h>
#include <utility>

namespace cooper {

/// Owns one file descriptor; closes it once.
class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void reset() noexcept;
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read;
  Fd write;
};

/// Both ends close-on-exec. Throws Error{unavailable}.
Pipe make_pipe();

/// open(2) with O_CLOEXEC; throws Error (see throw_errno). A file that root makes
/// belongs to the owner of its folder (base/owner.h); so does open_beneath's.
Fd open_file(const std::filesystem::path& path, int flags, mode_t mode = 0);

/// Opens `relative` beneath the open folder `dir`: neither `..`, an absolute
/// name nor a symbolic link leads out of it (openat2 RESOLVE_BENEATH |
/// RESOLVE_NO_SYMLINKS). Throws Error.
Fd open_beneath(const Fd& dir, const std::filesystem::path& relative, int flags, mode_t mode = 0);

/// Opens a regular file, or a device such as /dev/full, with O_CLOEXEC; empty if there is none.
/// Follows no symbolic link in its last part, and waits for nobody at the other end of a FIFO: both
/// are an Error, as is whatever else is no file.
Fd find_regular_file(const std::filesystem::path& path, int flags);

/// Opens /dev/null for those of the descriptors 0, 1, 2 that are closed, so that
/// no file of ours gets their number. For the start of a program. Throws Error.
void ensure_standard_streams();

/// Writes all of `bytes`, over short writes and EINTR. Throws Error.
void write_all(int fd, std::string_view bytes);

/// Reads once, over EINTR. Returns 0 at the end, -1 if a non-blocking
/// descriptor has nothing to give. Throws Error.
ssize_t read_some(int fd, std::span<char> buffer);

}  // namespace cooper
