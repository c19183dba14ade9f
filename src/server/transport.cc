#include "server/transport.h"

#include <boost/asio/ssl/stream_base.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <array>
#include <sys/socket.h>
#include <sys/uio.h>

namespace cooper::server {
namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

using Secure = beast::ssl_stream<beast::tcp_stream>;

template <class Stream>
class WireOver : public Transport::Wire {
 public:
  template <class... Arguments>
  explicit WireOver(Arguments&&... arguments) : stream_(std::forward<Arguments>(arguments)...) {}

  beast::tcp_stream& tcp() override { return beast::get_lowest_layer(stream_); }
  asio::awaitable<void> handshake() override {
    if constexpr (std::is_same_v<Stream, Secure>) {
      co_await stream_.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
    }
    co_return;
  }
  void read(const FewBuffers<asio::mutable_buffer>& buffers, IoHandler handler) override {
    stream_.async_read_some(buffers, std::move(handler));
  }
  void write(const FewBuffers<asio::const_buffer>& buffers, IoHandler handler) override {
    stream_.async_write_some(buffers, std::move(handler));
  }
  std::size_t try_write(const FewBuffers<asio::const_buffer>& buffers) override {
    if constexpr (std::is_same_v<Stream, Secure>) return 0;
    std::array<iovec, FewBuffers<asio::const_buffer>::static_capacity> parts;
    std::size_t count = 0;
    for (const asio::const_buffer& buffer : buffers) {
      parts[count++] = {const_cast<void*>(buffer.data()), buffer.size()};
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    // What is wrong with the connection is told by the write that must follow.
    const ssize_t n =
        ::sendmsg(tcp().socket().native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

 private:
  Stream stream_;
};

std::unique_ptr<Transport::Wire> wire_over(asio::ip::tcp::socket socket, asio::ssl::context* tls) {
  beast::tcp_stream stream(std::move(socket));
  if (!tls) return std::make_unique<WireOver<beast::tcp_stream>>(std::move(stream));
  return std::make_unique<WireOver<Secure>>(std::move(stream), *tls);
}

}  // namespace

Transport::Transport(asio::ip::tcp::socket socket, asio::ssl::context* tls)
    : wire_(wire_over(std::move(socket), tls)) {}

}  // namespace cooper::server
