#include "build/prune.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "build/plan.h"
#include "engine/buildah.h"
#include "log/log_file.h"
#include "model/retention.h"
#include "process/alive.h"
#include "process/cgroup.h"

#include <algorithm>
#include <csignal>
#include <set>
#include <sys/stat.h>

namespace cooper::build {
namespace fs = std::filesystem;

bool process_lives(const Build& build) {
  return process::is_same_process(static_cast<pid_t>(build.pid), build.started_at.at,
                                  build.id.str());
}

namespace {

engine::BuildahEngine engine_for(const store::FileStore& store, const BuildId& id) {
  return engine::BuildahEngine({.build = id,
                                .work = store.layout().cache(),
                                .cgroup_parent = "/cooper/" + id.str(),
                                .cache = store.layout().cache()});
}

/// Removes what is named as this build's images. What its record calls them is
/// not asked: it may be unfinished, or somebody else's writing.
void remove_images(engine::Engine& engine, const Build& build) {
  const std::string prefix = "localhost/" + build.app.str() + ":";
  std::vector<std::string> images;
  for (const std::string& name : engine.find_images(prefix)) {
    const std::string_view tag = std::string_view(name).substr(prefix.size());
    const auto service = ServiceName::parse(tag.substr(0, tag.find('.')));
    if (service && name == image_reference(build.app, *service, build.id)) images.push_back(name);
  }
  engine.remove_images(images);
}

void remove_build(store::FileStore& store, const Build& build,
                  const std::vector<Release>& releases) {
  // One that no engine took part in has none, also where no engine is there any more.
  if (!build.images.empty() || !build.engine.empty()) {
    engine::BuildahEngine engine = engine_for(store, build.id);
    remove_images(engine, build);
  }
  for (const Release& release : releases) {
    if (release.build == build.id.str()) store.remove_release(build.app, release.id);
  }
  store.remove_build(build.app, build.id);
}

/// Old enough that no build that is being started can own it.
bool is_old(const fs::path& path) {
  struct stat st {};
  const Time an_hour_ago = now() - std::chrono::hours{1};
  return ::lstat(path.c_str(), &st) == 0 &&
         Time(std::chrono::seconds{st.st_mtim.tv_sec}) < an_hour_ago;
}

/// Temporary files, and sources and scratch folders that no record owns.
void remove_crash_leftovers(const store::FileStore& store, const AppName& app) {
  const store::Layout& layout = store.layout();
  const std::vector<BuildId> known = store.build_ids(app);
  const auto has_record = [&](std::string_view name) {
    const auto id = BuildId::parse(name.substr(0, name.find('.')));
    return id && std::ranges::binary_search(known, *id);
  };
  for (const fs::path& folder : {layout.builds(app), layout.releases(app), layout.sources(app),
                                 layout.work(app), layout.app(app)}) {
    const bool owned_by_records = folder == layout.sources(app) || folder == layout.work(app);
    for (const std::string& name : list_folder(folder)) {
      const bool leftover =
          name.starts_with(kTemporaryPrefix) || (owned_by_records && !has_record(name));
      if (leftover && is_old(folder / name)) remove_tree(folder / name);
    }
  }
}

}  // namespace

bool reap(store::FileStore& store, const Build& build) {
  constexpr const char* kReason =
      "abandoned: the build's process vanished (killed, or the host restarted)";
  if (const auto cgroup = process::Cgroup::find(build.id.str())) {
    cgroup->kill_all();
    cgroup->remove();
  }
  const store::BuildFiles files = store.layout().build(build.app, build.id);
  std::string last_words = std::string("ERROR: ") + kReason + "\n";
  try {
    engine::BuildahEngine engine = engine_for(store, build.id);
    engine.clean_up();
    remove_images(engine, build);
  } catch (const Error& error) {  // boundary: the record must not wait for an engine
    last_words = "warning: " + error.message() + "\n" + last_words;
  }
  remove_tree(files.work);
  const bool won =
      store
          .finalize_build(build.app, build.id,
                          {.status = Status::failed, .exit_code = -1, .reason = kReason}, now())
          .won;
  if (won && fs::exists(files.log)) {
    log::LogFile::open_existing(files.log).append(last_words);
  }
  return won;
}

namespace {

/// Finalizes what is abandoned; `builds` are the app's records as they are after that.
struct Reaped {
  std::vector<BuildId> reaped;
  std::vector<Build> builds;
};

Reaped reap_abandoned(store::FileStore& store, const AppName& app) {
  Reaped result{.reaped = {}, .builds = store.list_builds(app, 0).builds};
  for (Build& build : result.builds) {
    if (build.status != Status::running || process_lives(build)) continue;
    if (reap(store, build)) result.reaped.push_back(build.id);
    build = store.find_build(app, build.id).value_or(build);
  }
  return result;
}

/// What the app runs on or would be started from: the active release's build,
/// and the newest one that succeeded.
std::set<std::string> needed_builds(const store::FileStore& store, const AppName& app,
                                    const std::vector<Build>& newest_first,
                                    const std::vector<Release>& releases) {
  std::set<std::string> needed;
  const std::optional<App> facts = store.find_app(app);
  for (const Release& release : releases) {
    if (facts && release.id.str() == facts->release) needed.insert(release.build);
  }
  const auto newest = std::ranges::find(newest_first, Status::succeeded, &Build::status);
  if (newest != newest_first.end()) needed.insert(newest->id.str());
  return needed;
}

}  // namespace

Pruned prune(store::FileStore& store, const AppName& app, const Settings& settings) {
  Reaped now = reap_abandoned(store, app);
  Pruned pruned{.reaped = std::move(now.reaped)};
  const std::vector<Release> releases = store.list_releases(app, 0).releases;
  const std::set<std::string> needed = needed_builds(store, app, now.builds, releases);
  for (const BuildId& id : beyond_retention(now.builds, settings.retention, needed)) {
    try {
      remove_build(store, *std::ranges::find(now.builds, id, &Build::id), releases);
      pruned.removed.push_back(id);
    } catch (const Error& error) {  // boundary: one that can't go must not keep the others
      pruned.warnings.push_back("build " + id.str() + " is kept: " + error.message());
    }
  }
  remove_crash_leftovers(store, app);
  return pruned;
}

void remove_builds(store::FileStore& store, const AppName& app) {
  const Reaped now = reap_abandoned(store, app);
  if (!std::ranges::all_of(now.builds, is_terminal, &Build::status)) {
    throw Error(Errc::conflict, "app " + app.str() + " has a running build",
                "cancel it first: cooper builds cancel current -a " + app.str());
  }
  const std::vector<Release> releases = store.list_releases(app, 0).releases;
  for (const Build& build : now.builds) remove_build(store, build, releases);
}

}  // namespace cooper::build
