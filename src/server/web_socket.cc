#include "server/web_socket.h"

#include "server/loop.h"
#include "server/spawn.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <span>

namespace cooper::server {

namespace {

using namespace std::chrono_literals;

[[noreturn]] void throw_gone() {
  throw boost::system::system_error(asio::error::make_error_code(asio::error::operation_aborted));
}

}  // namespace

std::optional<Answer> refuse_web_socket(const Request& request) {
  const auto& headers = request.headers;
  if (headers.get("sec-websocket-version") != "13") {
    Answer refusal = error_answer(426, "WebSockets of version 13 are spoken here");
    refusal.headers.add("Sec-WebSocket-Version", "13");
    return refusal;
  }
  if (!accept_key(headers.get("sec-websocket-key"))) {
    return error_answer(400, "Sec-WebSocket-Key is no key: it must be 16 bytes in base64");
  }
  return std::nullopt;
}

/// A frame is sent whole before the next one begins.
class WebSocket::Turn {
 public:
  explicit Turn(WebSocket& socket) : socket_(socket) { socket_.is_sending_ = true; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    socket_.is_sending_ = false;
    socket_.stream_turn_.notify();
    socket_.watch_turn_.notify();
  }

 private:
  WebSocket& socket_;
};

WebSocket::WebSocket(Loop& loop, Transport transport, const Request& request)
    : loop_(loop),
      transport_(std::move(transport)),
      packs_(offers_packed_messages(request.headers.get("sec-websocket-extensions"))),
      reader_(packs_),
      alive_(loop.context),
      stream_turn_(loop.context.get_executor()),
      watch_turn_(loop.context.get_executor()) {
  answer_ =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "X-Request-Id: " +
      request.id + "\r\nSec-WebSocket-Accept: " +
      accept_key(request.headers.get("sec-websocket-key")).value_or("") + "\r\n";
  if (packs_) answer_ += "Sec-WebSocket-Extensions: " + std::string(kPackedMessages) + "\r\n";
  answer_ += "\r\n";
}

Task<void> WebSocket::accept() {
  tcp().expires_after(loop_.services.limits.header);
  const auto bytes = asio::buffer(answer_);
  co_await asio::async_write(transport_, bytes, asio::use_awaitable);
  answer_ = {};
  tcp().expires_never();  // from here on pings tell whether the peer is there
  keep_alive();
}

Task<void> WebSocket::send(std::vector<Frame> frames) {
  while (is_sending_) co_await stream_turn_.wait(1h);
  if (is_closing_) throw_gone();
  const Turn turn(*this);
  std::vector<asio::const_buffer> parts;
  parts.reserve(2 * frames.size());
  for (const Frame& frame : frames) {
    const std::string_view header = frame.header.view();
    parts.emplace_back(header.data(), header.size());
    parts.emplace_back(frame.payload->data(), frame.payload->size());
  }
  std::size_t sent = transport_.try_write(parts);
  std::size_t first = 0;
  for (;;) {
    heard_ = heard_ || sent > 0;  // who takes what is sent is there
    for (; first < parts.size() && sent >= parts[first].size(); ++first) {
      sent -= parts[first].size();
    }
    if (first == parts.size()) break;
    parts[first] += sent;
    const std::span<const asio::const_buffer> rest = std::span(parts).subspan(first);
    sent = co_await transport_.async_write_some(rest, asio::use_awaitable);
  }
}

Task<void> WebSocket::send_control(std::string frame, Wake& turn_free) {
  while (is_sending_) co_await turn_free.wait(1h);
  const Turn turn(*this);
  const auto bytes = asio::buffer(frame);
  co_await asio::async_write(transport_, bytes, asio::use_awaitable);
}

Task<void> WebSocket::write(SharedText piece) {
  std::vector<Frame> frames{{FrameHeader(Opcode::text, false, piece->size()), piece}};
  co_await send(std::move(frames));
}

Task<void> WebSocket::write_shared(std::vector<SharedMessage> messages) {
  std::vector<Frame> frames;
  frames.reserve(messages.size());
  for (const SharedMessage& message : messages) {
    SharedText packed;
    if (packs_ && message.packed) packed = message.packed->of(message.text);
    const bool is_packed = packed != nullptr;
    const SharedText& payload = is_packed ? packed : message.text;
    frames.push_back({FrameHeader(Opcode::text, is_packed, payload->size()), payload});
  }
  messages.clear();
  co_await send(std::move(frames));
}

/// False: that was the peer's last word.
Task<bool> WebSocket::answer(const Control& control) {
  if (control.opcode == Opcode::close) {
    if (!is_closing_) {
      is_closing_ = true;
      std::string reply = control_frame(Opcode::close, control.payload.substr(0, 2));
      co_await send_control(std::move(reply), watch_turn_);
    }
    co_return false;
  }
  if (control.opcode == Opcode::ping) {
    while (is_sending_) co_await watch_turn_.wait(1h);
    if (is_closing_) co_return true;  // meanwhile: nothing may come after a close
    std::string pong = control_frame(Opcode::pong, control.payload);
    co_await send_control(std::move(pong), watch_turn_);
  }
  co_return true;
}

/// However the watch ends.
struct WebSocket::Watched {
  explicit Watched(WebSocket& watched) : socket(watched) {}
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() {
    socket.is_watched_ = false;
    socket.stream_turn_.notify();
  }
  WebSocket& socket;
};

Task<void> WebSocket::watch(std::string early) {
  const Watched watched(*this);
  std::array<char, 256> buffer;
  std::string_view bytes = early;
  std::vector<Control> controls;
  bool goes_on = true;
  while (goes_on) {
    heard_ = heard_ || !bytes.empty();
    const auto wrong = reader_.take(bytes, controls);
    for (const Control& control : controls) {
      if (goes_on) goes_on = co_await answer(control);
    }
    controls.clear();
    if (wrong && goes_on) {
      goes_on = false;
      if (!is_closing_) {
        is_closing_ = true;
        std::string reply = close_frame(*wrong, "");
        co_await send_control(std::move(reply), watch_turn_);
      }
    }
    if (!goes_on) break;
    beast::error_code failure;
    const auto space = asio::buffer(buffer);
    const std::size_t n = co_await transport_.async_read_some(
        space, asio::redirect_error(asio::use_awaitable, failure));
    goes_on = !failure;
    bytes = std::string_view(buffer.data(), n);
  }
}

Task<bool> WebSocket::close(CloseCode code, std::string reason) {
  if (!is_closing_) {
    is_closing_ = true;
    std::string frame = close_frame(code, reason);
    co_await send_control(std::move(frame), stream_turn_);
  }
  const auto deadline = std::chrono::steady_clock::now() + kLinger;
  while ((is_watched_ || is_sending_) && std::chrono::steady_clock::now() < deadline) {
    co_await stream_turn_.wait(kLinger);
  }
  co_return !is_watched_ && !is_sending_;
}

Task<void> WebSocket::ping(std::shared_ptr<WebSocket> self) {
  // While a frame is under way, the peer's word could only come after it.
  if (self->is_sending_ || self->is_closing_) co_return;
  std::string frame = control_frame(Opcode::ping, "");
  co_await self->send_control(std::move(frame), self->watch_turn_);  // it is free: nobody waits
}

/// Looks from time to time whether the peer is still there; else its connection ends.
void WebSocket::keep_alive() {
  alive_.expires_after(std::chrono::milliseconds(loop_.services.limits.idle) / 2);
  alive_.async_wait([weak = weak_from_this()](const beast::error_code& canceled) {
    const auto self = weak.lock();
    if (canceled || !self) return;
    if (!self->heard_ && self->pinged_) {
      self->tcp().close();
      return;
    }
    self->pinged_ = !self->heard_;
    self->heard_ = false;
    if (self->pinged_) spawn(self->loop_, ping(self), "asking a peer");
    self->keep_alive();
  });
}

}  // namespace cooper::server
