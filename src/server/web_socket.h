#pragma once
// A connection once its HTTP is over and frames have begun. (The frames' templates are in
// web_socket.cc alone: they take long to compile.)

#include "server/services.h"
#include "server/session_parts.h"
#include "server/stream.h"
#include "server/transport.h"

#include <memory>
#include <string>

namespace cooper::server {

/// Sends a stream's pieces as text frames. On its loop's thread.
class WebSocket : public StreamWriter {
 public:
  WebSocket(Transport transport, const Limits& limits);
  ~WebSocket() override;

  beast::tcp_stream& tcp();
  /// Answers the request for it.
  Task<void> accept(Parser& parser);
  Task<void> write(SharedText piece) override;
  /// Answers pings until the peer has gone; what else it sends means nothing.
  Task<void> watch();
  /// Says why, and waits for the peer's word.
  Task<void> close(StreamEnd end);
  Task<void> close_failed(std::string reason);

 private:
  struct Frames;
  std::unique_ptr<Frames> frames_;
};

}  // namespace cooper::server
