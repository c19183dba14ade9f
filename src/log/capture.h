#pragma once
// Pumps a child's output from its pipe to where it belongs, and ends the child
// when asked to.

#include "base/fd.h"
#include "process/child.h"

#include <atomic>
#include <chrono>
#include <stop_token>
#include <string_view>

namespace cooper::log {

/// Receives what a child prints, on the thread that called capture.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Some bytes, in order; the view is valid during the call.
  virtual void bytes(std::string_view chunk) = 0;
  /// The child stopped in the middle of a line a moment ago: show what waits.
  virtual void idle() = 0;
};

/// When a build last printed something; for a watchdog on another thread.
class OutputClock {
 public:
  OutputClock() noexcept { touch(); }
  void touch() noexcept {
    ticks_.store(std::chrono::steady_clock::now().time_since_epoch().count(),
                 std::memory_order_relaxed);
  }
  std::chrono::steady_clock::time_point last_output() const noexcept {
    return std::chrono::steady_clock::time_point(
        std::chrono::steady_clock::duration(ticks_.load(std::memory_order_relaxed)));
  }

 private:
  std::atomic<std::chrono::steady_clock::rep> ticks_;
};

struct CaptureOptions {
  /// Who gets SIGTERM on a stop request.
  enum class Asked { child, group } asked = Asked::child;
  /// Between SIGTERM and SIGKILL when it is stopped.
  std::chrono::milliseconds grace = std::chrono::seconds(5);
  /// Silence after a partial line until Sink::idle.
  std::chrono::milliseconds idle_after{100};
  /// How long a process that the child left behind may hold the pipe open after it;
  /// of a group that was asked to end: to the end of `grace`.
  std::chrono::milliseconds linger{500};
};

/// Reads `output` (the read end of the child's output pipe, or the master of its
/// terminal) until the child
/// has ended and everything it wrote is in `sink`, and returns how it ended.
/// The caller must have closed its own copy of the write end.
///
/// The child must lead a process group of its own. On a stop request the child
/// alone (buildah then cleans up by itself), or its group, gets SIGTERM, also one that is
/// halted, and after `grace` its group SIGKILL. Processes that outlive the child are the caller's
/// to sweep. If the sink throws, the child is ended in the same way, its further output is dropped,
/// and the exception goes on.
process::ExitStatus capture(process::Child& child, Fd& output, const CaptureOptions& options,
                            Sink& sink, std::stop_token stop);

}  // namespace cooper::log
