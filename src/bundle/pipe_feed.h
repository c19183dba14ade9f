#pragma once
// A thread that writes into a pipe, for whoever reads streams from descriptors.

#include "base/fd.h"

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <span>
#include <stop_token>
#include <thread>

namespace cooper::bundle {

/// Reads once, from whatever it is; 0 at the end. Throws Error{canceled} on a stop request, also
/// while it waits, and Error.
std::size_t read_unless_stopped(int in, std::span<char> buffer, const std::stop_token& stop);

/// Runs a function that writes into a pipe's one end, while somebody reads from the other. The
/// process must ignore SIGPIPE.
class PipeFeed {
 public:
  /// `write` gets the end to write into, which is closed after it. Throws Error.
  explicit PipeFeed(std::function<void(int out)> write);
  /// The reader wants no more: writing fails from now on.
  ~PipeFeed();
  PipeFeed(const PipeFeed&) = delete;
  PipeFeed& operator=(const PipeFeed&) = delete;

  int fd() const noexcept { return pipe_.read.get(); }

  /// Waits for the function's end, and throws what it has thrown. For a reader who has come to the
  /// stream's end, or whose own failure may be the consequence of that.
  void finish();

 private:
  Pipe pipe_;
  std::atomic<bool> left_ = false;  // by the reader: that writing fails is no news then
  std::exception_ptr failure_;      // read once the thread has ended
  std::thread thread_;
};

}  // namespace cooper::bundle
