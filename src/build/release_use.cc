#include "build/release_use.h"

#include "build/prune.h"
#include "store/remove_build.h"

#include <algorithm>
#include <utility>

namespace cooper::build {

std::vector<Build> live_deploys(const store::FileStore& store, const AppName& app) {
  std::vector<Build> deploys;
  store.query_builds(
      {.app = app, .statuses = {Status::queued, Status::running}, .kind = Kind::deploy},
      [&](Build&& build) {
        const bool lives = build.status == Status::queued || process_lives(build);
        if (lives && !build.release.empty()) deploys.push_back(std::move(build));
        return true;
      });
  return deploys;
}

namespace {

std::optional<Release> release_of(const store::FileStore& store, const Build& deploy) {
  const Result<ReleaseId> id = ReleaseId::parse(deploy.release);
  return id ? store.find_release(deploy.app, *id) : std::nullopt;
}

}  // namespace

std::vector<Release> readable_releases(const store::FileStore& store, const AppName& app) {
  store::ReleaseList list = store.list_releases(app, 0);
  if (list.warnings.empty()) return std::move(list.releases);
  throw Error(Errc::corrupt, "no build of app " + app.str() + " goes: " + list.warnings[0],
              "mend or remove its file in " + store.layout().releases(app).string());
}

std::set<std::string> builds_in_use(const store::FileStore& store, const AppName& app) {
  std::set<std::string> builds;
  const std::optional<App> facts = store.find_app(app);
  if (!facts) return builds;
  const std::vector<Release> releases = readable_releases(store, app);
  if (!releases.empty()) builds.insert(releases[0].build);
  for (const Release& release : releases) {
    const std::string& id = release.id.str();
    if (id == facts->release || id == facts->previous) builds.insert(release.build);
  }
  for (const Build& deploy : live_deploys(store, app)) {
    if (const auto release = release_of(store, deploy)) builds.insert(release->build);
  }
  return builds;
}

std::optional<Build> find_deploy_of(const store::FileStore& store, const AppName& app,
                                    const BuildId& build) {
  for (Build& deploy : live_deploys(store, app)) {
    const auto release = release_of(store, deploy);
    if (release && release->build == build.str()) return std::move(deploy);
  }
  return std::nullopt;
}

Error being_deployed(const BuildId& build, const Build& deploy) {
  return Error(Errc::conflict, "build " + build.str() + " is being deployed by " + deploy.id.str(),
               "wait for that deploy, or cancel it: cooper builds cancel " + deploy.id.str() +
                   " -a " + deploy.app.str());
}

namespace {

std::string where_releases_are(const AppName& app) {
  return "`cooper releases -a " + app.str() + "` lists what there is";
}

}  // namespace

void require_build(const store::FileStore& store, const Release& release) {
  const Result<BuildId> id = BuildId::parse(release.build);
  const auto build = id ? store.find_build(release.app, *id) : std::nullopt;
  if (build && !store::is_being_removed(*build)) return;
  throw Error(Errc::conflict,
              "build " + release.build + " of release " + release.id.str() +
                  (build ? " is being removed" : " is gone"),
              where_releases_are(release.app));
}

void require_whole(const store::FileStore& store, const Release& release) {
  if (!store.find_release(release.app, release.id)) {
    throw Error(Errc::conflict,
                "release " + release.id.str() + " was removed before its deploy began",
                where_releases_are(release.app));
  }
  require_build(store, release);
}

std::vector<ReleaseId> superseded_releases(const store::FileStore& store, const AppName& app,
                                           std::size_t count) {
  const std::vector<Release> releases = store.list_releases(app, 0).releases;
  if (releases.size() <= count) return {};
  std::set<std::string> needed;
  if (const std::optional<App> facts = store.find_app(app)) {
    needed = {facts->release, facts->previous};
  }
  for (const Build& deploy : live_deploys(store, app)) needed.insert(deploy.release);
  std::set<std::string> builds = {""};
  std::vector<ReleaseId> result;
  for (std::size_t i = 0; i < releases.size(); ++i) {
    const bool is_newest_of_build = builds.insert(releases[i].build).second;
    if (i < count || is_newest_of_build || needed.contains(releases[i].id.str())) continue;
    result.push_back(releases[i].id);
  }
  std::ranges::reverse(result);
  return result;
}

bool took_effect(const store::FileStore& store, const Build& deploy) {
  if (deploy.kind != Kind::deploy || deploy.release.empty()) return false;
  const std::optional<App> app = store.find_app(deploy.app);
  return app && app->deploy == deploy.id.str() && app->release == deploy.release;
}

}  // namespace cooper::build
