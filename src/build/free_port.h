#pragma once
// Ports of the host that nobody uses.

#include <cstdint>
#include <string_view>

namespace cooper::build {

/// A port of 127.0.0.1 that is free at this moment, tcp or udp. Throws Error{unavailable}.
std::uint16_t free_port(std::string_view protocol);

}  // namespace cooper::build
