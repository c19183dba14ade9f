#pragma once
// The tables of routes, each in the file of its name.

#include "server/router.h"

#include <span>
#include <vector>

namespace cooper::server {

/// /healthz and /readyz.
std::span<const Route> health_routes();
/// /metrics.
std::span<const Route> metrics_routes();
/// /git: pushes and fetches.
std::span<const Route> git_routes();
/// /hooks: what forges tell. Without credentials, but signed.
std::span<const Route> hook_routes();
// The interface that the convox client speaks.
std::span<const Route> rack_system_routes();
std::span<const Route> rack_apps_routes();
std::span<const Route> rack_objects_routes();
std::span<const Route> rack_builds_routes();
std::span<const Route> rack_releases_routes();
std::span<const Route> rack_registries_routes();
std::span<const Route> rack_processes_routes();
/// What `cooper` sends from afar: sources, piece by piece, and bundles.
std::span<const Route> upload_routes();

// Our own interface: docs/api.md, docs/openapi.json.
std::span<const Route> api_apps_routes();
std::span<const Route> api_builds_routes();
std::span<const Route> api_build_changes_routes();
std::span<const Route> api_releases_routes();
std::span<const Route> api_properties_routes();
std::span<const Route> api_host_routes();
std::span<const Route> api_event_routes();
std::span<const Route> audit_routes();
std::span<const Route> api_webhook_routes();

/// All of them, in the order in which they are asked.
inline std::vector<std::span<const Route>> all_routes() {
  return {health_routes(),         git_routes(),
          hook_routes(),           metrics_routes(),
          rack_system_routes(),    rack_apps_routes(),
          rack_objects_routes(),   rack_builds_routes(),
          rack_releases_routes(),  rack_registries_routes(),
          rack_processes_routes(), api_apps_routes(),
          api_builds_routes(),     api_build_changes_routes(),
          api_releases_routes(),   api_properties_routes(),
          api_host_routes(),       api_event_routes(),
          audit_routes(),          upload_routes(),
          api_webhook_routes()};
}

}  // namespace cooper::server
