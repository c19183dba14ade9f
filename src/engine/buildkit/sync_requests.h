#pragma once
// What the daemon says during a file sync, read by a thread of its own: reading
// must not wait for writing, or both peers could wait for each other's window.

#include "base/error.h"
#include "engine/buildkit/packet.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace cooper::engine::buildkit {

/// The thread, and the queue of requests that it fills. The rest is called by one
/// other thread.
class SyncRequests {
 public:
  /// Starts the thread. `stream` outlives this.
  explicit SyncRequests(PacketStream& stream);
  /// Gives the stream up if the thread still reads.
  ~SyncRequests();
  SyncRequests(const SyncRequests&) = delete;
  SyncRequests& operator=(const SyncRequests&) = delete;

  /// Call before the entry is sent: so many requests there can be.
  void entry_listed() { ++listed_; }

  /// The next file that was asked for; nullopt if there is none now. Throws
  /// Error if the daemon reported one, broke the protocol or is gone.
  std::optional<std::uint32_t> next();

  /// The same, but waits; nullopt when the daemon has all that it wants.
  std::optional<std::uint32_t> wait();

  /// False if the daemon still may say something after that long.
  bool wait_end(std::chrono::milliseconds at_most);

 private:
  enum class State : std::uint8_t {
    open,
    satisfied,  ///< FIN came
    failed,
  };

  void read();
  void end(State state, Errc code = {}, std::string why = {});
  std::optional<std::uint32_t> take();

  PacketStream& stream_;
  std::atomic<std::uint64_t> listed_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::uint32_t> asked_;
  State state_ = State::open;
  std::optional<Error> failure_;
  std::thread thread_;
};

}  // namespace cooper::engine::buildkit
