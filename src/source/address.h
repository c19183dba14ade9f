#pragma once
// Which addresses of the network are everybody's, and which are somebody's own.

#include <string>
#include <sys/socket.h>

namespace cooper::source {

/// Is it one of the Internet's? Not this host, a private network, a provider's (100.64/10),
/// one segment's (169.254/16, where clouds tell machines their secrets), a group's, or
/// reserved for documentation, tests or the future (IANA's special-purpose registries). Of an
/// IPv6 address that carries one of IPv4, that one is looked at, too.
bool is_public(const sockaddr& address);

/// "192.0.2.1" or "2001:db8::1"; "?" for neither of both kinds.
std::string text_of(const sockaddr& address);

}  // namespace cooper::source
