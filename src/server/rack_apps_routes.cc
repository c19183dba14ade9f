// /apps: make, list, look at, delete, and end what is going on.

#include "server/rack_json.h"
#include "server/routes.h"
#include "server/services.h"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

/// The running deploys of an app; of all apps if there is none.
std::vector<rack::BuildView> running_deploys(Services& services, std::optional<AppName> app) {
  return services.rack
      .find_builds(
          {.app = std::move(app), .statuses = {DisplayStatus::running}, .kind = Kind::deploy})
      .builds;
}

AppStatus status_of(Services& services, const AppName& app) {
  return running_deploys(services, app).empty() ? AppStatus::running : AppStatus::updating;
}

Answer list_apps(Services& services, const Request& request) {
  const std::vector<rack::BuildView> deploys = running_deploys(services, std::nullopt);
  json::array apps;
  for (const App& app : services.rack.list_apps()) {
    if (request.principal.app && *request.principal.app != app.name) continue;
    const bool updating = std::ranges::any_of(
        deploys, [&](const rack::BuildView& view) { return view.build.app == app.name; });
    apps.push_back(to_convox(app, updating ? AppStatus::updating : AppStatus::running));
  }
  return json_answer(apps);
}

Answer create_app(Services& services, const Request& request) {
  const std::string_view name = request.option("name");
  if (name.empty()) throw Error(Errc::invalid, "name is missing");
  return json_answer(
      to_convox(services.rack.create_app(AppName::parse(name).value()), AppStatus::running));
}

Answer get_app(Services& services, const Request& request) {
  const App app = services.rack.get_app(request.app());
  return json_answer(to_convox(app, status_of(services, app.name)));
}

Answer update_app(Services& services, const Request& request) {
  const App app = services.rack.get_app(request.app());
  if (!request.option("parameters").empty() || request.flag("lock")) {
    throw Error(Errc::invalid, "apps have no parameters here, and no lock",
                "`cooper builds set` changes an app's settings");
  }
  return json_answer(to_convox(app, status_of(services, app.name)));
}

Answer delete_app(Services& services, const Request& request) {
  services.rack.delete_app(request.app());
  return ok_answer();
}

Answer cancel_deploy(Services& services, const Request& request) {
  const App app = services.rack.get_app(request.app());
  const auto deploys = running_deploys(services, app.name);
  if (deploys.empty()) {
    throw Error(Errc::conflict, "app " + app.name.str() + " is not being deployed");
  }
  for (const rack::BuildView& deploy : deploys) {
    services.rack.request_cancel(app.name, deploy.build.id);
  }
  return ok_answer();
}

constexpr std::array kRoutes = {
    Route{Method::get, "/apps", Role::read, list_apps},
    Route{Method::post, "/apps", Role::admin, create_app, Body::form},
    Route{Method::get, "/apps/{app}", Role::read, get_app},
    Route{Method::put, "/apps/{app}", Role::admin, update_app, Body::form},
    Route{Method::del, "/apps/{app}", Role::admin, delete_app, Body::none, Speed::slow},
    Route{Method::post, "/apps/{app}/cancel", Role::build, cancel_deploy, Body::form}};

}  // namespace

std::span<const Route> rack_apps_routes() { return kRoutes; }

}  // namespace cooper::server
