#include "bundle/pipe_feed.h"

#include "base/error.h"
#include "process/wake.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <utility>

namespace cooper::bundle {

std::size_t read_unless_stopped(int in, std::span<char> buffer, const std::stop_token& stop) {
  const process::StopWake wake(stop);
  for (;;) {
    std::array<pollfd, 2> watched = {pollfd{.fd = in, .events = POLLIN, .revents = 0},
                                     pollfd{.fd = wake.fd(), .events = POLLIN, .revents = 0}};
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
    if (stop.stop_requested()) throw Error(Errc::canceled, "canceled");
    if (watched[0].revents == 0) continue;
    const ssize_t got = read_some(in, buffer);
    if (got >= 0) return static_cast<std::size_t>(got);
  }
}

PipeFeed::PipeFeed(std::function<void(int out)> write) : pipe_(make_pipe()) {
  // Fewer changes between the two threads; the default is 64 KiB, and will do.
  ::fcntl(pipe_.write.get(), F_SETPIPE_SZ, 1 << 20);
  thread_ = std::thread([this, write = std::move(write), out = std::move(pipe_.write)]() mutable {
    try {
      write(out.get());
    } catch (...) {  // boundary: a thread's top; finish() throws it on
      if (!left_) failure_ = std::current_exception();
    }
    out.reset();
  });
}

PipeFeed::~PipeFeed() {
  left_ = true;
  pipe_.read.reset();
  if (thread_.joinable()) thread_.join();
}

void PipeFeed::finish() {
  left_ = true;
  pipe_.read.reset();
  if (thread_.joinable()) thread_.join();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace cooper::bundle
