#include "server/session_impl.h"

#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace cooper::server {

Task<void> serve_tls(Loop& loop, asio::ip::tcp::socket socket, std::string remote,
                     asio::ssl::context& tls) {
  using Secure = beast::ssl_stream<beast::tcp_stream>;
  auto session = std::make_shared<HttpSession<Secure>>(
      loop, Secure(beast::tcp_stream(std::move(socket)), tls), std::move(remote));
  beast::get_lowest_layer(session->socket()).expires_after(loop.services.limits.header);
  co_await session->socket().async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
  co_await HttpSession<Secure>::run(std::move(session));
}

}  // namespace cooper::server
