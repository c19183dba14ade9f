#pragma once
// A stop request that is passed on a moment later, when it does no harm.

#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>

namespace cooper::engine {

/// Its token is stopped when `stop` is and `must_wait` answers false, at the
/// latest after `longest`. Whoever requests the stop is not held up; a thread is
/// started only then, and `must_wait` is called on it.
class DelayedStop {
 public:
  DelayedStop(std::stop_token stop, std::function<bool()> must_wait,
              std::chrono::milliseconds longest);
  std::stop_token token() const { return source_.get_token(); }

 private:
  struct Begin {
    DelayedStop& owner;
    void operator()() const noexcept;
  };
  void wait(const std::stop_token& abandoned) noexcept;

  std::function<bool()> must_wait_;
  std::chrono::milliseconds longest_;
  std::stop_source source_;
  std::jthread waiter_;
  std::stop_callback<Begin> on_stop_;  // last: it goes first, and starts waiter_
};

/// Stops the process as SIGSTOP does, and waits until all its threads stand; false
/// if it has ended, or does not stand soon.
bool halt(int pidfd);

}  // namespace cooper::engine
