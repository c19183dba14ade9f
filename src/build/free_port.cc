#include "build/free_port.h"

#include "base/error.h"
#include "base/fd.h"

#include <netinet/in.h>
#include <sys/socket.h>

namespace cooper::build {

std::uint16_t free_port(std::string_view protocol) {
  const Fd socket(
      ::socket(AF_INET, (protocol == "udp" ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (!socket || ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw_errno("find a free port");
  }
  return ntohs(address.sin_port);
}

}  // namespace cooper::build
