#include "base/output.h"

#include <cerrno>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace cooper {

void Output::write(std::string_view bytes) noexcept {
  while (!bytes.empty() && failure_ == 0) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // Whoever shares the descriptor with us has made it non-blocking.
      pollfd wait{fd_, POLLOUT, 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      failure_ = errno;
    }
  }
}

bool Output::is_terminal() const noexcept { return ::isatty(fd_) == 1; }

unsigned Output::columns() const noexcept {
  winsize size{};
  return ::ioctl(fd_, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace cooper
