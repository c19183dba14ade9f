#pragma once
// Where the server listens.

#include "base/error.h"
#include "base/fd.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::server {

/// An address of ours to listen on.
struct ListenAddress {
  std::string host;  ///< an address without brackets
  std::uint16_t port = 0;
};

/// `127.0.0.1:5000`, `[::1]:5000`; `:5000` is all addresses, port 0 any free one. Error{invalid}.
[[nodiscard]] Result<ListenAddress> parse_listen(std::string_view text);

/// A listening socket, close-on-exec. Throws Error{unavailable} if the port is taken.
Fd listen_on(const ListenAddress& address);

/// Those that systemd has opened for us (LISTEN_FDS), marked close-on-exec; none if there are none.
/// Throws Error{invalid} for one that is no listening TCP socket.
std::vector<Fd> sockets_of_systemd();

/// "127.0.0.1:5000" of a listening socket.
std::string shown_address(const Fd& socket);
/// Only this host can reach it.
bool is_loopback(const Fd& socket);

/// Tells systemd, if that started us: "READY=1", "STOPPING=1".
void notify_systemd(const char* state);

}  // namespace cooper::server
