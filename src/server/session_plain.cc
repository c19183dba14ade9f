#include "server/session_impl.h"

namespace cooper::server {

Task<void> serve_plain(Loop& loop, asio::ip::tcp::socket socket, std::string remote) {
  auto session = std::make_shared<HttpSession<beast::tcp_stream>>(
      loop, beast::tcp_stream(std::move(socket)), std::move(remote));
  co_await HttpSession<beast::tcp_stream>::run(std::move(session));
}

}  // namespace cooper::server
