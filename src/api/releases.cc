#include "api/releases.h"

#include "api/list.h"
#include "model/json.h"

namespace cooper::api {
namespace json = boost::json;

namespace {

constexpr std::string_view kNoId = "unknown";

}  // namespace

Result<App> parse_app_object(const json::object& object) {
  JsonReader reader(object);
  const auto name = reader.name<AppName>("name", kNoId);
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return parse_app(json::serialize(object), name);
}

json::object to_object(const Release& release, std::string_view active, ReleaseDetail detail) {
  json::object object = to_object(release);
  if (detail == ReleaseDetail::brief) object.erase("manifest");
  if (detail != ReleaseDetail::whole) object.erase("environment");
  object["active"] = release.id.str() == active;
  return object;
}

Result<Release> parse_release_object(const json::object& object) {
  JsonReader reader(object);
  const auto id = reader.name<ReleaseId>("id", "r00000000000000");
  const auto app = reader.name<AppName>("app", kNoId);
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return parse_release(json::serialize(object), id, app);
}

json::object to_object(const rack::PropertyView& property) {
  json::object object{{"key", property.key}};
  if (!property.value.empty()) object["value"] = property.value;
  object["effective"] = property.effect;
  return object;
}

Result<rack::PropertyView> parse_property(const json::object& object) {
  JsonReader reader(object);
  rack::PropertyView property{.key = reader.required_text("key"),
                              .value = reader.text("value"),
                              .effect = reader.required_text("effective")};
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return property;
}

json::object to_object(const rack::ServiceContainer& view) {
  const engine::Container& container = view.container;
  json::object object{
      {"service", view.service}, {"instance", view.instance}, {"id", container.id},
      {"name", container.name},  {"engine", view.engine},     {"release", view.release},
      {"deploy", view.deploy},   {"active", view.active},     {"state", container.state}};
  if (!container.is_running()) object["exit_code"] = container.exit_code;
  if (container.restarts != 0) object["restarts"] = container.restarts;
  if (!view.health.empty()) object["health"] = view.health;
  if (container.started) object["started"] = to_rfc3339({*container.started});
  object["network"] = container.network;
  object["ports"] = array_of(container.ports, [](const engine::PortMapping& port) {
    return json::object{{"container", port.container},
                        {"protocol", port.protocol},
                        {"address", port.address},
                        {"host", port.host}};
  });
  return object;
}

namespace {

Result<engine::PortMapping> parse_port(const json::object& object) {
  JsonReader reader(object);
  engine::PortMapping port{.container = reader.number<std::uint16_t>("container").value_or(0),
                           .protocol = reader.required_text("protocol"),
                           .address = reader.required_text("address"),
                           .host = reader.number<std::uint16_t>("host").value_or(0)};
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return port;
}

}  // namespace

Result<rack::ServiceContainer> parse_container(const json::object& object) {
  auto ports = parse_elements<engine::PortMapping>(object, "ports", parse_port);
  if (!ports) return ports.error();
  JsonReader reader(object);
  rack::ServiceContainer view{.service = reader.required_text("service"),
                              .instance = reader.number<unsigned>("instance").value_or(1),
                              .container = {},
                              .engine = reader.text("engine"),
                              .release = reader.text("release"),
                              .deploy = reader.text("deploy"),
                              .active = reader.flag("active"),
                              .health = reader.text("health")};
  engine::Container& container = view.container;
  container.id = reader.required_text("id");
  container.name = reader.text("name");
  container.state = reader.required_text("state");
  container.exit_code = reader.number<int>("exit_code").value_or(0);
  container.restarts = reader.number<std::uint64_t>("restarts").value_or(0);
  if (const auto started = reader.time("started")) container.started = started->at;
  container.network = reader.text("network");
  container.ports = std::move(*ports);
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return view;
}

}  // namespace cooper::api
