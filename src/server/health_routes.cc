// For load balancers and service managers: no credentials, and little told.

#include "base/error.h"
#include "model/json.h"
#include "server/readiness.h"
#include "server/routes.h"
#include "server/services.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>

namespace cooper::server {
namespace json = boost::json;

namespace {

/// The process answers.
Answer healthz(Services& /*services*/, const Request& /*request*/) {
  Answer answer;
  answer.type = "text/plain; charset=utf-8";
  answer.body = "ok\n";
  return answer;
}

/// It can do its work; or why not.
Answer readyz(Services& services, const Request& /*request*/) {
  std::vector<Check> checks = services.readiness.checks();
  if (services.ending.stop_requested()) {
    checks.push_back({.name = "server", .problem = "it ends"});
  }
  json::object shown;
  for (const Check& check : checks)
    shown[check.name] = check.problem.empty() ? "ok" : check.problem;
  const bool is_ready =
      std::ranges::all_of(checks, [](const Check& check) { return check.problem.empty(); });
  Answer answer;
  answer.status = is_ready ? 200 : 503;
  answer.body =
      pretty(json::object{{"status", is_ready ? "ready" : "not ready"}, {"checks", shown}});
  return answer;
}

constexpr std::array kRoutes = {Route{Method::get, "/healthz", Role::nobody, healthz},
                                Route{Method::get, "/readyz", Role::nobody, readyz}};

}  // namespace

std::span<const Route> health_routes() { return kRoutes; }

}  // namespace cooper::server
