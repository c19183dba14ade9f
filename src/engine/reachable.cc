#include "engine/reachable.h"

#include "base/fd.h"

#include <cerrno>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>

namespace cooper::engine {

bool tcp_answers(std::string_view host_and_port) {
  constexpr int kPatienceMs = 2000;
  const auto colon = host_and_port.rfind(':');
  std::string host(host_and_port.substr(0, colon));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port(host_and_port.substr(colon + 1));
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  for (const addrinfo* address = found; address; address = address->ai_next) {
    const Fd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) continue;
    if (::connect(fd.get(), address->ai_addr, address->ai_addrlen) == 0) return true;
    pollfd writable{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    int problem = errno;
    socklen_t size = sizeof problem;
    if (problem == EINPROGRESS && ::poll(&writable, 1, kPatienceMs) == 1 &&
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace cooper::engine
