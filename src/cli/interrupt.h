#pragma once
// Ctrl-C as stop tokens.

#include "base/fd.h"

#include <csignal>
#include <stop_token>
#include <thread>

namespace cooper::cli {

/// While it lives, SIGINT does not end the program: the first one requests the
/// stop of first(), the second one that of second(), later ones do nothing.
/// Where SIGINT is ignored (a script's background job), it stays so.
///
/// SIGINT is blocked in the thread that makes it and in those started later;
/// make it before other threads run, and one at a time. Throws Error.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

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
