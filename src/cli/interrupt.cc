#include "cli/interrupt.h"

#include "base/error.h"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace cooper::cli {

namespace {

/// Blocked, an ignored signal would be delivered to us all the same.
bool is_ignored(int signal_number) {
  struct sigaction present {};
  return ::sigaction(signal_number, nullptr, &present) == 0 && present.sa_handler == SIG_IGN;
}

sigset_t set_of(std::initializer_list<int> signal_numbers) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal_number : signal_numbers) {
    if (!is_ignored(signal_number)) ::sigaddset(&set, signal_number);
  }
  return set;
}

}  // namespace

Interrupts::Interrupts(Takes takes, int output) : others_leave_(takes == Takes::all_leave) {
  const sigset_t set =
      takes == Takes::interrupt ? set_of({SIGINT}) : set_of({SIGINT, SIGTERM, SIGHUP});
  // A descriptor instead of a handler: no code of ours runs inside a signal.
  signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw_errno("signalfd");
  end_ = Fd(::eventfd(0, EFD_CLOEXEC));
  if (!end_) throw_errno("eventfd");
  ::pthread_sigmask(SIG_BLOCK, &set, &mask_before_);
  watcher_ = std::thread([this, output] { watch(output); });
}

Interrupts::~Interrupts() {
  if (!watcher_.joinable()) return;
  const std::uint64_t one = 1;
  // Can't fail: the counter is far from full.
  [[maybe_unused]] const ssize_t written = ::write(end_.get(), &one, sizeof one);
  watcher_.join();
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void Interrupts::take(int signal_number) noexcept {
  if (others_leave_ && signal_number != SIGINT) {
    left_by_ = signal_number;
    left_.request_stop();
    return;
  }
  // request_stop answers true the first time only.
  if (!first_.request_stop()) second_.request_stop();
}

void Interrupts::watch(int output) noexcept {
  std::array<pollfd, 3> wait = {pollfd{signals_.get(), POLLIN, 0}, pollfd{end_.get(), POLLIN, 0},
                                pollfd{output, 0, 0}};
  for (;;) {
    if (::poll(wait.data(), wait.size(), -1) < 0) continue;
    if (wait[1].revents != 0) return;
    if (wait[2].revents != 0) {
      wait[2].fd = -1;
      take(SIGHUP);
    }
    if (wait[0].revents == 0) continue;
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) continue;
    take(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace cooper::cli
