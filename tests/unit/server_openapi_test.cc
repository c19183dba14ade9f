// docs/openapi.json against the table of routes: neither has what the other has not.

#include "server/openapi_text.h"
#include "server/routes.h"
#include "unit/test_support.h"

#include <boost/json.hpp>

#include <map>

namespace cooper::server {
namespace {

namespace json = boost::json;

/// "get /v1/apps/{app}" and the role that it takes.
using Operations = std::map<std::string, std::string>;

std::string name_of(Method method) {
  switch (method) {
    case Method::get:
      return "get";
    case Method::head:
      return "head";
    case Method::post:
      return "post";
    case Method::put:
      return "put";
    case Method::patch:
      return "patch";
    case Method::del:
      return "delete";
    case Method::socket:
      return "socket";
  }
  return {};
}

std::string name_of(Role role) {
  switch (role) {
    case Role::nobody:
      return "nobody";
    case Role::read:
      return "read";
    case Role::build:
      return "build";
    case Role::admin:
      return "admin";
  }
  return {};
}

Operations operations_of_routes() {
  Operations operations;
  for (const std::span<const Route> table : all_routes()) {
    for (const Route& route : table) {
      if (!route.pattern.starts_with("/v1/")) continue;
      std::string path(route.pattern);
      if (const std::size_t star = path.find("*}"); star != std::string::npos) path.erase(star, 1);
      operations[name_of(route.method) + " " + path] = name_of(route.role);
    }
  }
  return operations;
}

json::object description() { return json::parse(openapi_text()).as_object(); }

TEST(OpenApi, DescribesEveryRouteAndNoOther) {
  Operations described;
  const json::object whole = description();
  for (const auto& path : whole.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      const json::string& role = operation.value().as_object().at("x-cooper-role").as_string();
      described[std::string(operation.key()) + " " + std::string(path.key())] = std::string(role);
    }
  }
  for (const auto& [operation, role] : operations_of_routes()) {
    ASSERT_TRUE(described.contains(operation)) << operation << " is not in docs/openapi.json";
    EXPECT_EQ(described[operation], role) << operation;
    described.erase(operation);
  }
  for (const auto& [operation, role] : described) {
    ADD_FAILURE() << operation << " is in docs/openapi.json, but there is no such route";
  }
}

TEST(OpenApi, TellsWhichRequestsMayBeRepeated) {
  const json::object whole = description();
  for (const std::span<const Route> table : all_routes()) {
    for (const Route& route : table) {
      if (!route.pattern.starts_with("/v1/") || route.keyed == Keyed::no) continue;
      EXPECT_TRUE(route.body == Body::json || route.body == Body::file) << route.pattern;
      const json::value& operation =
          whole.at("paths").as_object().at(route.pattern).as_object().at(name_of(route.method));
      EXPECT_NE(json::serialize(operation).find("parameters/idempotencyKey"), std::string::npos)
          << route.pattern;
    }
  }
}

}  // namespace
}  // namespace cooper::server
