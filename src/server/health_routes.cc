// For load balancers and service managers: no credentials, and nothing told.

#include "base/error.h"
#include "server/routes.h"
#include "server/services.h"

#include <array>
#include <unistd.h>

namespace cooper::server {

namespace {

Answer plain(unsigned status, std::string text) {
  Answer answer;
  answer.status = status;
  answer.type = "text/plain; charset=utf-8";
  answer.body = std::move(text);
  return answer;
}

/// The process answers.
Answer healthz(Services& /*services*/, const Request& /*request*/) { return plain(200, "ok\n"); }

/// It can do its work: the data root can be read and written, and it takes requests.
Answer readyz(Services& services, const Request& /*request*/) {
  if (services.ending.stop_requested()) return plain(503, "the server ends\n");
  if (::access(services.uploads.c_str(), W_OK) != 0) {
    return plain(503, "the data root can't be written\n");
  }
  services.rack.app_names();
  return plain(200, "ok\n");
}

constexpr std::array kRoutes = {Route{Method::get, "/healthz", Role::nobody, healthz},
                                Route{Method::get, "/readyz", Role::nobody, readyz}};

}  // namespace

std::span<const Route> health_routes() { return kRoutes; }

}  // namespace cooper::server
