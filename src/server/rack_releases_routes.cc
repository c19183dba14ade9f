// /apps/{app}/releases: list, make, look at, promote.

#include "base/text.h"
#include "server/external_builds.h"
#include "server/no_progress.h"
#include "server/rack_json.h"
#include "server/routes.h"
#include "server/services.h"

#include <boost/json/array.hpp>

#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

constexpr std::size_t kDefaultLimit = 10;
constexpr std::size_t kMostListed = 10'000;

/// Environments are full of secrets: who may only read does not see them.
ShowEnvironment shown_to(const Request& request) {
  return request.principal.role >= Role::build ? ShowEnvironment::yes : ShowEnvironment::no;
}

Answer list_releases(Services& services, const Request& request) {
  const std::string_view text = request.option("limit");
  const auto limit =
      text.empty() ? std::optional<std::uint64_t>(kDefaultLimit) : parse_number(text);
  if (!limit) throw Error(Errc::invalid, "limit is no number");
  const std::size_t most = *limit == 0 ? kMostListed : std::min<std::size_t>(*limit, kMostListed);
  json::array releases;
  for (const Release& release : services.rack.list_releases(request.app(), most).releases) {
    releases.push_back(to_convox(release, shown_to(request)));
  }
  return json_answer(releases);
}

Answer get_release(Services& services, const Request& request) {
  const AppName app = services.rack.get_app(request.app()).name;
  const ReleaseId id = ReleaseId::parse(request.argument("id")).value();
  return json_answer(to_convox(services.rack.get_release(app, id.str()), shown_to(request)));
}

/// The release whose build it is.
std::string release_of(Services& services, const AppName& app, std::string_view build) {
  const BuildId id = our_build(services.rack, app, BuildId::parse(build).value());
  const rack::BuildView view = services.rack.get_build(app, id);
  if (!view.build.release.empty()) return view.build.release;
  throw Error(Errc::conflict, "build " + view.build.id.str() + " has made no release",
              "only a build that succeeded has images to release");
}

Answer create_release(Services& services, const Request& request) {
  const AppName app = services.rack.get_app(request.app()).name;
  rack::NewRelease wanted{.app = app, .description = std::string(request.option("description"))};
  if (const std::string_view build = request.option("build"); !build.empty()) {
    wanted.build_from = release_of(services, app, build);
  }
  // Absent, the environment stays; empty, it goes.
  if (const auto text = request.form.find("env")) {
    const auto newest = services.rack.newest_release(app);
    wanted.set =
        parse_environment_text(*text, newest ? newest->environment : Environment()).value();
    wanted.replace = true;
  }
  return json_answer(to_convox(services.rack.create_release(wanted), ShowEnvironment::yes));
}

/// Starts the deploy. While it runs the app is `updating`, which the client waits for.
Answer promote(Services& services, const Request& request) {
  const AppName app = services.rack.get_app(request.app()).name;
  const ReleaseId id = ReleaseId::parse(request.argument("id")).value();
  NoProgress progress;
  services.rack.start_deploy({.app = app, .release = id.str(), .if_locked = rack::IfLocked::fail},
                             progress, request.stop);
  return ok_answer();
}

constexpr std::array kRoutes = {
    Route{Method::get, "/apps/{app}/releases", Role::read, list_releases},
    Route{Method::post, "/apps/{app}/releases", Role::build, create_release, Body::form},
    Route{Method::get, "/apps/{app}/releases/{id}", Role::read, get_release},
    Route{Method::post, "/apps/{app}/releases/{id}/promote", Role::build, promote, Body::form,
          Speed::slow}};

}  // namespace

std::span<const Route> rack_releases_routes() { return kRoutes; }

}  // namespace cooper::server
