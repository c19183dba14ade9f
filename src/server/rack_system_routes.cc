// GET /system, and what the convox client asks for without needing it.

#include "server/rack_json.h"
#include "server/routes.h"
#include "server/services.h"

#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

/// Newer than all that the client asks for by version; ours follows.
constexpr std::string_view kConvoxVersion = "3.0.0";

Answer get_system(Services& services, const Request& request) {
  const std::string_view host = request.headers.get("host");
  return json_answer(
      json::object{{"count", 1},
                   {"domain", services.host_name},
                   {"name", "cooper"},
                   {"outputs", json::object()},
                   {"parameters", json::object()},
                   {"provider", "local"},
                   {"rack-domain", host},
                   {"region", ""},
                   {"status", "running"},
                   {"type", ""},
                   {"version", std::string(kConvoxVersion) + "-cooper." + services.version}});
}

/// The client asks before each WebSocket.
Answer machines(Services& /*services*/, const Request& /*request*/) {
  return error_answer(404, "there are no machines here: cooper is one host");
}

constexpr std::array kRoutes = {Route{Method::get, "/system", Role::read, get_system},
                                Route{Method::get, "/machines", Role::read, machines}};

}  // namespace

std::span<const Route> rack_system_routes() { return kRoutes; }

}  // namespace cooper::server
