#pragma once
// Ctrl-C as stop tokens.

#include "base/fd.h"

#include <csignal>
#include <stop_token>
#include <thread>

namespace cooper::cli {

/// While it lives, SIGINT (and if asked SIGTERM and SIGHUP) does not end the
/// program: the first one requests the stop of first(), the second one that of
/// second(), later ones do nothing. Where one is ignored (a script's background
/// job, nohup), it stays so.
///
/// They are blocked in the thread that makes it and in those started later;
/// make it before other threads run, and one at a time. Throws Error.
class Interrupts {
 public:
  enum class Takes { interrupt, all_ends };
  explicit Interrupts(Takes takes = Takes::interrupt);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// From now on SIGTERM and SIGHUP end the program again.
  void take_interrupt_only() noexcept;

  std::stop_token first() const noexcept { return first_.get_token(); }
  std::stop_token second() const noexcept { return second_.get_token(); }

 private:
  void watch() noexcept;

  std::stop_source first_;
  std::stop_source second_;
  sigset_t mask_before_{};
  Fd signals_;
  Fd end_;  // eventfd: the watcher may go
  std::thread watcher_;
};

}  // namespace cooper::cli
