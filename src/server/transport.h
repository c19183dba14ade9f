#pragma once
// A connection's bytes, plain or within TLS: one type for both, so that all the templates above it
// are compiled once.

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/container/static_vector.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace cooper::server {

/// What is called once a read or a write has ended: a handler of any type. Its executor is the
/// handler's own.
class IoHandler {
 public:
  using executor_type = boost::asio::any_io_executor;

  template <class Handler>
  IoHandler(Handler handler, const executor_type& fallback)
      : executor_(boost::asio::get_associated_executor(handler, fallback)),
        held_(std::make_unique<Held<Handler>>(std::move(handler))) {}

  executor_type get_executor() const noexcept { return executor_; }
  void operator()(boost::system::error_code failure, std::size_t bytes = 0) {
    Base::call(std::move(held_), failure, bytes);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    /// Frees what holds the handler before it runs: it may begin the next operation.
    static void call(std::unique_ptr<Base> held, boost::system::error_code failure,
                     std::size_t bytes) {
      Base& base = *held;
      base.run(std::move(held), failure, bytes);
    }
    virtual void run(std::unique_ptr<Base> self, boost::system::error_code failure,
                     std::size_t bytes) = 0;
  };
  template <class Handler>
  struct Held : Base {
    explicit Held(Handler taken) : handler(std::move(taken)) {}
    void run(std::unique_ptr<Base> self, boost::system::error_code failure,
             std::size_t bytes) override {
      Handler moved = std::move(handler);
      self.reset();
      moved(failure, bytes);
    }
    Handler handler;
  };

  executor_type executor_;
  std::unique_ptr<Base> held_;
};

/// As many buffers as one operation takes; it may do less than it was asked for.
template <class Buffer>
using FewBuffers = boost::container::static_vector<Buffer, 24>;

/// A stream as asio and Beast want one. On one thread.
class Transport {
 public:
  using executor_type = IoHandler::executor_type;

  /// `tls` null: plain. It must outlive the connection.
  Transport(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls);

  executor_type get_executor() { return tcp().get_executor(); }
  /// For deadlines and for closing; never read or write there.
  boost::beast::tcp_stream& tcp() { return wire_->tcp(); }
  /// TLS begins; nothing to do for a plain one. Throws boost::system::system_error.
  boost::asio::awaitable<void> handshake() { return wire_->handshake(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const FewBuffers<boost::asio::mutable_buffer>& few) {
          wire_->read(few, IoHandler(std::move(handler), get_executor()));
        },
        token, few_of<boost::asio::mutable_buffer>(buffers));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const FewBuffers<boost::asio::const_buffer>& few) {
          wire_->write(few, IoHandler(std::move(handler), get_executor()));
        },
        token, few_of<boost::asio::const_buffer>(buffers));
  }

  /// What the kernel takes of it at once; 0 also of what has to be encrypted. Not while a write is
  /// under way.
  template <class Buffers>
  std::size_t try_write(const Buffers& buffers) {
    return wire_->try_write(few_of<boost::asio::const_buffer>(buffers));
  }

  /// What is beneath: a socket, or TLS over one.
  class Wire {
   public:
    virtual ~Wire() = default;
    virtual boost::beast::tcp_stream& tcp() = 0;
    virtual boost::asio::awaitable<void> handshake() = 0;
    virtual void read(const FewBuffers<boost::asio::mutable_buffer>& buffers,
                      IoHandler handler) = 0;
    virtual void write(const FewBuffers<boost::asio::const_buffer>& buffers, IoHandler handler) = 0;
    virtual std::size_t try_write(const FewBuffers<boost::asio::const_buffer>& buffers) = 0;
  };

 private:
  template <class Buffer, class Buffers>
  static FewBuffers<Buffer> few_of(const Buffers& buffers) {
    FewBuffers<Buffer> few;
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto at = boost::asio::buffer_sequence_begin(buffers);
         at != end && few.size() < few.capacity(); ++at) {
      const Buffer one(*at);
      if (one.size() > 0) few.push_back(one);
    }
    return few;
  }

  std::unique_ptr<Wire> wire_;
};

}  // namespace cooper::server
