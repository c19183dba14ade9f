#pragma once
// A first look at an address.

#include <string_view>

namespace cooper::engine {

/// Somebody listens at `host:port`; who that is, only talking to them tells. Waits
/// two seconds at most for each address of the host.
bool tcp_answers(std::string_view host_and_port);

}  // namespace cooper::engine
