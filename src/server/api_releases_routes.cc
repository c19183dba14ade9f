// /v1/apps/{app}/releases and /deploys: list, look at, make, deploy.

#include "api/builds.h"
#include "api/cursor.h"
#include "api/releases.h"
#include "api/requests.h"
#include "server/api_answers.h"
#include "server/no_progress.h"
#include "server/routes.h"

#include <algorithm>
#include <array>

namespace cooper::server {

namespace {

/// Environments are full of secrets: who may only read does not see them.
api::ReleaseDetail shown_to(const Request& request) {
  return request.principal.role >= Role::build ? api::ReleaseDetail::whole
                                               : api::ReleaseDetail::without_environment;
}

std::string path_of(const AppName& app, const std::string& what, const std::string& id) {
  return "/v1/apps/" + app.str() + "/" + what + "/" + id;
}

Answer list_releases(Services& services, const Request& request) {
  api::QueryEntries entries = query_of(request);
  const std::size_t limit = api::take_limit(entries).value();
  const std::string text = api::take_entry(entries, "cursor");
  api::require_none(entries);
  const App app = services.rack.get_app(request.app());
  // (Retention keeps releases few; a page that is not the first one has to pass over the others.)
  rack::ReleasePage page = services.rack.list_releases(app.name, text.empty() ? limit + 1 : 0);
  api::List<Release> list{.items = std::move(page.releases), .warnings = std::move(page.warnings)};
  if (!text.empty()) {
    const api::Cursor cursor = api::parse_cursor(text).value();
    const auto is_before = [&](const Release& release) { return release.id.str() >= cursor.id; };
    list.items.erase(list.items.begin(), std::ranges::find_if_not(list.items, is_before));
  }
  if (list.items.size() > limit) {
    list.items.resize(limit, list.items.front());
    list.next = to_text(api::Cursor{.at = {}, .id = list.items.back().id.str(), .rest = {}});
  }
  return list_answer(request, list, [&](const Release& release) {
    return api::to_object(release, app.release, api::ReleaseDetail::brief);
  });
}

Answer get_release(Services& services, const Request& request) {
  const App app = services.rack.get_app(request.app());
  const Release release = services.rack.get_release(app.name, request.argument("release"));
  return tagged_answer(api::to_object(release, app.release, shown_to(request)), Keeping::forbidden);
}

Answer create_release(Services& services, const Request& request) {
  const App app = services.rack.get_app(request.app());
  const Release release =
      services.rack.create_release(api::parse_new_release(body_object(request), app.name).value());
  return created_answer(api::to_object(release, app.release, shown_to(request)),
                        path_of(app.name, "releases", release.id.str()));
}

/// The deploy, which has begun.
Answer start(Services& services, const Request& request, const rack::StartDeploy& wanted) {
  NoProgress progress;
  const Build deploy = services.rack.start_deploy(wanted, progress, request.stop);
  return created_answer(api::to_object(services.rack.get_build(deploy.app, deploy.id)),
                        path_of(deploy.app, "builds", deploy.id.str()));
}

Answer promote(Services& services, const Request& request) {
  const AppName app = services.rack.get_app(request.app()).name;
  rack::StartDeploy wanted = api::parse_start_deploy(body_object(request), app).value();
  if (!wanted.release.empty() || wanted.create) {
    throw Error(Errc::invalid, "the release is named by the path",
                "POST /v1/apps/APP/deploys takes `release` and `create`");
  }
  wanted.release = request.argument("release");
  return start(services, request, wanted);
}

/// Of a release that is, or that is made for it at once.
Answer deploy(Services& services, const Request& request) {
  const AppName app = services.rack.get_app(request.app()).name;
  const rack::StartDeploy wanted = api::parse_start_deploy(body_object(request), app).value();
  if (wanted.release.empty() && !wanted.create) {
    throw Error(Errc::invalid, "a deploy needs `release` or `create`");
  }
  return start(services, request, wanted);
}

constexpr std::array kRoutes = {
    Route{Method::get, "/v1/apps/{app}/releases", Role::read, list_releases},
    Route{Method::post, "/v1/apps/{app}/releases", Role::build, create_release, Body::json,
          Speed::quick, Keyed::yes},
    Route{Method::get, "/v1/apps/{app}/releases/{release}", Role::read, get_release},
    Route{Method::post, "/v1/apps/{app}/releases/{release}/promote", Role::build, promote,
          Body::json, Speed::slow, Keyed::yes},
    Route{Method::post, "/v1/apps/{app}/deploys", Role::build, deploy, Body::json, Speed::slow,
          Keyed::yes}};

}  // namespace

std::span<const Route> api_releases_routes() { return kRoutes; }

}  // namespace cooper::server
