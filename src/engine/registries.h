#pragma once
// Short image names: `FROM node:18` means Docker Hub, as everywhere else, also
// on a host whose registries.conf names no registry to search (Debian's own).

#include <filesystem>
#include <optional>

namespace cooper::engine {

/// If the registries.conf in force (and its drop-ins) names no registry for
/// short names: writes a copy that does into `folder`, and returns its path for
/// CONTAINERS_REGISTRIES_CONF; everything else that the host's file says holds
/// on. nullopt if the host has its own setting. Throws Error.
std::optional<std::filesystem::path> registries_with_docker_hub(
    const std::filesystem::path& folder);

}  // namespace cooper::engine
