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

void require_whole(const store::FileStore& store, const Release& release) {
  const std::string what = "release " + release.id.str();
  const std::string hint = "`cooper releases -a " + release.app.str() + "` lists what there is";
  if (!store.find_release(release.app, release.id)) {
    throw Error(Errc::conflict, what + " was removed before its deploy began", hint);
  }
  const Result<BuildId> id = BuildId::parse(release.build);
  const auto build = id ? store.find_build(release.app, *id) : std::nullopt;
  if (!build || store::is_being_removed(*build)) {
    throw Error(
        Errc::conflict,
        "build " + release.build + " of " + what + (build ? " is being removed" : " is gone"),
        hint);
  }
}

namespace {

/// The newest release goes with its build: the environment that it has must not.
void keep_environment(store::FileStore& store, const AppName& app, const BuildId& build,
                      const std::vector<Release>& releases) {
  const auto next = std::ranges::find_if(
      releases, [&](const Release& release) { return release.build != build.str(); });
  const bool has_next = next != releases.end();
  if (releases[0].environment == (has_next ? next->environment : Environment{})) return;
  store.derive_release(app, [&](Release& release) {
    release.build = has_next ? next->build : "";
    release.manifest = has_next ? next->manifest : "";
    release.images = has_next ? next->images : std::map<std::string, std::string>{};
    release.description = "environment of a release whose build was removed";
  });
}

}  // namespace

void remove_releases(store::FileStore& store, const AppName& app, const BuildId& build,
                     const std::vector<Release>& releases) {
  if (!releases.empty() && releases[0].build == build.str()) {
    keep_environment(store, app, build, releases);
  }
  for (const Release& release : releases) {
    if (release.build == build.str()) store.remove_release(app, release.id);
  }
}

bool took_effect(const store::FileStore& store, const Build& deploy) {
  if (deploy.kind != Kind::deploy || deploy.release.empty()) return false;
  const std::optional<App> app = store.find_app(deploy.app);
  return app && app->deploy == deploy.id.str() && app->release == deploy.release;
}

}  // namespace cooper::build
