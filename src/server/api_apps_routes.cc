// /v1/apps: make, list, look at, delete, prune; and the app's containers and objects.

#include "api/body.h"
#include "api/builds.h"
#include "api/cursor.h"
#include "api/releases.h"
#include "base/text.h"
#include "server/api_answers.h"
#include "server/routes.h"

#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

json::object app_object(const App& app) { return api::to_object(app); }

/// Adds the app, or a warning: one that is damaged must not hide the others.
void add_app(api::List<App>& list, rack::Rack& rack, const AppName& name) {
  try {
    if (auto app = rack.find_app(name)) list.items.push_back(std::move(*app));
  } catch (const Error& error) {  // boundary: see above
    list.warnings.push_back("app " + name.str() + ": " + printable(error.message()));
  }
}

Answer list_apps(Services& services, const Request& request) {
  api::QueryEntries entries = query_of(request);
  const std::size_t limit = api::take_limit(entries).value();
  const std::string text = api::take_entry(entries, "cursor");
  api::require_none(entries);
  const std::string after = text.empty() ? "" : api::parse_cursor(text).value().id;
  api::List<App> list;
  for (const AppName& name : services.rack.app_names()) {
    if (!may_see(request, name) || name.str() <= after) continue;
    if (list.items.size() == limit) {
      list.next = to_text(api::Cursor{.at = {}, .id = list.items.back().name.str(), .rest = {}});
      break;
    }
    add_app(list, services.rack, name);
  }
  return list_answer(request, list, app_object);
}

Answer create_app(Services& services, const Request& request) {
  const json::object object = body_object(request);
  api::Body body(object);
  const std::string name = body.required_text("name");
  if (const auto problem = body.problem()) throw Error(*problem);
  const App app = services.rack.create_app(AppName::parse(name).value());
  return created_answer(app_object(app), "/v1/apps/" + app.name.str());
}

Answer get_app(Services& services, const Request& request) {
  return tagged_answer(app_object(services.rack.get_app(request.app())));
}

Answer delete_app(Services& services, const Request& request) {
  const App app = services.rack.get_app(request.app());
  if (auto refusal = refuse_if_changed(request, app_object(app))) return std::move(*refusal);
  services.rack.delete_app(app.name);
  return no_content();
}

Answer prune_app(Services& services, const Request& request) {
  const json::object object = body_object(request);
  api::Body body(object);
  const bool is_dry = body.flag("dry_run");
  if (const auto problem = body.problem()) throw Error(*problem);
  const AppName app = services.rack.get_app(request.app()).name;
  return object_answer(
      api::to_object(is_dry ? services.rack.would_prune(app) : services.rack.prune(app)));
}

Answer list_containers(Services& services, const Request& request) {
  const api::List<rack::ServiceContainer> list{.items =
                                                   services.rack.list_containers(request.app())};
  return list_answer(request, list, [](const rack::ServiceContainer& container) {
    return api::to_object(container);
  });
}

Answer stop_containers(Services& services, const Request& request) {
  require_empty_body(request);
  return object_answer({{"stopped", services.rack.stop_containers(request.app())}});
}

rack::ObjectKey key_of(const Request& request) {
  return rack::ObjectKey::parse(request.argument("key")).value();
}

Answer list_objects(Services& services, const Request& request) {
  const api::List<rack::ObjectKey> list{.items = services.rack.list_objects(request.app())};
  return list_answer(request, list, [](const rack::ObjectKey& key) {
    return json::object{{"key", key.str()}};
  });
}

Answer get_object(Services& services, const Request& request) {
  Answer answer;
  answer.type = "application/octet-stream";
  answer.file = services.rack.open_object(request.app(), key_of(request));
  return answer;
}

Answer store_object(Services& services, const Request& request) {
  services.rack.store_object(request.app(), key_of(request), request.file);
  return no_content();
}

Answer remove_object(Services& services, const Request& request) {
  services.rack.remove_object(request.app(), key_of(request));
  return no_content();
}

constexpr std::array kRoutes = {
    Route{Method::get, "/v1/apps", Role::read, list_apps},
    Route{Method::post, "/v1/apps", Role::admin, create_app, Body::json, Speed::quick, Keyed::yes},
    Route{Method::get, "/v1/apps/{app}", Role::read, get_app},
    Route{Method::del, "/v1/apps/{app}", Role::admin, delete_app, Body::none, Speed::slow},
    Route{Method::post, "/v1/apps/{app}/prune", Role::build, prune_app, Body::json, Speed::slow},
    Route{Method::get, "/v1/apps/{app}/containers", Role::read, list_containers, Body::none,
          Speed::slow},
    Route{Method::post, "/v1/apps/{app}/containers/stop", Role::build, stop_containers, Body::json,
          Speed::slow},
    // Sources are no more for everybody who may read than environments are.
    Route{Method::get, "/v1/apps/{app}/objects", Role::build, list_objects},
    Route{Method::get, "/v1/apps/{app}/objects/{key*}", Role::build, get_object},
    Route{Method::put, "/v1/apps/{app}/objects/{key*}", Role::build, store_object, Body::file,
          Speed::slow},
    Route{Method::del, "/v1/apps/{app}/objects/{key*}", Role::build, remove_object}};

}  // namespace

std::span<const Route> api_apps_routes() { return kRoutes; }

}  // namespace cooper::server
