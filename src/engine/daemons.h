#pragma once
// BuildKit daemons of their own: where they listen, and which of several a build goes to.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine {

/// How an address begins that a path, or host and port, follow.
inline constexpr std::string_view kUnixScheme = "unix://";
inline constexpr std::string_view kTcpScheme = "tcp://";

/// Is it `unix:///path` or `tcp://host:port`?
bool is_buildkit_address(std::string_view text) noexcept;

/// Addresses with commas between them; nullopt if one is none. Empty text: none.
std::optional<std::vector<std::string>> parse_buildkit_addresses(std::string_view text);

/// Why nobody listens there; empty: somebody does. Waits two seconds at most for
/// each address of a host.
std::string why_unreachable(const std::string& buildkit_address);

/// The order in which builds of `app` try them. An app stays with its daemon, which
/// has its layers, and only the apps of one that comes or goes move (rendezvous
/// hashing).
std::vector<std::string> in_order_for(std::string_view app, std::vector<std::string> daemons);

}  // namespace cooper::engine
