#pragma once
// Short image names: `FROM node:18` means Docker Hub, as everywhere else, also
// on a host whose registries.conf names no registry to search (Debian's own). And
// registries on this host need no TLS, as with Docker.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine {

/// Is it `host[:port]` of this host itself: localhost, 127.0.0.0/8, [::1]?
bool is_loopback(std::string_view registry) noexcept;

/// If the registries.conf in force (and its drop-ins) names no registry for
/// short names, or nothing of a registry on this host that is in `used` (host:port):
/// writes a copy that does into `folder`, and returns its path for
/// CONTAINERS_REGISTRIES_CONF; everything else that the host's file says holds
/// on. nullopt if nothing is to be added. Throws Error.
std::optional<std::filesystem::path> registries_for_builds(const std::filesystem::path& folder,
                                                           const std::vector<std::string>& used);

}  // namespace cooper::engine
