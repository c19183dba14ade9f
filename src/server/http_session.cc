#include "server/http_session.h"

#include "base/text.h"
#include "server/client_address.h"
#include "server/problem_answer.h"
#include "server/production.h"
#include "server/session.h"
#include "server/spawn.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <algorithm>
#include <array>

namespace cooper::server {

void HttpSession::end() {
  wake_.end();
  if (idle_) abort();
}

void HttpSession::abort() {
  stop_.request_stop();
  wake_.end();
  if (production_) production_->abandon();
  tcp().cancel();
  beast::error_code ignored;
  tcp().socket().close(ignored);
}

/// The whole connection.
Task<void> HttpSession::serve() {
  tcp().expires_after(limits().header);
  co_await transport_->handshake();
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
Task<bool> HttpSession::wait_for_request() {
  if (buffer_.size() > 0) co_return true;
  buffer_.shrink_to_fit();
  tcp().expires_after(limits().idle);
  beast::error_code failure;
  const auto space = buffer_.prepare(2048);
  const std::size_t n = co_await transport_->async_read_some(
      space, asio::redirect_error(asio::use_awaitable, failure));
  buffer_.commit(n);
  co_return !failure;
}

/// One request and its answer.
Task<HttpSession::Next> HttpSession::one_request() {
  const auto parser = std::make_unique<Parser>();
  parser->header_limit(limits().header_bytes);
  parser->body_limit(boost::none);  // each route has its own
  tcp().expires_after(limits().header);
  beast::error_code failure;
  co_await http::async_read_header(*transport_, buffer_, *parser,
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
Task<HttpSession::Next> HttpSession::refuse_head(const beast::error_code& failure) {
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
Task<HttpSession::Next> HttpSession::answer_request(Parser& parser, Request& request) {
  const auto& message = parser.get();
  Head head{.method = std::string(message.method_string().data(), message.method_string().size()),
            .target = std::string(message.target().data(), message.target().size()),
            .is_upgrade = beast::websocket::is_upgrade(message),
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
  if (!refusal && request.method == Method::socket) refusal = refuse_web_socket(request);
  Quota::Place place;
  if (!refusal && match.route->role == Role::nobody && match.route->body != Body::none) {
    place = services.strangers.take(address_block(request.remote));
    if (!place) refusal = busy_answer("too many requests of strangers are under way");
  }
  if (!refusal && (!parser.is_done() || match.route->body == Body::file)) {
    const bool whole = co_await read_body(parser, request, *match.route, refusal);
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
  request.watch->is_answered(answer);
  if (answer.stream && request.method == Method::socket) {
    co_await become_web_socket(request, answer);
    co_return Next::gone;
  }
  const Next next = co_await send(answer, request, head.is_http_11, keep && !loop_.ending);
  co_return next;
}

/// False: the peer has gone, or is too slow. A refusal: it is not wanted, or what came can't be
/// kept.
Task<bool> HttpSession::read_body(Parser& parser, Request& request, const Route& route,
                                  std::optional<Answer>& refusal) {
  beast::error_code failure;
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    Services& services = loop_.services;
    const auto look = [&services, &route, &request] {
      return refuse_body(services, route, request);
    };
    try {
      refusal = co_await call(services.quick, look);
    } catch (const Error& error) {  // boundary: a request that no worker takes
      refusal = error_answer(error);
    }
    if (refusal) co_return true;
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    tcp().expires_after(limits().block);
    const auto bytes = asio::buffer(kContinue);
    co_await asio::async_write(*transport_, bytes,
                               asio::redirect_error(asio::use_awaitable, failure));
    if (failure) co_return false;
  }
  BodySink sink(loop_.services, route.body, request);
  const auto length = parser.content_length();
  const std::size_t size =
      length ? static_cast<std::size_t>(std::min<std::uint64_t>(*length, kBlockBytes))
             : kBlockBytes;
  const std::unique_ptr<char[]> block(new char[size]);
  using Clock = std::chrono::steady_clock;
  const auto end =
      route.role == Role::nobody ? Clock::now() + limits().stranger : Clock::time_point::max();
  while (!parser.is_done()) {
    parser.get().body().data = block.get();
    parser.get().body().size = size;
    tcp().expires_at(std::min(end, Clock::now() + limits().block));
    co_await http::async_read(*transport_, buffer_, parser,
                              asio::redirect_error(asio::use_awaitable, failure));
    if (failure == http::error::need_buffer) failure = {};
    if (failure == http::error::body_limit) {
      const std::uint64_t limit = body_limit(limits(), route.body);
      refusal = error_answer(413, "the body is larger than " + human_bytes(limit));
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
Task<HttpSession::Next> HttpSession::send(Answer& answer, const Request& request, bool is_http_11,
                                          bool keep) {
  as_problem(request, answer);
  Next next = keep ? Next::request : Next::close;
  const bool has_body = request.method != Method::head;
  if (answer.producer && has_body) {
    next = co_await send_production(answer, request, is_http_11, keep);
    co_return next;
  }
  if (answer.stream && has_body) {
    co_await send_stream(answer, request, is_http_11);
    co_return Next::gone;
  }
  if (answer.producer || answer.stream) {  // of an answer to HEAD, a client reads no chunks
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
Task<void> HttpSession::send_text(std::string header, std::string_view body) {
  std::string_view first = body.substr(0, kSendBytes);
  tcp().expires_after(limits().block);
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(header), asio::buffer(first)};
  co_await asio::async_write(*transport_, buffers, asio::use_awaitable);
  for (body.remove_prefix(first.size()); !body.empty(); body.remove_prefix(first.size())) {
    first = body.substr(0, kSendBytes);
    tcp().expires_after(limits().block);
    const auto bytes = asio::buffer(first);
    co_await asio::async_write(*transport_, bytes, asio::use_awaitable);
  }
}

/// A body that is a file, after its headers.
Task<void> HttpSession::send_file(const Fd& file, std::uint64_t bytes) {
  const int fd = file.get();
  for (std::uint64_t at = 0; at < bytes;) {
    const std::size_t most =
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, kSendBytes));
    const auto work = [fd, at, most] { return read_block(fd, at, most); };
    const std::string block = co_await call(loop_.services.quick, work);
    if (block.empty()) throw Error(Errc::corrupt, "a file became shorter while it was sent");
    tcp().expires_after(limits().block);
    const auto buffer = asio::buffer(block);
    co_await asio::async_write(*transport_, buffer, asio::use_awaitable);
    at += block.size();
  }
}

/// Ends our side, and gives the peer time to read the answer before the connection is gone: a close
/// with unread bytes would take it back.
Task<void> HttpSession::linger() {
  beast::error_code failure;
  tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, failure);
  std::array<char, 4096> unread;
  const auto last = std::chrono::steady_clock::now() + kMostLinger;
  while (!failure && std::chrono::steady_clock::now() < last) {
    tcp().expires_after(kLinger);
    const auto space = asio::buffer(unread);
    co_await tcp().async_read_some(space, asio::redirect_error(asio::use_awaitable, failure));
  }
}

Task<void> serve_connection(Loop& loop, asio::ip::tcp::socket socket, std::string remote,
                            asio::ssl::context* tls) {
  auto session =
      std::make_shared<HttpSession>(loop, Transport(std::move(socket), tls), std::move(remote));
  co_await HttpSession::run(std::move(session));
}

}  // namespace cooper::server
