#include "cli/pusher_watch.h"

#include "base/error.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cooper::cli {

PusherWatch::PusherWatch() {
  const pid_t git = ::getppid();
  git_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, git, 0)));
  // A pipe can be opened once more by this name, a socket can't.
  const std::string output = "/proc/" + std::to_string(git) + "/fd/1";
  output_ = Fd(::open(output.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!git_ || !output_ || git == 1) return;  // nothing that could be watched
  end_ = Fd(::eventfd(0, EFD_CLOEXEC));
  if (!end_) throw_errno("eventfd");
  watcher_ = std::thread([this] { watch(); });
}

PusherWatch::~PusherWatch() {
  if (!watcher_.joinable()) return;
  const std::uint64_t one = 1;
  // Can't fail: the counter is far from full.
  [[maybe_unused]] const ssize_t written = ::write(end_.get(), &one, sizeof one);
  watcher_.join();
}

void PusherWatch::watch() noexcept {
  // Of a pipe nobody reads any more poll says so whatever is asked for.
  std::array<pollfd, 2> wait = {pollfd{output_.get(), 0, 0}, pollfd{end_.get(), POLLIN, 0}};
  while (::poll(wait.data(), wait.size(), -1) < 0 && errno == EINTR) {
  }
  if (wait[0].revents != 0 && wait[1].revents == 0) {
    ::syscall(SYS_pidfd_send_signal, git_.get(), SIGTERM, nullptr, 0);
  }
}

}  // namespace cooper::cli
