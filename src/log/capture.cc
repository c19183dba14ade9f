#include "log/capture.h"

#include "base/error.h"
#include "process/wake.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace cooper::log {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
constexpr int kPipeBytes = 1 << 20;  // what an unprivileged user may ask for

int poll_timeout(std::optional<Clock::time_point> deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
  return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 60'000));
}

// One run of capture(). Its destructor ends a child that still runs, so that a
// sink's exception leaves nothing behind.
class Pump {
 public:
  Pump(process::Child& child, Fd& output, const CaptureOptions& options, Sink& sink)
      : child_(child), output_(output), options_(options), sink_(sink) {
    // More room means fewer switches between writer and reader. Best effort.
    ::fcntl(output_.get(), F_SETPIPE_SZ, kPipeBytes);
  }
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;
  ~Pump() { end_child(); }

  process::ExitStatus run(std::stop_token stop);

 private:
  void on_exit();
  ssize_t read_output();
  void read_chunk();
  void on_timeout();
  std::optional<Clock::time_point> next_deadline() const;
  void ask_to_end() noexcept;
  void end_child() noexcept;
  bool drained() const { return open_until_ && owed_ == 0 && Clock::now() >= *open_until_; }

  process::Child& child_;
  Fd& output_;
  const CaptureOptions& options_;
  Sink& sink_;
  std::unique_ptr<char[]> buffer_{new char[kChunkBytes]};
  bool at_end_ = false;    // the pipe has no writer any more
  bool exited_ = false;    // the child has ended
  bool stopping_ = false;  // SIGTERM was sent
  std::size_t owed_ = 0;   // bytes that stood in the pipe when the child ended
  std::optional<Clock::time_point> kill_at_;
  std::optional<Clock::time_point> idle_at_;
  std::optional<Clock::time_point> open_until_;  // after the exit: wait for others no longer
};

process::ExitStatus Pump::run(std::stop_token stop) {
  const process::StopWake wake(std::move(stop));
  while (!(exited_ && (at_end_ || drained()))) {
    std::array<pollfd, 3> polled{pollfd{at_end_ ? -1 : output_.get(), POLLIN, 0},
                                 pollfd{exited_ ? -1 : child_.pidfd(), POLLIN, 0},
                                 pollfd{stopping_ || exited_ ? -1 : wake.fd(), POLLIN, 0}};
    const int ready = ::poll(polled.data(), polled.size(), poll_timeout(next_deadline()));
    if (ready < 0 && errno != EINTR) throw_errno("poll");
    if (ready < 0) continue;
    if (polled[2].revents != 0) {
      stopping_ = true;
      kill_at_ = Clock::now() + options_.grace;
      ask_to_end();
    }
    if (polled[1].revents != 0) on_exit();
    if (polled[0].revents != 0) read_chunk();
    on_timeout();
  }
  return child_.wait();
}

void Pump::on_exit() {
  exited_ = true;
  const bool group_was_asked = kill_at_ && options_.asked == CaptureOptions::Asked::group;
  open_until_ = group_was_asked ? *kill_at_ : Clock::now() + options_.linger;
  kill_at_.reset();
  // However slow the sink is: what the child wrote is read.
  int pending = 0;
  if (::ioctl(output_.get(), FIONREAD, &pending) == 0) owed_ = static_cast<std::size_t>(pending);
}

/// As read_some; a terminal that nobody has open any more is at its end, too.
ssize_t Pump::read_output() {
  for (;;) {
    const ssize_t n = ::read(output_.get(), buffer_.get(), kChunkBytes);
    if (n >= 0) return n;
    if (errno == EIO) return 0;
    if (errno == EAGAIN) return -1;
    if (errno != EINTR) throw_errno("read the output");
  }
}

void Pump::read_chunk() {
  const ssize_t n = read_output();
  if (n < 0) return;
  if (n == 0) {
    at_end_ = true;
    return;
  }
  const std::string_view chunk(buffer_.get(), static_cast<std::size_t>(n));
  owed_ -= std::min(owed_, chunk.size());
  idle_at_.reset();
  if (chunk.back() != '\n') idle_at_ = Clock::now() + options_.idle_after;
  sink_.bytes(chunk);
}

void Pump::on_timeout() {
  const Clock::time_point now = Clock::now();
  if (idle_at_ && now >= *idle_at_) {
    idle_at_.reset();
    sink_.idle();
  }
  if (kill_at_ && now >= *kill_at_) {
    kill_at_.reset();
    child_.signal_group(SIGKILL);
  }
}

std::optional<Clock::time_point> Pump::next_deadline() const {
  std::optional<Clock::time_point> first;
  for (const auto& deadline : {kill_at_, idle_at_, open_until_})
    if (deadline && (!first || *deadline < *first)) first = deadline;
  return first;
}

// Must not throw: it runs while an exception is on its way.
void Pump::ask_to_end() noexcept {
  for (const int signal_number : {SIGTERM, SIGCONT}) {  // a halted one would not hear the first
    if (options_.asked == CaptureOptions::Asked::group) {
      child_.signal_group(signal_number);
    } else {
      child_.signal(signal_number);
    }
  }
}

void Pump::end_child() noexcept {
  if (exited_) return;
  ask_to_end();
  std::optional<Clock::time_point> kill_at = Clock::now() + options_.grace;
  for (;;) {
    // The pipe is emptied meanwhile: a child that waits for room can't clean up.
    std::array<pollfd, 2> polled{pollfd{child_.pidfd(), POLLIN, 0},
                                 pollfd{at_end_ ? -1 : output_.get(), POLLIN, 0}};
    const int ready = ::poll(polled.data(), polled.size(), poll_timeout(kill_at));
    if (ready < 0 && errno != EINTR) return;
    if (ready > 0 && polled[0].revents != 0) return;
    if (ready > 0 && polled[1].revents != 0) {
      const ssize_t n = ::read(output_.get(), buffer_.get(), kChunkBytes);
      at_end_ = n == 0 || (n < 0 && errno == EIO);
    }
    if (kill_at && Clock::now() >= *kill_at) {
      kill_at.reset();
      child_.signal_group(SIGKILL);
    }
  }
}

}  // namespace

process::ExitStatus capture(process::Child& child, Fd& output, const CaptureOptions& options,
                            Sink& sink, std::stop_token stop) {
  return Pump(child, output, options, sink).run(std::move(stop));
}

}  // namespace cooper::log
