#pragma once
// A connection over any kind of stream. Included by session_plain.cc and session_tls.cc alone.

#include "base/text.h"
#include "server/body.h"
#include "server/production.h"
#include "server/session.h"
#include "server/session_parts.h"
#include "server/spawn.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/websocket.hpp>

#include <array>
#include <memory>
#include <stop_token>

namespace cooper::server {

/// Requests one after the other, until one becomes a stream. On the loop's thread.
template <class Socket>
class HttpSession : public Session, public std::enable_shared_from_this<HttpSession<Socket>> {
 public:
  HttpSession(Loop& loop, Socket socket, std::string remote)
      : loop_(loop),
        socket_(std::move(socket)),
        remote_(std::move(remote)),
        wake_(loop.context.get_executor()) {
    loop_.sessions.insert(this);
  }
  ~HttpSession() override { loop_.sessions.erase(this); }

  /// Keeps the session alive until the connection has ended.
  static Task<void> run(std::shared_ptr<HttpSession> self) { co_await self->serve(); }

  Socket& socket() { return *socket_; }

  void end() override {
    wake_.end();
    if (idle_) abort();
  }
  void abort() override {
    stop_.request_stop();
    wake_.end();
    tcp().cancel();
    beast::error_code ignored;
    if (web_) beast::get_lowest_layer(*web_).socket().close(ignored);
    if (socket_) tcp().socket().close(ignored);
  }

 private:
  enum class Next { request, close, gone };

  const Limits& limits() const { return loop_.services.limits; }
  beast::tcp_stream& tcp() {
    return web_ ? beast::get_lowest_layer(*web_) : beast::get_lowest_layer(*socket_);
  }

  Task<void> serve();
  Task<bool> wait_for_request();
  Task<Next> one_request();
  Task<Next> refuse_head(const beast::error_code& failure);
  Task<Next> answer_request(Parser& parser, Request& request);
  Task<bool> read_body(Parser& parser, Request& request, Body body, std::optional<Answer>& refusal);
  Task<Next> send(Answer& answer, const Request& request, bool is_http_11, bool keep);
  Task<void> send_text(std::string header, std::string_view body);
  Task<void> send_file(const Fd& file, std::uint64_t bytes);
  Task<Next> send_production(Answer& answer, const Request& request, bool is_http_11, bool keep);
  Task<void> become_web_socket(Parser& parser, Answer& answer);
  Task<void> linger();
  static Task<void> watch_web_peer(std::shared_ptr<HttpSession> self);

  Loop& loop_;
  std::optional<Socket> socket_;  // gone once it is a WebSocket
  std::unique_ptr<websocket::stream<Socket>> web_;
  std::string remote_;
  beast::flat_buffer buffer_;
  Wake wake_;
  std::stop_source stop_;
  bool idle_ = true;  ///< nothing of a request has come
};

/// The whole connection.
template <class Socket>
Task<void> HttpSession<Socket>::serve() {
  Next next = Next::request;
  while (next == Next::request && !loop_.ending) {
    idle_ = true;
    const bool begun = co_await wait_for_request();
    idle_ = false;
    if (!begun) co_return;
    next = co_await one_request();
  }
  if (next != Next::gone) co_await linger();
}

/// Until the first bytes of a request; false: the peer has gone, or asked for nothing too long.
template <class Socket>
Task<bool> HttpSession<Socket>::wait_for_request() {
  if (buffer_.size() > 0) co_return true;
  buffer_.shrink_to_fit();
  tcp().expires_after(limits().idle);
  beast::error_code failure;
  const auto space = buffer_.prepare(2048);
  const std::size_t n =
      co_await socket_->async_read_some(space, asio::redirect_error(asio::use_awaitable, failure));
  buffer_.commit(n);
  co_return !failure;
}

/// One request and its answer.
template <class Socket>
Task<typename HttpSession<Socket>::Next> HttpSession<Socket>::one_request() {
  const auto parser = std::make_unique<Parser>();
  parser->header_limit(limits().header_bytes);
  parser->body_limit(boost::none);  // each route has its own
  tcp().expires_after(limits().header);
  beast::error_code failure;
  co_await http::async_read_header(*socket_, buffer_, *parser,
                                   asio::redirect_error(asio::use_awaitable, failure));
  Next next = Next::gone;
  if (failure) {
    next = co_await refuse_head(failure);
    co_return next;
  }
  Request request = request_of(*parser, remote_, stop_.get_token());
  next = co_await answer_request(*parser, request);
  co_return next;
}

/// What came instead of headers is answered if it was meant as HTTP.
template <class Socket>
Task<typename HttpSession<Socket>::Next> HttpSession<Socket>::refuse_head(
    const beast::error_code& failure) {
  unsigned status = 400;
  if (failure == http::error::header_limit || failure == http::error::buffer_overflow) status = 431;
  if (failure == beast::error::timeout) status = 408;
  const bool is_http = failure.category() == make_error_code(http::error::bad_method).category();
  if (failure == http::error::end_of_stream || failure == http::error::partial_message ||
      (!is_http && status != 408)) {
    co_return Next::gone;
  }
  // (After a timeout the socket is closed already.)
  if (status == 408) co_return Next::gone;
  Answer answer =
      error_answer(status, status == 431 ? "the request's headers are too large"
                                         : "this is no HTTP request: " + failure.message());
  std::string header =
      header_text(answer, new_request_id(), {.length = answer.body.size(), .keep_alive = false});
  co_await send_text(std::move(header), answer.body);
  co_return Next::close;
}

/// From a request's headers to the end of its answer.
template <class Socket>
Task<typename HttpSession<Socket>::Next> HttpSession<Socket>::answer_request(Parser& parser,
                                                                             Request& request) {
  const auto& message = parser.get();
  Head head{.method = std::string(message.method_string().data(), message.method_string().size()),
            .target = std::string(message.target().data(), message.target().size()),
            .is_upgrade = websocket::is_upgrade(message),
            .is_http_11 = message.version() >= 11};
  bool keep = message.keep_alive() && !loop_.ending;
  Match match;
  Services& services = loop_.services;
  std::optional<Answer> refusal = admit(services, head, request, match);
  if (!refusal) {
    const std::uint64_t limit = body_limit(services.limits, match.route->body);
    const auto length = parser.content_length();
    if (length && *length > limit) {
      refusal = error_answer(413, "the body is larger than " + human_bytes(limit));
    }
    parser.body_limit(limit);
  }
  if (!refusal && (!parser.is_done() || match.route->body == Body::file)) {
    const bool whole = co_await read_body(parser, request, match.route->body, refusal);
    if (!whole) co_return Next::gone;
  }
  if (!refusal) {
    const Route& route = *match.route;
    const auto work = [&services, &route, &request] { return handle(services, route, request); };
    Workers& workers = route.speed == Speed::quick ? services.quick : services.slow;
    try {
      refusal = co_await call(workers, work);
    } catch (const Error& error) {  // boundary: a request that no worker takes
      refusal = error_answer(error);
    }
  } else if (!parser.is_done()) {
    keep = false;  // what is left of the body is not read
  }
  Answer& answer = *refusal;
  if (answer.stream) {
    co_await become_web_socket(parser, answer);
    co_return Next::gone;
  }
  const Next next = co_await send(answer, request, head.is_http_11, keep && !loop_.ending);
  co_return next;
}

/// False: the peer has gone, or is too slow. A refusal: what came can't be kept.
template <class Socket>
Task<bool> HttpSession<Socket>::read_body(Parser& parser, Request& request, Body body,
                                          std::optional<Answer>& refusal) {
  beast::error_code failure;
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    tcp().expires_after(limits().block);
    const auto bytes = asio::buffer(kContinue);
    co_await asio::async_write(*socket_, bytes, asio::redirect_error(asio::use_awaitable, failure));
    if (failure) co_return false;
  }
  BodySink sink(loop_.services, body, request);
  const auto length = parser.content_length();
  const std::size_t size =
      length ? static_cast<std::size_t>(std::min<std::uint64_t>(*length, kBlockBytes))
             : kBlockBytes;
  const std::unique_ptr<char[]> block(new char[size]);
  while (!parser.is_done()) {
    parser.get().body().data = block.get();
    parser.get().body().size = size;
    tcp().expires_after(limits().block);
    co_await http::async_read(*socket_, buffer_, parser,
                              asio::redirect_error(asio::use_awaitable, failure));
    if (failure == http::error::need_buffer) failure = {};
    if (failure == http::error::body_limit) {
      refusal =
          error_answer(413, "the body is larger than " + human_bytes(body_limit(limits(), body)));
      co_return true;
    }
    if (failure) co_return false;
    const std::string_view got(block.get(), size - parser.get().body().size);
    try {
      co_await sink.take(got);
    } catch (const Error& error) {  // boundary: a request whose body can't be kept
      refusal = error_answer(error);
    }
    if (refusal) co_return true;
  }
  try {
    co_await sink.finish();
  } catch (const Error& error) {  // boundary: a request whose body can't be kept
    refusal = error_answer(error);
  }
  co_return true;
}

/// Sends an answer of any kind but a stream.
template <class Socket>
Task<typename HttpSession<Socket>::Next> HttpSession<Socket>::send(Answer& answer,
                                                                   const Request& request,
                                                                   bool is_http_11, bool keep) {
  Next next = keep ? Next::request : Next::close;
  const bool has_body = request.method != Method::head;
  if (answer.producer && has_body) {
    next = co_await send_production(answer, request, is_http_11, keep);
    co_return next;
  }
  if (answer.producer) {  // nothing is produced: of an answer to HEAD, a client reads no chunks
    const bool keeps = keep && is_http_11;
    std::string begin = header_text(answer, request.id,
                                    {.length = {}, .is_http_11 = is_http_11, .keep_alive = keeps});
    co_await send_text(std::move(begin), {});
    co_return keeps ? Next::request : Next::close;
  }
  const std::uint64_t length = answer.file ? file_size(answer.file) : answer.body.size();
  std::string header = header_text(
      answer, request.id, {.length = length, .is_http_11 = is_http_11, .keep_alive = keep});
  if (answer.file) {
    co_await send_text(std::move(header), {});
    if (has_body) co_await send_file(answer.file, length);
  } else {
    co_await send_text(std::move(header), has_body ? std::string_view(answer.body) : "");
  }
  co_return next;
}

/// Headers and a body that is in memory.
template <class Socket>
Task<void> HttpSession<Socket>::send_text(std::string header, std::string_view body) {
  std::string_view first = body.substr(0, kSendBytes);
  tcp().expires_after(limits().block);
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(header), asio::buffer(first)};
  co_await asio::async_write(*socket_, buffers, asio::use_awaitable);
  for (body.remove_prefix(first.size()); !body.empty(); body.remove_prefix(first.size())) {
    first = body.substr(0, kSendBytes);
    tcp().expires_after(limits().block);
    const auto bytes = asio::buffer(first);
    co_await asio::async_write(*socket_, bytes, asio::use_awaitable);
  }
}

/// A body that is a file, after its headers.
template <class Socket>
Task<void> HttpSession<Socket>::send_file(const Fd& file, std::uint64_t bytes) {
  const int fd = file.get();
  for (std::uint64_t at = 0; at < bytes;) {
    const std::size_t most =
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, kSendBytes));
    const auto work = [fd, at, most] { return read_block(fd, at, most); };
    const std::string block = co_await call(loop_.services.quick, work);
    if (block.empty()) throw Error(Errc::corrupt, "a file became shorter while it was sent");
    tcp().expires_after(limits().block);
    const auto buffer = asio::buffer(block);
    co_await asio::async_write(*socket_, buffer, asio::use_awaitable);
    at += block.size();
  }
}

/// A body that a worker writes, in chunks as it comes.
template <class Socket>
Task<typename HttpSession<Socket>::Next> HttpSession<Socket>::send_production(
    Answer& answer, const Request& request, bool is_http_11, bool keep) {
  std::string part;
  std::optional<Production> production;
  std::optional<Answer> refusal;
  try {
    production.emplace(loop_, std::move(answer.producer));
    part = co_await production->next();
  } catch (const Error& error) {  // boundary: a request; nothing has been sent
    refusal = error_answer(error);
  }
  Next next = Next::close;
  if (refusal) {
    next = co_await send(*refusal, request, is_http_11, keep);
    co_return next;
  }
  const bool keeps = keep && is_http_11;
  std::string header = header_text(answer, request.id,
                                   {.length = {}, .is_http_11 = is_http_11, .keep_alive = keeps});
  co_await send_text(std::move(header), {});
  while (!part.empty()) {
    tcp().expires_after(limits().block);
    if (is_http_11) {
      const auto chunk = http::make_chunk(asio::buffer(part));
      co_await asio::async_write(*socket_, chunk, asio::use_awaitable);
    } else {
      const auto bytes = asio::buffer(part);
      co_await asio::async_write(*socket_, bytes, asio::use_awaitable);
    }
    part = co_await production->next();  // a throw leaves the answer without its end
  }
  if (is_http_11) {
    const auto last = http::make_chunk_last();
    co_await asio::async_write(*socket_, last, asio::use_awaitable);
  }
  co_return keeps ? Next::request : Next::close;
}

/// From here on there are frames; comes back when the connection has ended.
template <class Socket>
Task<void> HttpSession<Socket>::become_web_socket(Parser& parser, Answer& answer) {
  tcp().expires_never();
  web_ = std::make_unique<websocket::stream<Socket>>(std::move(*socket_));
  socket_.reset();
  buffer_ = {};
  web_->set_option(websocket::stream_base::timeout{.handshake_timeout = limits().header,
                                                   .idle_timeout = limits().idle,
                                                   .keep_alive_pings = true});
  web_->read_message_max(64 << 10);
  web_->auto_fragment(false);
  web_->text(true);
  // However it ends: the watch below keeps the session until the connection is gone.
  struct Gone {
    HttpSession& session;
    ~Gone() { session.abort(); }
  };
  const Gone gone{*this};
  co_await web_->async_accept(parser.get(), asio::use_awaitable);
  spawn(loop_, watch_web_peer(this->shared_from_this()), "watching a peer");
  WebSocketWriter<Socket> writer(*web_);
  websocket::close_reason reason(websocket::close_code::normal);
  try {
    const StreamEnd end = co_await answer.stream->run(loop_, writer, wake_);
    if (end == StreamEnd::interrupted) reason = websocket::close_code::going_away;
  } catch (const Error& error) {  // boundary: a stream; the peer is told
    reason = {websocket::close_code::internal_error, shorten(printable(error.message()), 60)};
  }
  co_await web_->async_close(reason, asio::use_awaitable);
}

/// Answers pings; what else the peer sends means nothing.
template <class Socket>
Task<void> HttpSession<Socket>::watch_web_peer(std::shared_ptr<HttpSession> self) {
  beast::error_code failure;
  while (!failure) {
    co_await self->web_->async_read(self->buffer_,
                                    asio::redirect_error(asio::use_awaitable, failure));
    self->buffer_.clear();
  }
  self->wake_.end();
}

/// Ends our side, and gives the peer time to read the answer before the connection is gone: a close
/// with unread bytes would take it back.
template <class Socket>
Task<void> HttpSession<Socket>::linger() {
  beast::error_code failure;
  tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, failure);
  tcp().expires_after(kLinger);
  std::array<char, 4096> unread;
  while (!failure) {
    const auto space = asio::buffer(unread);
    co_await tcp().async_read_some(space, asio::redirect_error(asio::use_awaitable, failure));
  }
}

}  // namespace cooper::server
