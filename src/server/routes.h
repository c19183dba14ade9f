#pragma once
// The tables of routes, each in the file of its name.

#include "server/router.h"

#include <span>
#include <vector>

namespace cooper::server {

/// /healthz and /readyz.
std::span<const Route> health_routes();
// The interface that the convox client speaks.
std::span<const Route> rack_system_routes();
std::span<const Route> rack_apps_routes();
std::span<const Route> rack_objects_routes();
std::span<const Route> rack_builds_routes();
std::span<const Route> rack_releases_routes();
std::span<const Route> rack_registries_routes();
std::span<const Route> rack_processes_routes();

/// All of them, in the order in which they are asked.
inline std::vector<std::span<const Route>> all_routes() {
  return {health_routes(),          rack_system_routes(),   rack_apps_routes(),
          rack_objects_routes(),    rack_builds_routes(),   rack_releases_routes(),
          rack_registries_routes(), rack_processes_routes()};
}

}  // namespace cooper::server
