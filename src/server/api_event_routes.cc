// What /v1 tells as it happens: server-sent events.

#include "server/api_answers.h"
#include "server/event_streams.h"
#include "server/routes.h"

#include <array>

namespace cooper::server {

namespace {

Answer watch_log(Services& services, const Request& request) {
  api::QueryEntries entries = query_of(request);
  const std::uint64_t from = api::take_count(entries, "from").value_or(0);
  api::require_none(entries);
  return log_events(services.rack, request, request.app(), build_of(services, request), from);
}

Answer watch_steps(Services& services, const Request& request) {
  api::require_none(query_of(request));
  return step_events(services.rack, request, request.app(), build_of(services, request));
}

/// Of all apps that the principal may see.
Answer watch_all_builds(Services& /*services*/, const Request& request) {
  api::require_none(query_of(request));
  return build_events(request, request.principal.app);
}

Answer watch_builds(Services& services, const Request& request) {
  api::require_none(query_of(request));
  return build_events(request, services.rack.get_app(request.app()).name);
}

constexpr std::array kRoutes = {
    Route{Method::get, "/v1/events", Role::read, watch_all_builds},
    Route{Method::get, "/v1/apps/{app}/events", Role::read, watch_builds},
    Route{Method::get, "/v1/apps/{app}/builds/{build}/log/events", Role::read, watch_log},
    Route{Method::get, "/v1/apps/{app}/builds/{build}/steps/events", Role::read, watch_steps}};

}  // namespace

std::span<const Route> api_event_routes() { return kRoutes; }

}  // namespace cooper::server
