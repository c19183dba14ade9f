// /v1/properties and /v1/apps/{app}/properties.

#include "api/releases.h"
#include "api/requests.h"
#include "build/properties.h"
#include "server/api_answers.h"
#include "server/routes.h"

#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

json::object properties_object(rack::Rack& rack, const AppName* app) {
  const api::List<rack::PropertyView> list{.items = rack.list_properties(app)};
  return api::to_object(
      list, [](const rack::PropertyView& property) { return api::to_object(property); });
}

/// All or nothing of what is wrong with it; a crash in between leaves some of them changed.
Answer change(Services& services, const Request& request, const AppName* app) {
  const auto changes = api::parse_property_changes(body_object(request)).value();
  for (const auto& [key, value] : changes) build::check_property(key, value).value();
  if (auto refusal = refuse_if_changed(request, properties_object(services.rack, app))) {
    return std::move(*refusal);
  }
  for (const auto& [key, value] : changes) services.rack.set_property(app, key, value);
  return tagged_answer(properties_object(services.rack, app));
}

Answer list_of_app(Services& services, const Request& request) {
  const AppName app = request.app();
  return tagged_answer(properties_object(services.rack, &app));
}

/// Not for who has but one app: a property may name a program that the host runs.
Answer change_of_app(Services& services, const Request& request) {
  require_all_apps(request);
  const AppName app = request.app();
  return change(services, request, &app);
}

Answer list_global(Services& services, const Request& request) {
  require_all_apps(request);
  return tagged_answer(properties_object(services.rack, nullptr));
}

Answer change_global(Services& services, const Request& request) {
  return change(services, request, nullptr);
}

constexpr std::array kRoutes = {
    Route{Method::get, "/v1/properties", Role::read, list_global},
    Route{Method::patch, "/v1/properties", Role::admin, change_global, Body::json},
    Route{Method::get, "/v1/apps/{app}/properties", Role::read, list_of_app},
    Route{Method::patch, "/v1/apps/{app}/properties", Role::admin, change_of_app, Body::json}};

}  // namespace

std::span<const Route> api_properties_routes() { return kRoutes; }

}  // namespace cooper::server
