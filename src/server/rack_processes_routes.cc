// What runs of an app: /services, /processes, and the output of builds and deploys.

#include "base/text.h"
#include "server/log_streams.h"
#include "server/rack_json.h"
#include "server/routes.h"
#include "server/services.h"

#include <boost/json/array.hpp>

#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

/// Those of an app that never had any are none.
std::vector<rack::ServiceContainer> containers_of(Services& services, const AppName& app) {
  try {
    return services.rack.list_containers(app);
  } catch (const Error& error) {  // adapter: see above
    if (error.code() != Errc::conflict) throw;
    return {};
  }
}

json::object to_convox(const AppName& app, const rack::ServiceContainer& one) {
  json::array ports;
  for (const engine::PortMapping& port : one.container.ports) {
    ports.emplace_back(std::to_string(port.host) + ":" + std::to_string(port.container));
  }
  std::optional<Timestamp> started;
  if (one.container.started) started = Timestamp{.at = *one.container.started};
  const std::string status = one.health == "unhealthy" ? "unhealthy" : one.container.state;
  return {{"app", app.str()},
          {"command", ""},
          {"cpu", 0.0},
          {"host", ""},
          {"id", one.service + "." + std::to_string(one.instance)},
          {"image", ""},
          {"instance", one.container.id.substr(0, 12)},
          {"memory", 0.0},
          {"name", one.service},
          {"ports", ports},
          {"release", one.release},
          {"started", convox_time(started)},
          {"status", status}};
}

Answer list_processes(Services& services, const Request& request) {
  const AppName app = services.rack.get_app(request.app()).name;
  json::array processes;
  for (const rack::ServiceContainer& one : containers_of(services, app)) {
    processes.push_back(to_convox(app, one));
  }
  return json_answer(processes);
}

/// Those of the active release.
Answer list_services(Services& services, const Request& request) {
  const App app = services.rack.get_app(request.app());
  json::array found;
  if (!app.release.empty()) {
    for (const auto& [name, image] : services.rack.get_release(app.name, app.release).images) {
      found.push_back(json::object{{"count", 1},
                                   {"cpu", 0},
                                   {"domain", ""},
                                   {"memory", 0},
                                   {"name", name},
                                   {"ports", json::array()}});
    }
  }
  return json_answer(found);
}

Answer follow_app_logs(Services& services, const Request& request) {
  AppLogs wanted{.app = services.rack.get_app(request.app()).name};
  const Fields& headers = request.headers;
  if (const std::string_view since = headers.get("since"); !since.empty()) {
    const auto parsed = parse_duration(since);
    if (!parsed) throw Error(Errc::invalid, "the header Since is no duration", "such as 5s or 2m");
    wanted.since = *parsed;
  }
  if (const std::string_view tail = headers.get("tail"); !tail.empty()) {
    wanted.tail = parse_number(tail);
    if (!wanted.tail) throw Error(Errc::invalid, "the header Tail is no number");
  }
  if (!request.header_flag("follow").value_or(true)) wanted.follow = Follow::no;
  if (request.header_flag("prefix").value_or(false)) wanted.prefix = AppLogs::Prefix::yes;
  Answer answer;
  answer.stream = app_logs_stream(std::move(wanted));
  return answer;
}

constexpr std::array kRoutes = {
    Route{Method::get, "/apps/{app}/services", Role::read, list_services},
    Route{Method::get, "/apps/{app}/processes", Role::read, list_processes},
    Route{Method::socket, "/apps/{app}/logs", Role::read, follow_app_logs}};

}  // namespace

std::span<const Route> rack_processes_routes() { return kRoutes; }

}  // namespace cooper::server
