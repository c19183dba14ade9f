#include "engine/delayed_stop.h"

#include <csignal>
#include <exception>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace cooper::engine {

DelayedStop::DelayedStop(std::stop_token stop, std::function<bool()> must_wait,
                         std::chrono::milliseconds longest)
    : must_wait_(std::move(must_wait)),
      longest_(longest),
      on_stop_(std::move(stop), Begin{*this}) {}

void DelayedStop::Begin::operator()() const noexcept {
  try {
    owner.waiter_ =
        std::jthread([&stop = owner](const std::stop_token& abandoned) { stop.wait(abandoned); });
  } catch (const std::system_error&) {  // adapter: no thread to be had, so at once
    owner.source_.request_stop();
  }
}

void DelayedStop::wait(const std::stop_token& abandoned) noexcept {
  constexpr std::chrono::milliseconds kLookAgain{1};
  try {
    const auto deadline = std::chrono::steady_clock::now() + longest_;
    while (!abandoned.stop_requested() && std::chrono::steady_clock::now() < deadline &&
           must_wait_()) {
      std::this_thread::sleep_for(kLookAgain);
    }
  } catch (const std::exception&) {  // adapter: what can't be told is not waited for
  }
  source_.request_stop();
}

bool halt(int pidfd) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, SIGSTOP, nullptr, 0) != 0) return false;
  for (int tries = 0; tries < 50; ++tries) {
    siginfo_t info{};
    if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info,
                 WSTOPPED | WEXITED | WNOHANG | WNOWAIT) != 0) {
      return false;
    }
    if (info.si_pid != 0) return info.si_code == CLD_STOPPED;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return false;
}

}  // namespace cooper::engine
