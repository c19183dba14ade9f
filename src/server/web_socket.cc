#include "server/web_socket.h"

#include "base/text.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

namespace cooper::server {
namespace websocket = beast::websocket;

struct WebSocket::Frames {
  explicit Frames(Transport transport) : socket(std::move(transport)) {}

  Task<void> close(websocket::close_reason reason) {
    co_await socket.async_close(reason, asio::use_awaitable);
  }

  websocket::stream<Transport> socket;
  beast::flat_buffer unread;
};

WebSocket::WebSocket(Transport transport, const Limits& limits)
    : frames_(std::make_unique<Frames>(std::move(transport))) {
  auto& socket = frames_->socket;
  tcp().expires_never();  // frames have deadlines of their own
  socket.set_option(websocket::stream_base::timeout{
      .handshake_timeout = limits.header, .idle_timeout = limits.idle, .keep_alive_pings = true});
  socket.read_message_max(64 << 10);
  socket.auto_fragment(false);
  socket.text(true);
}

WebSocket::~WebSocket() = default;

beast::tcp_stream& WebSocket::tcp() { return frames_->socket.next_layer().tcp(); }

Task<void> WebSocket::accept(Parser& parser) {
  co_await frames_->socket.async_accept(parser.get(), asio::use_awaitable);
}

Task<void> WebSocket::write(SharedText piece) {
  const auto bytes = asio::buffer(*piece);
  co_await frames_->socket.async_write(bytes, asio::use_awaitable);
}

Task<void> WebSocket::watch() {
  beast::error_code failure;
  while (!failure) {
    co_await frames_->socket.async_read(frames_->unread,
                                        asio::redirect_error(asio::use_awaitable, failure));
    frames_->unread.clear();
  }
}

Task<void> WebSocket::close(StreamEnd end) {
  return frames_->close(end == StreamEnd::interrupted ? websocket::close_code::going_away
                                                      : websocket::close_code::normal);
}

Task<void> WebSocket::close_failed(std::string reason) {
  return frames_->close({websocket::close_code::internal_error, shorten(printable(reason), 60)});
}

}  // namespace cooper::server
