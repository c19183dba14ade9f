#include "build/remove.h"

#include "base/error.h"
#include "build/leftovers.h"
#include "build/prune.h"
#include "build/release_use.h"

#include <optional>
#include <string>
#include <vector>

namespace cooper::build {
namespace fs = std::filesystem;

namespace {

Error no_such_build(const AppName& app, const BuildId& id) {
  return Error(Errc::not_found, "no build " + id.str() + " of app " + app.str(),
               "`cooper builds -a " + app.str() + "` lists them");
}

void require_removable(const store::FileStore& store, const Build& build,
                       const std::vector<Release>& releases) {
  const std::string what = "build " + build.id.str();
  const std::string of_app = " -a " + build.app.str();
  if (!is_terminal(build.status)) {
    const bool lives = build.status != Status::running || process_lives(build);
    throw Error(Errc::conflict, what + (lives ? " has not ended" : " is abandoned"),
                lives ? "cancel it first: cooper builds cancel " + build.id.str() + of_app
                      : "clean it up first: cooper builds prune" + of_app);
  }
  const std::optional<App> app = store.find_app(build.app);
  for (const Release& release : releases) {
    if (!app || release.id.str() != app->release || release.build != build.id.str()) continue;
    throw Error(Errc::conflict, what + " is what app " + build.app.str() + " runs on",
                "deploy another one first");
  }
  if (const auto deploy = find_deploy_of(store, build.app, build.id)) {
    throw being_deployed(build.id, *deploy);
  }
}

/// All that bears its id: what its record would say is not known. The record goes
/// last: until then it can be removed again.
void remove_unreadable(store::FileStore& store, const AppName& app, const BuildId& id,
                       const std::vector<Release>& releases) {
  const auto locked = store.lock_endings(app);
  store.remove_releases_of(app, id, releases);
  const store::BuildFiles files = store.layout().build(app, id);
  for (const fs::path& path :
       {files.work, files.source, files.request, files.statement, files.steps, files.log_tails[0],
        files.log_tails[1], files.log, files.record}) {
    const fs::path relative = path.lexically_relative(store.layout().root());
    remove_leftover(store, {.path = relative.string(), .bytes = 0});
  }
}

}  // namespace

void remove(store::FileStore& store, const AppName& app, const BuildId& id) {
  const std::vector<Release> releases = readable_releases(store, app);
  std::optional<Build> build;
  try {
    build = store.find_build(app, id);
  } catch (const Error& error) {  // adapter: to get rid of such a record is what this is for
    if (error.code() != Errc::corrupt) throw;
    remove_unreadable(store, app, id, releases);
    return;
  }
  if (!build) throw no_such_build(app, id);
  require_removable(store, *build, releases);
  if (!remove_with_images(store, *build, releases)) {
    throw Error(Errc::conflict, "build " + id.str() + " is pinned",
                "unpin it first: cooper builds unpin " + id.str() + " -a " + app.str());
  }
}

}  // namespace cooper::build
