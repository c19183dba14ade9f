#include "engine/docker_http.h"

#include "base/error.h"
#include "process/wake.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace cooper::engine {
namespace http = boost::beast::http;

namespace {

constexpr std::size_t kLargestAnswer = std::size_t{64} << 20;

const char* hint_for(int error_number) {
  if (error_number == EACCES || error_number == EPERM) {
    return "join the group that owns the socket (usually docker), or run as root";
  }
  return "start the engine, or set DOCKER_HOST to where it listens";
}

/// One request and its answer on an open connection.
class Exchange {
 public:
  Exchange(const std::filesystem::path& socket, std::chrono::milliseconds limit,
           std::stop_token stop)
      : name_(socket.string()), fd_(connect_unix(socket)), limit_(limit), stop_(std::move(stop)) {
    parser_.body_limit(boost::none);
  }

  /// False: it has hung up.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      wait_for(POLLOUT);
      const ssize_t sent =
          ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      // What it answers before it hangs up tells more.
      if (sent < 0 && errno == EPIPE) return false;
      if (sent < 0) fail(std::strerror(errno));
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void send_file(int file, std::uint64_t bytes) {
    if (::fcntl(fd_.get(), F_SETFL, O_NONBLOCK) != 0) fail(std::strerror(errno));
    constexpr std::uint64_t kAtOnce = std::uint64_t{1} << 20;
    while (bytes > 0) {
      wait_for(POLLOUT);
      const ssize_t sent = ::sendfile(fd_.get(), file, nullptr, std::min(kAtOnce, bytes));
      if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (sent < 0 && errno == EPIPE) return;  // as in send()
      if (sent < 0) fail(std::strerror(errno));
      if (sent == 0) fail("what is sent to it became shorter", Errc::conflict);
      bytes -= static_cast<std::uint64_t>(sent);
    }
  }

  HttpReply receive(const std::function<void(std::string_view)>& on_body) {
    std::string pending;
    std::array<char, 65536> chunk;
    while (!parser_.is_done()) {
      wait_for(POLLIN);
      const ssize_t got = ::recv(fd_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got < 0) fail(std::strerror(errno));
      boost::system::error_code problem;
      if (got == 0) {
        parser_.put_eof(problem);
        if (problem || !parser_.is_done()) fail("it closed the connection");
        break;
      }
      pending.append(chunk.data(), static_cast<std::size_t>(got));
      feed(pending);
      std::string& body = parser_.get().body();
      if (on_body && parser_.is_header_done() && parser_.get().result_int() == 200) {
        if (!body.empty()) on_body(body);
        body.clear();
      }
      if (body.size() > kLargestAnswer) fail("its answer is too large", Errc::engine);
    }
    return {.status = parser_.get().result_int(), .body = std::move(parser_.get().body())};
  }

 private:
  void feed(std::string& pending) {
    while (!pending.empty() && !parser_.is_done()) {
      boost::system::error_code problem;
      const std::size_t used = parser_.put(boost::asio::buffer(pending), problem);
      pending.erase(0, used);
      if (problem == http::error::need_more) return;
      if (problem) fail("it does not speak HTTP: " + problem.message(), Errc::engine);
      if (used == 0) return;
    }
  }

  void wait_for(short event) {
    if (stop_.stop_requested()) throw Error(Errc::canceled, "canceled");
    std::array<pollfd, 2> watched = {pollfd{.fd = fd_.get(), .events = event, .revents = 0},
                                     pollfd{.fd = wake_.fd(), .events = POLLIN, .revents = 0}};
    const int ready = ::poll(watched.data(), watched.size(),
                             limit_.count() == 0 ? -1 : static_cast<int>(limit_.count()));
    if (stop_.stop_requested()) throw Error(Errc::canceled, "canceled");
    if (ready == 0) fail("it does not answer");
    if (ready < 0 && errno != EINTR) fail(std::strerror(errno));
  }

  [[noreturn]] void fail(const std::string& what, Errc code = Errc::unavailable) const {
    throw Error(code, "the Docker Engine at " + name_ + ": " + what);
  }

  std::string name_;
  Fd fd_;
  std::chrono::milliseconds limit_;
  std::stop_token stop_;
  process::StopWake wake_{stop_};
  http::response_parser<http::string_body> parser_;
};

}  // namespace

Fd connect_unix(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& path = socket.native();
  if (path.size() >= sizeof address.sun_path) {
    throw Error(Errc::invalid, "the socket's path is too long: " + path);
  }
  path.copy(address.sun_path, path.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw_errno("socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error_number = errno;
    throw Error(Errc::unavailable,
                "nothing answers at " + path + ": " + std::strerror(error_number),
                hint_for(error_number));
  }
  return fd;
}

HttpReply exchange(const std::filesystem::path& socket, const HttpCall& call,
                   const std::function<void(std::string_view)>& on_body, std::stop_token stop) {
  std::string request = call.method + " " + call.target + " HTTP/1.1\r\nHost: docker\r\n";
  for (const auto& [name, value] : call.headers) request += name + ": " + value + "\r\n";
  if (!call.body.empty()) request += "Content-Type: application/json\r\n";
  const std::uint64_t bytes = call.file >= 0 ? call.file_bytes : call.body.size();
  request += "Connection: close\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
  request += call.body;
  Exchange exchange(socket, call.limit, std::move(stop));
  if (exchange.send(request) && call.file >= 0) exchange.send_file(call.file, call.file_bytes);
  return exchange.receive(on_body);
}

}  // namespace cooper::engine
