#pragma once
// A connection once its HTTP is over and frames have begun.

#include "server/frames.h"
#include "server/services.h"
#include "server/session_parts.h"
#include "server/stream.h"
#include "server/transport.h"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::server {

struct Loop;

/// Why a request for a WebSocket can't be one; nullopt: it can.
std::optional<Answer> refuse_web_socket(const Request& request);

/// Sends a stream's pieces as text frames, packed if the client unpacks them. On its loop's thread.
class WebSocket : public StreamWriter, public std::enable_shared_from_this<WebSocket> {
 public:
  /// `request`: what asks for it, and was not refused.
  WebSocket(Loop& loop, Transport transport, const Request& request);

  beast::tcp_stream& tcp() { return transport_.tcp(); }
  /// Either side has said that it ends.
  bool is_closing() const { return is_closing_; }
  /// Answers the request for it.
  Task<void> accept();
  Task<void> write(SharedText piece) override;
  Task<void> write_shared(std::vector<SharedMessage> messages) override;
  /// Answers the peer's frames of control until it has gone; what else it sends means nothing.
  /// `early`: what came with its request.
  Task<void> watch(std::string early);
  /// Says why, and waits for the peer's word. False: it said none for too long.
  Task<bool> close(CloseCode code, std::string reason);

 private:
  class Turn;
  struct Watched;
  struct Frame {
    FrameHeader header;
    SharedText payload;
  };

  Task<void> send(std::vector<Frame> frames);
  Task<void> send_control(std::string frame, Wake& turn);
  Task<bool> answer(const Control& control);
  static Task<void> ping(std::shared_ptr<WebSocket> self);
  void keep_alive();

  Loop& loop_;
  Transport transport_;
  std::string answer_;  ///< to the request
  bool packs_ = false;  ///< the peer unpacks
  FrameReader reader_;
  boost::asio::steady_timer alive_;
  bool heard_ = false;       ///< something came, or was taken, since the last look
  bool pinged_ = false;      ///< at the last look
  bool is_sending_ = false;  ///< a frame is under way: others wait for their turn
  bool is_closing_ = false;  ///< our last frame has been sent, or is about to be
  bool is_watched_ = true;   ///< the peer may still say something
  Wake stream_turn_;         ///< for the stream: a turn is free, or the peer has said its last
  Wake watch_turn_;          ///< for the watch: a turn is free
};

}  // namespace cooper::server
