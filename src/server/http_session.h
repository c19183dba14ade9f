#pragma once
// A connection's requests, and what they are answered with.

#include "server/body.h"
#include "server/loop.h"
#include "server/session_parts.h"
#include "server/transport.h"
#include "server/web_socket.h"

#include <boost/beast/core/flat_buffer.hpp>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace cooper::server {

/// Requests one after the other, until one becomes a stream. On the loop's thread.
class HttpSession : public Session, public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(Loop& loop, Transport transport, std::string remote)
      : loop_(loop),
        transport_(std::move(transport)),
        remote_(std::move(remote)),
        wake_(loop.context.get_executor()) {
    loop_.sessions.insert(this);
  }
  ~HttpSession() override { loop_.sessions.erase(this); }

  /// Keeps the session alive until the connection has ended.
  static Task<void> run(std::shared_ptr<HttpSession> self) { co_await self->serve(); }

  void end() override;
  void abort() override;

 private:
  enum class Next { request, close, gone };

  const Limits& limits() const { return loop_.services.limits; }
  beast::tcp_stream& tcp() { return web_ ? web_->tcp() : transport_->tcp(); }

  Task<void> serve();
  Task<bool> wait_for_request();
  Task<Next> one_request();
  Task<Next> refuse_head(const beast::error_code& failure);
  Task<Next> answer_request(Parser& parser, Request& request);
  Task<bool> read_body(Parser& parser, Request& request, const Route& route,
                       std::optional<Answer>& refusal);
  Task<Next> send(Answer& answer, const Request& request, bool is_http_11, bool keep);
  Task<void> send_text(std::string header, std::string_view body);
  Task<void> send_file(const Fd& file, std::uint64_t bytes);
  Task<Next> send_production(Answer& answer, const Request& request, bool is_http_11, bool keep);
  Task<void> send_stream(Answer& answer, const Request& request, bool is_http_11);
  Task<void> become_web_socket(const Request& request, Answer& answer);
  Task<void> let_watched_peer_go();
  Task<void> linger();
  static Task<void> watch_peer(std::shared_ptr<HttpSession> self);
  static Task<void> watch_web_peer(std::shared_ptr<HttpSession> self);

  Loop& loop_;
  std::optional<Transport> transport_;  // gone once it is a WebSocket
  std::shared_ptr<WebSocket> web_;
  Production* production_ = nullptr;  // of the answer that is being sent
  std::string remote_;
  beast::flat_buffer buffer_;
  Wake wake_;
  std::stop_source stop_;
  bool idle_ = true;  ///< nothing of a request has come
};

}  // namespace cooper::server
