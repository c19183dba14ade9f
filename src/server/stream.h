#pragma once
// Answers that go on: logs, events. One coroutine on the session's loop for each, and no thread.

#include "server/task.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace cooper::server {

struct Loop;

/// Bytes that many sessions may send, made once.
using SharedText = std::shared_ptr<const std::string>;

/// A shared text as a message that is packed by itself: made once, for the first who wants it.
class PackedText {
 public:
  /// Null: it is no smaller.
  SharedText of(const SharedText& text);

 private:
  SharedText packed_;
  bool is_made_ = false;
};

/// A text that is sent as a message of its own.
struct SharedMessage {
  SharedText text;
  std::shared_ptr<PackedText> packed;  ///< null: few send it
};

/// Where a stream's pieces go: WebSocket frames.
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  /// One piece. Comes back when it is handed to the kernel: who reads slowly holds up its own
  /// stream alone. Throws (boost::system::system_error) once the peer has gone.
  virtual Task<void> write(SharedText piece) = 0;
  /// The same, of several.
  virtual Task<void> write_shared(std::vector<SharedMessage> messages);
};

/// What a stream waits for; also tells it that it is to end. One waits at a time.
class Wake {
 public:
  explicit Wake(const boost::asio::any_io_executor& executor) : timer_(executor) {}

  /// Until notify(), end(), or for so long at most; false: nothing came. One that came since the
  /// last wait counts.
  Task<bool> wait(std::chrono::milliseconds most);
  void notify() {
    notified_ = true;
    timer_.cancel();
  }
  /// The peer has gone, or the server ends.
  void end() {
    ended_ = true;
    notify();
  }
  bool ended() const noexcept { return ended_; }

 private:
  boost::asio::steady_timer timer_;
  bool notified_ = false;
  bool ended_ = false;
};

/// What came of a stream: how its session closes it.
enum class StreamEnd {
  whole,        ///< all was sent
  interrupted,  ///< more may come, elsewhere: the server ends
};

/// What a WebSocket sends as long as there is something.
class Stream {
 public:
  virtual ~Stream() = default;
  /// Sends pieces until there are no more, or `wake` has ended. All on `loop`'s thread.
  virtual Task<StreamEnd> run(Loop& loop, StreamWriter& writer, Wake& wake) = 0;
};

}  // namespace cooper::server
