// RemoteRack: releases, deploys, and the containers that run them.

#include "api/builds.h"
#include "api/releases.h"
#include "api/requests.h"
#include "base/ascii.h"
#include "base/error.h"
#include "model/json_values.h"
#include "remote/paths.h"
#include "remote/remote_rack.h"

namespace cooper::remote {
namespace json = boost::json;

rack::ReleasePage RemoteRack::list_releases(const AppName& app, std::size_t limit) {
  rack::ReleasePage page;
  Query query;
  if (limit != 0) query.emplace_back("limit", std::to_string(std::min<std::size_t>(limit, 1000)));
  if (limit != 0 && limit <= 1000) {
    auto list = api_.understood(api::parse_list<Release>(
        api_.get(path_of(app) + "/releases" + api::query_text(query)), api::parse_release_object));
    return {.releases = std::move(list.items), .warnings = std::move(list.warnings)};
  }
  auto list =
      all_pages<Release>(api_, path_of(app) + "/releases", query, api::parse_release_object);
  if (limit != 0 && list.items.size() > limit)
    list.items.erase(list.items.begin() + static_cast<std::ptrdiff_t>(limit), list.items.end());
  return {.releases = std::move(list.items), .warnings = std::move(list.warnings)};
}

Release RemoteRack::get_release(const AppName& app, std::string_view text) {
  return api_.understood(api::parse_release_object(
      api_.object_in(api_.get(path_of(app) + "/releases/" + percent_encoded(text)))));
}

std::optional<Release> RemoteRack::newest_release(const AppName& app) {
  const auto text = api_.find(path_of(app) + "/releases/last");
  if (!text) {
    get_app(app);  // is it the app that is not there?
    return std::nullopt;
  }
  return api_.understood(api::parse_release_object(api_.object_in(*text)));
}

Release RemoteRack::create_release(const rack::NewRelease& wanted) {
  return api_.understood(api::parse_release_object(
      api_.object_in(api_.post_once(path_of(wanted.app) + "/releases", api::to_object(wanted)))));
}

Build RemoteRack::start_deploy(const rack::StartDeploy& start, rack::StartProgress& progress,
                               std::stop_token stop) {
  return started(api_.post_once(path_of(start.app) + "/deploys", api::to_object(start), stop),
                 progress);
}

std::vector<rack::ServiceContainer> RemoteRack::list_containers(const AppName& app) {
  return all_pages<rack::ServiceContainer>(api_, path_of(app) + "/containers", {},
                                           api::parse_container)
      .items;
}

namespace {

std::string logs_path(const rack::ContainerLogQuery& query, const char* follow) {
  Query asked{{"tail", std::to_string(query.tail)}, {"follow", follow}};
  if (!query.service.empty()) asked.emplace_back("service", query.service);
  if (query.since) asked.emplace_back("since", to_rfc3339({*query.since}));
  return path_of(query.app) + "/containers/logs" + api::query_text(asked);
}

/// Takes an answer apart: lines of whose they are, a blank and what was printed.
class ContainerLines {
 public:
  explicit ContainerLines(const rack::Rack::ContainerLine& line) : line_(line) {}

  void take(std::string_view bytes) {
    begun_ += bytes;
    std::size_t begin = 0;
    for (std::size_t end = begun_.find('\n'); end != std::string::npos;
         end = begun_.find('\n', begin)) {
      const std::string_view line = std::string_view(begun_).substr(begin, end - begin);
      const std::size_t blank = std::min(line.find(' '), line.size());
      line_(line.substr(0, blank), line.substr(std::min(line.size(), blank + 1)));
      begin = end + 1;
    }
    begun_.erase(0, begin);
  }

 private:
  const rack::Rack::ContainerLine& line_;
  std::string begun_;
};

}  // namespace

void RemoteRack::read_container_logs(const rack::ContainerLogQuery& query,
                                     const ContainerLine& line) {
  ContainerLines lines(line);
  api_.send({.path = logs_path(query, "false"),
             .sink = [&](std::string_view bytes) { lines.take(bytes); }});
}

void RemoteRack::follow_container_logs(const rack::ContainerLogQuery& query,
                                       const ContainerLine& line, std::stop_token stop) {
  ContainerLines lines(line);
  try {
    api_.send({.path = logs_path(query, "true"),
               .stop = std::move(stop),
               .sink = [&](std::string_view bytes) { lines.take(bytes); }});
  } catch (const Error& error) {  // adapter: that is how it ends
    if (error.code() != Errc::canceled) throw;
  }
}

std::size_t RemoteRack::stop_containers(const AppName& app) {
  const json::object object =
      api_.object_in(api_.post(path_of(app) + "/containers/stop", std::nullopt));
  JsonReader reader(object);
  const auto stopped = reader.number<std::size_t>("stopped");
  if (!stopped) throw api_.not_understood("it does not say how many were stopped");
  return *stopped;
}

}  // namespace cooper::remote
