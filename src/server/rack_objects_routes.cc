// /apps/{app}/objects: files that the client stores, most of them the source of a build.

#include "server/body.h"
#include "server/rack_json.h"
#include "server/routes.h"
#include "server/services.h"

#include <boost/json/array.hpp>

#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

rack::ObjectKey key_of(const Request& request) {
  return rack::ObjectKey::parse(request.argument("key")).value();
}

Answer store_object(Services& services, const Request& request) {
  const AppName app = request.app();
  const rack::ObjectKey key = key_of(request);
  services.rack.store_object(app, key, request.file);
  return json_answer(json::object{{"Url", "object://" + app.str() + "/" + key.str()}});
}

Answer get_object(Services& services, const Request& request) {
  Answer answer;
  answer.type = "application/octet-stream";
  answer.file = services.rack.open_object(request.app(), key_of(request));
  return answer;
}

Answer delete_object(Services& services, const Request& request) {
  services.rack.remove_object(request.app(), key_of(request));
  return ok_answer();
}

Answer list_objects(Services& services, const Request& request) {
  json::array keys;
  for (const rack::ObjectKey& key : services.rack.list_objects(request.app())) {
    if (key.str().starts_with(request.option("prefix"))) keys.emplace_back(key.str());
  }
  return json_answer(keys);
}

// Sources are no more for everybody who may read than environments are.
constexpr std::array kRoutes = {
    Route{Method::get, "/apps/{app}/objects", Role::build, list_objects},
    Route{Method::post, "/apps/{app}/objects/{key*}", Role::build, store_object, Body::file,
          Speed::slow},
    Route{Method::get, "/apps/{app}/objects/{key*}", Role::build, get_object},
    Route{Method::del, "/apps/{app}/objects/{key*}", Role::build, delete_object}};

}  // namespace

std::span<const Route> rack_objects_routes() { return kRoutes; }

}  // namespace cooper::server
