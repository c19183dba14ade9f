// /registries: who we are to them. No password ever leaves.

#include "server/api_answers.h"
#include "server/rack_json.h"
#include "server/routes.h"
#include "server/services.h"

#include <boost/json/array.hpp>

#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

json::object to_convox(std::string_view host, std::string_view user) {
  return {{"server", host}, {"username", user}};
}

/// `https://index.docker.io/v1/` is how clients call Docker Hub.
std::string host_of(std::string_view server) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (server.starts_with(scheme)) server.remove_prefix(scheme.size());
  }
  const std::string host(server.substr(0, server.find('/')));
  return host == "index.docker.io" ? "docker.io" : host;
}

Answer list_registries(Services& services, const Request& request) {
  require_all_apps(request);
  std::vector<std::string> warnings;
  json::array registries;
  for (const engine::KnownLogin& login : services.rack.list_registries(warnings)) {
    registries.push_back(to_convox(login.host, login.user));
  }
  return json_answer(registries);
}

Answer add_registry(Services& services, const Request& request) {
  const std::string host = host_of(request.option("server"));
  const engine::Login login{.user = std::string(request.option("username")),
                            .password = std::string(request.option("password"))};
  if (host.empty() || login.password.empty()) {
    throw Error(Errc::invalid, "server and password are needed");
  }
  services.rack.add_registry(host, login);
  return json_answer(to_convox(host, login.user));
}

Answer remove_registry(Services& services, const Request& request) {
  services.rack.remove_registry(host_of(request.argument("server")));
  return ok_answer();
}

constexpr std::array kRoutes = {
    Route{Method::get, "/registries", Role::read, list_registries},
    Route{Method::post, "/registries", Role::admin, add_registry, Body::form},
    Route{Method::del, "/registries/{server*}", Role::admin, remove_registry}};

}  // namespace

std::span<const Route> rack_registries_routes() { return kRoutes; }

}  // namespace cooper::server
