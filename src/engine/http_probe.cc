#include "engine/http_probe.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "process/wake.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>

namespace cooper::engine {

namespace {

using Clock = std::chrono::steady_clock;

/// One attempt; its functions return why it failed, empty: it did not.
class Probe {
 public:
  Probe(const ProbeTarget& target, const std::stop_token& stop)
      : target_(target), stop_(stop), deadline_(Clock::now() + target.limit) {}

  std::string run() {
    if (std::string why = connect(); !why.empty()) return why;
    const std::string request = "GET " + target_.path +
                                " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: cooper\r\n"
                                "Accept: */*\r\nConnection: close\r\n\r\n";
    // A request this short fits into any socket's buffer.
    if (::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return system_text();
    return read_status();
  }

 private:
  static std::string system_text() { return std::strerror(errno); }

  std::string connect() {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(target_.port);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(target_.port);
    const bool is_v4 = ::inet_pton(AF_INET, target_.address.c_str(), &v4.sin_addr) == 1;
    if (!is_v4 && ::inet_pton(AF_INET6, target_.address.c_str(), &v6.sin6_addr) != 1) {
      return "its address is none";
    }
    fd_ = Fd(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd_) return system_text();
    const auto* address =
        is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
    const socklen_t length = is_v4 ? sizeof v4 : sizeof v6;
    if (::connect(fd_.get(), address, length) == 0) return {};
    if (errno != EINPROGRESS) return system_text();
    if (std::string why = wait_for(POLLOUT); !why.empty()) return why;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? "" : std::strerror(error);
  }

  /// "HTTP/1.1 200 OK"
  std::string read_status() {
    constexpr std::size_t kLongest = 256;
    std::string line;
    while (line.find('\n') == std::string::npos && line.size() < kLongest) {
      if (std::string why = wait_for(POLLIN); !why.empty()) return why;
      std::array<char, kLongest> buffer;
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got < 0) return system_text();
      if (got == 0) break;
      line.append(buffer.data(), static_cast<std::size_t>(got));
    }
    if (line.empty()) return "it closes the connection";
    const std::string_view text = std::string_view(line).substr(0, line.find_first_of("\r\n"));
    const auto status = text.starts_with("HTTP/") && text.size() >= 12
                            ? parse_number(text.substr(9, 3))
                            : std::nullopt;
    if (!status) return "it does not speak HTTP";
    if (*status >= 200 && *status < 400) return {};
    return "GET " + target_.path + " answers " + std::to_string(*status);
  }

  std::string wait_for(short event) const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    std::array<pollfd, 2> watched = {pollfd{.fd = fd_.get(), .events = event, .revents = 0},
                                     pollfd{.fd = wake_.fd(), .events = POLLIN, .revents = 0}};
    const int ready = ::poll(watched.data(), watched.size(),
                             static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (stop_.stop_requested()) throw Error(Errc::canceled, "canceled");
    if (ready == 0) return "no answer to GET " + target_.path + " in time";
    return {};
  }

  const ProbeTarget& target_;
  const std::stop_token& stop_;
  Clock::time_point deadline_;
  process::StopWake wake_{stop_};
  Fd fd_;
};

}  // namespace

std::string why_unhealthy(const ProbeTarget& target, const std::stop_token& stop) {
  return Probe(target, stop).run();
}

}  // namespace cooper::engine
