// Answers that are made while they are sent: by a worker, or as a stream's frames or chunks.

#include "base/text.h"
#include "server/http_session.h"
#include "server/production.h"
#include "server/spawn.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>

#include <array>
#include <chrono>

namespace cooper::server {

namespace {

/// Of a close frame's reason, which has room for 123 bytes.
constexpr std::size_t kReasonCharacters = 30;

/// Sends a stream's pieces as chunks; without them to who speaks HTTP/1.0.
class ChunkWriter : public StreamWriter {
 public:
  ChunkWriter(Transport& transport, const Limits& limits, bool is_http_11)
      : transport_(transport), limits_(limits), is_http_11_(is_http_11) {}

  Task<void> write(SharedText piece) override {
    transport_.tcp().expires_after(limits_.block);
    if (is_http_11_) {
      const auto chunk = http::make_chunk(asio::buffer(*piece));
      co_await asio::async_write(transport_, chunk, asio::use_awaitable);
    } else {
      const auto bytes = asio::buffer(*piece);
      co_await asio::async_write(transport_, bytes, asio::use_awaitable);
    }
  }
  /// There is no more. What ends without it is not whole.
  Task<void> end() {
    if (!is_http_11_) co_return;
    const auto last = http::make_chunk_last();
    co_await asio::async_write(transport_, last, asio::use_awaitable);
  }

 private:
  Transport& transport_;
  const Limits& limits_;
  bool is_http_11_;
};

/// However a stream ends: what watches its peer keeps the session until the connection is gone.
struct Gone {
  explicit Gone(HttpSession& one) : session(one) {}
  Gone(const Gone&) = delete;
  Gone& operator=(const Gone&) = delete;
  ~Gone() { session.abort(); }
  HttpSession& session;
};

/// However the watch of a peer ends: its stream has nobody to send to.
struct Heard {
  explicit Heard(Wake& stream) : wake(stream) {}
  Heard(const Heard&) = delete;
  Heard& operator=(const Heard&) = delete;
  ~Heard() { wake.end(); }
  Wake& wake;
};

/// The session knows of what is produced as long as that is there.
struct Producing {
  Production*& production;
  ~Producing() { production = nullptr; }
};

}  // namespace

/// A body that a worker writes, in chunks as it comes.
Task<HttpSession::Next> HttpSession::send_production(Answer& answer, const Request& request,
                                                     bool is_http_11, bool keep) {
  const bool is_endless = answer.is_endless;
  std::optional<Gone> gone;
  if (is_endless) {
    keep = false;
    tcp().expires_never();
    gone.emplace(*this);
    spawn(loop_, watch_peer(shared_from_this()), "watching a peer");
  }
  std::string part;
  std::optional<Production> production;
  const Producing producing{production_};
  std::optional<Answer> refusal;
  try {
    if (Quota::Place place = loop_.services.sendings.take(request.principal.name)) {
      production.emplace(loop_, std::move(answer.producer), std::move(place));
      production_ = &*production;
      if (!is_endless) part = co_await production->next();
    } else {
      refusal = busy_answer("so many answers are being sent that no more can be");
    }
  } catch (const Error& error) {  // boundary: a request; nothing has been sent
    if (http_status(error.code()) == 500) log_error("request " + request.id + ": " + error.what());
    refusal = error_answer(error);
  }
  Next next = Next::close;
  if (refusal) {
    request.watch->is_answered(*refusal);
    next = co_await send(*refusal, request, is_http_11, keep);
    if (is_endless) co_await let_watched_peer_go();
    co_return is_endless ? Next::gone : next;
  }
  const bool keeps = keep && is_http_11;
  std::string header = header_text(answer, request.id,
                                   {.length = {}, .is_http_11 = is_http_11, .keep_alive = keeps});
  co_await send_text(std::move(header), {});
  ChunkWriter writer(*transport_, limits(), is_http_11);
  try {
    if (is_endless) part = co_await production->next();
    while (!part.empty()) {
      const auto piece = std::make_shared<const std::string>(std::move(part));
      co_await writer.write(piece);
      part = co_await production->next();
    }
  } catch (const Error& error) {  // boundary: a request; its answer lacks its end
    log_error("request " + request.id + " was broken off: " + error.what());
    co_return Next::gone;
  }
  co_await writer.end();
  if (is_endless) co_await let_watched_peer_go();
  if (is_endless) next = Next::gone;
  co_return keeps ? Next::request : next;
}

/// A body that goes on until its stream has ended, or the peer has gone; then the connection ends,
/// too.
Task<void> HttpSession::send_stream(Answer& answer, const Request& request, bool is_http_11) {
  std::string header = header_text(answer, request.id,
                                   {.length = {}, .is_http_11 = is_http_11, .keep_alive = false});
  co_await send_text(std::move(header), {});
  tcp().expires_never();
  const Gone gone{*this};
  spawn(loop_, watch_peer(shared_from_this()), "watching a peer");
  ChunkWriter writer(*transport_, limits(), is_http_11);
  StreamEnd end = StreamEnd::interrupted;
  try {
    end = co_await answer.stream->run(loop_, writer, wake_);
  } catch (const Error& error) {  // boundary: a stream; its body lacks its end
    log_error("request " + request.id + ": " + error.what());
  }
  if (end != StreamEnd::whole) co_return;
  co_await writer.end();
  co_await let_watched_peer_go();
}

/// The peer reads the end, and goes: then the watch has ended, and wakes us.
Task<void> HttpSession::let_watched_peer_go() {
  beast::error_code ignored;
  tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  const auto deadline = std::chrono::steady_clock::now() + kLinger;
  while (!wake_.ended() && std::chrono::steady_clock::now() < deadline) {
    co_await wake_.wait(kLinger);
  }
}

/// The peer has nothing to say until its answer has ended: whatever comes ends it.
Task<void> HttpSession::watch_peer(std::shared_ptr<HttpSession> self) {
  beast::error_code failure;
  std::array<char, 16> unread;
  const auto space = asio::buffer(unread);
  co_await self->transport_->async_read_some(space,
                                             asio::redirect_error(asio::use_awaitable, failure));
  self->wake_.end();
  if (self->production_) self->production_->abandon();
}

/// From here on there are frames; comes back when the connection has ended.
Task<void> HttpSession::become_web_socket(const Request& request, Answer& answer) {
  web_ = std::make_shared<WebSocket>(loop_, std::move(*transport_), request);
  transport_.reset();
  const Gone gone{*this};
  co_await web_->accept();
  spawn(loop_, watch_web_peer(shared_from_this()), "watching a peer");
  CloseCode code = CloseCode::normal;
  std::string failed;
  bool is_cut = false;
  try {
    const StreamEnd end = co_await answer.stream->run(loop_, *web_, wake_);
    if (end == StreamEnd::interrupted) code = CloseCode::going_away;
  } catch (const Error& error) {  // boundary: a stream; the peer is told
    log_error("request " + request.id + ": " + error.what());
    code = CloseCode::internal_error;
    failed = shorten(printable(error.message()), kReasonCharacters);
  } catch (const boost::system::system_error&) {  // boundary: the peer has ended it, or has gone
    is_cut = true;
  }
  if (is_cut && !web_->is_closing()) co_return;
  const bool is_over = co_await web_->close(code, std::move(failed));
  if (is_over) co_await linger();
}

Task<void> HttpSession::watch_web_peer(std::shared_ptr<HttpSession> self) {
  const auto space = self->buffer_.data();
  std::string early(static_cast<const char*>(space.data()), space.size());
  self->buffer_ = {};
  const std::shared_ptr<WebSocket> web = self->web_;
  const Heard heard{self->wake_};
  co_await web->watch(std::move(early));
}

}  // namespace cooper::server
