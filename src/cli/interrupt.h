#pragma once
// Ctrl-C as stop tokens.

#include "base/fd.h"

#include <atomic>
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
  /// all_leave: as all_ends, with let_others_leave() from the start.
  enum class Takes { interrupt, all_ends, all_leave };
  /// `output` (borrowed; -1: none): a pipe that is looked at, too. That nobody reads it any more is
  /// taken for a SIGHUP: where a hook's pusher went away nobody signals.
  explicit Interrupts(Takes takes = Takes::interrupt, int output = -1);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// From now on SIGTERM and SIGHUP request the stop of left() and no other: what we
  /// look at needs us no more.
  void let_others_leave() noexcept { others_leave_ = true; }

  std::stop_token first() const noexcept { return first_.get_token(); }
  std::stop_token second() const noexcept { return second_.get_token(); }
  std::stop_token left() const noexcept { return left_.get_token(); }
  /// The signal that requested the stop of left(); 0: none did.
  int left_by() const noexcept { return left_by_; }

 private:
  void watch(int output) noexcept;
  void take(int signal_number) noexcept;

  std::stop_source first_;
  std::stop_source second_;
  std::stop_source left_;
  std::atomic<bool> others_leave_ = false;
  std::atomic<int> left_by_ = 0;
  sigset_t mask_before_{};
  Fd signals_;
  Fd end_;  // eventfd: the watcher may go
  std::thread watcher_;
};

}  // namespace cooper::cli
