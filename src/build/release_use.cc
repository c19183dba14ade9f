#include "build/release_use.h"

#include <algorithm>
#include <optional>

namespace cooper::build {

std::set<std::string> builds_in_use(const store::FileStore& store, const AppName& app) {
  std::set<std::string> builds;
  const std::optional<App> facts = store.find_app(app);
  if (!facts) return builds;
  const std::vector<Release> releases = store.list_releases(app, 0).releases;
  if (!releases.empty()) builds.insert(releases[0].build);
  for (const Release& release : releases) {
    const std::string& id = release.id.str();
    if (id == facts->release || id == facts->previous) builds.insert(release.build);
  }
  return builds;
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
