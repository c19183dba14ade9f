#include "server/listen.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

namespace cooper::server {

namespace {

struct Addresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

sockaddr_storage address_of(const Fd& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw_errno("getsockname");
  }
  return address;
}

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
  const Error bad(Errc::invalid,
                  "\"" + shorten(printable(text), 60) + "\" is no address to listen on",
                  "for example 127.0.0.1:5000, [::1]:5000, or :5000 for all addresses");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  const auto port = parse_number(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (!port || *port > 65535) return bad;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad;
  }
  return ListenAddress{host.empty() ? "::" : std::string(host), static_cast<std::uint16_t>(*port)};
}

Fd listen_on(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  if (const int failure = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found)) {
    throw Error(Errc::invalid, "can't listen on " + address.host + ": " + ::gai_strerror(failure),
                "give an address of this host");
  }
  const std::unique_ptr<addrinfo, Addresses> list(found);
  const int kind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  Fd socket(::socket(list->ai_family, kind, 0));
  if (!socket && errno == EAFNOSUPPORT && address.host == "::") {
    return listen_on({.host = "0.0.0.0", .port = address.port});  // a host without IPv6
  }
  if (!socket) throw_errno("socket");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), list->ai_addr, list->ai_addrlen) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    const int failure = errno;
    const std::string where = address.host + " port " + port;
    if (failure == EADDRINUSE) {
      throw Error(Errc::unavailable, "can't listen on " + where + ": another program does",
                  "end it, or choose another port with --listen");
    }
    throw_errno(failure, "listen on " + where);
  }
  return socket;
}

std::vector<Fd> sockets_of_systemd() {
  const int count = ::sd_listen_fds(1);
  if (count < 0) throw_errno(-count, "take the sockets of systemd");
  std::vector<Fd> sockets;
  for (int i = 0; i < count; ++i) {
    Fd socket(SD_LISTEN_FDS_START + i);
    if (::sd_is_socket(socket.get(), AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
      throw Error(Errc::invalid, "what systemd has handed on is no listening TCP socket",
                  "the .socket unit has ListenStream=, and Accept=no");
    }
    ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

std::string shown_address(const Fd& socket) {
  const sockaddr_storage address = address_of(socket);
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    ::inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(four.sin_port));
  }
  if (address.ss_family != AF_INET6) return "a local socket";
  sockaddr_in6 six{};
  std::memcpy(&six, &address, sizeof six);
  ::inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(ntohs(six.sin6_port));
}

bool is_loopback(const Fd& socket) {
  const std::string shown = shown_address(socket);
  return shown.starts_with("127.") || shown.starts_with("[::1]:") || shown == "a local socket";
}

void notify_systemd(const char* state) { ::sd_notify(0, state); }

}  // namespace cooper::server
