#pragma once
// Waits for a build's work while it listens to signals and the clock.

#include "base/fd.h"
#include "build/settings.h"
#include "log/capture.h"
#include "model/build.h"

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <sys/signalfd.h>

namespace cooper::build {

/// Why a build that runs is being ended from outside.
struct EndRequest {
  Status status = Status::canceled;
  int exit_code = -1;
  std::string reason;
};

/// Signals that cancel a build.
sigset_t end_signals();
/// Why it is canceled by such a signal: "canceled by root", or what who sent it said (CancelFor).
std::string reason_of(const signalfd_siginfo& signal);

/// Blocks SIGQUIT, SIGTERM and SIGINT, so that Watch can read them. Call it
/// before the process has threads.
void block_end_signals();

/// Does `work` on a thread of its own while this one listens to signals and the
/// clock. An end request stops it through the token; what it comes to is `work`'s
/// outcome, or a failure if it throws. Once `work` says that it was canceled, the
/// request tells why and as what. Throws Error if the watch can't be set up.
Outcome run_watched(const Settings& settings, const log::OutputClock& clock,
                    const std::function<Outcome(std::stop_token)>& work);

/// The main thread's part of a build; another thread works.
class Watch {
 public:
  /// Throws Error. The references must outlive it.
  Watch(const Settings& settings, const log::OutputClock& clock);

  /// Told by the working thread when it is through.
  void work_is_done() noexcept;

  /// Returns when the work is done. The first signal, timeout or stall meanwhile
  /// is kept as end_request() and passed on to `stop`.
  void wait(std::stop_source& stop);

  const std::optional<EndRequest>& end_request() const { return end_request_; }

 private:
  int wake_in_ms() const;
  void take_signal(std::stop_source& stop);
  void check_clock(std::stop_source& stop);
  void end(std::stop_source& stop, EndRequest request);

  const Settings& settings_;
  const log::OutputClock& clock_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Fd done_;
  Fd signals_;
  std::optional<EndRequest> end_request_;
};

}  // namespace cooper::build
