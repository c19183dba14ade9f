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
#include <fcntl.h>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>

namespace cooper::build {
namespace fs = std::filesystem;

bool process_lives(const Build& build) {
  // Our supervisors carry the id, and say the host; others' records have only the time.
  if (!build.host.empty()) {
    return process::has_argument(static_cast<pid_t>(build.pid), build.id.str());
  }
  return process::is_same_process(static_cast<pid_t>(build.pid), build.started_at.at,
                                  build.id.str());
}

namespace {

engine::BuildahEngine engine_for(const store::FileStore& store, const Build& build) {
  return engine::BuildahEngine({.build = build.id,
                                .work = store.layout().cache(),
                                .cgroup_parent = "/cooper/" + build.id.str(),
                                .cache = store.layout().cache(),
                                .since = build.started_at.at});
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

void remove_releases(store::FileStore& store, const Build& build,
                     const std::vector<Release>& releases) {
  for (const Release& release : releases) {
    if (release.build == build.id.str()) store.remove_release(build.app, release.id);
  }
}

void remove_build(store::FileStore& store, const Build& build,
                  const std::vector<Release>& releases) {
  // One that no engine took part in has none, also where no engine is there any more.
  if (!build.images.empty() || !build.engine.empty()) {
    engine::BuildahEngine engine = engine_for(store, build);
    remove_images(engine, build);
  }
  remove_releases(store, build, releases);
  store.remove_build(build.app, build.id);
}

/// Is somebody still busy with it? Whoever stores a source holds a lock on its
/// files until the build has a record (see rack/start_build.cc).
bool is_in_use(const fs::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  return fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0;
}

/// Old enough that no build that is just being started can own it.
bool is_old(const fs::path& path) {
  struct stat st {};
  const Time a_minute_ago = now() - std::chrono::minutes{1};
  return ::lstat(path.c_str(), &st) == 0 &&
         Time(std::chrono::seconds{st.st_mtim.tv_sec}) < a_minute_ago;
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
      if (leftover && is_old(folder / name) && !is_in_use(folder / name))
        remove_tree(folder / name);
    }
  }
}

}  // namespace

bool reap(store::FileStore& store, const Build& seen) {
  // What was seen may have been long ago.
  const std::optional<Build> build = store.find_build(seen.app, seen.id);
  if (!build || build->status != Status::running || process_lives(*build)) return false;
  constexpr const char* kReason =
      "abandoned: the build's process vanished (killed, or the host restarted)";
  std::string last_words;
  const auto attempt = [&](auto&& action) {
    try {
      action();
    } catch (const std::exception& error) {  // boundary: the record must not wait for the rest
      last_words += std::string("warning: ") + error.what() + "\n";
    }
  };
  if (const auto cgroup = process::Cgroup::find(build->id.str())) {
    if (!cgroup->kill_all()) last_words += "warning: some of its processes can't be killed\n";
    cgroup->remove();
  }
  const store::BuildFiles files = store.layout().build(build->app, build->id);
  attempt([&] { engine_for(store, *build).clean_up(); });
  attempt([&] {
    engine::BuildahEngine engine = engine_for(store, *build);
    remove_images(engine, *build);
  });
  attempt([&] { remove_tree(files.work); });
  remove_releases(store, *build, store.list_releases(build->app, 0).releases);
  last_words += std::string("ERROR: ") + kReason + "\n";
  if (fs::exists(files.log)) {
    attempt([&] {
      log::LogFile log = log::LogFile::open_existing(files.log, files.log_tails);
      log.finish();
      log.append(last_words);
      log.sync();
    });
  }
  return store
      .finalize_build(build->app, build->id,
                      {.status = Status::failed, .exit_code = -1, .reason = kReason}, now())
      .won;
}

namespace {

/// Finalizes what is abandoned; the app's records as they are after that.
std::vector<Build> reap_abandoned(store::FileStore& store, const AppName& app, Pruned& pruned) {
  std::vector<Build> builds = store.list_builds(app, 0).builds;
  for (Build& build : builds) {
    if (build.status != Status::running || process_lives(build)) continue;
    try {
      if (reap(store, build)) pruned.reaped.push_back(build.id);
      build = store.find_build(app, build.id).value_or(build);
    } catch (const Error& error) {  // boundary: one of many
      pruned.warnings.push_back("build " + build.id.str() + ": " + error.message());
    }
  }
  return builds;
}

/// What the app runs on or would be started from: the active release's build,
/// and the newest one that succeeded.
std::set<std::string> needed_builds(const store::FileStore& store, const AppName& app,
                                    const std::vector<Build>& builds,
                                    const std::vector<Release>& releases) {
  std::set<std::string> needed;
  const std::optional<App> facts = store.find_app(app);
  for (const Release& release : releases) {
    if (facts && release.id.str() == facts->release) needed.insert(release.build);
  }
  for (const Build* build : newest_first(builds, now())) {
    if (build->status != Status::succeeded) continue;
    needed.insert(build->id.str());
    break;
  }
  return needed;
}

}  // namespace

Pruned prune(store::FileStore& store, const AppName& app, const Settings& settings,
             const BuildId* just_ended) {
  Pruned pruned;
  const std::vector<Build> builds = reap_abandoned(store, app, pruned);
  const std::vector<Release> releases = store.list_releases(app, 0).releases;
  std::set<std::string> needed = needed_builds(store, app, builds, releases);
  if (just_ended) needed.insert(just_ended->str());
  for (const BuildId& id : beyond_retention(builds, settings.retention, needed, now())) {
    try {
      remove_build(store, *std::ranges::find(builds, id, &Build::id), releases);
      pruned.removed.push_back(id);
    } catch (const Error& error) {  // boundary: one that can't go must not keep the others
      pruned.warnings.push_back("build " + id.str() + " is kept: " + error.message());
    }
  }
  remove_crash_leftovers(store, app);
  return pruned;
}

void remove_builds(store::FileStore& store, const AppName& app) {
  Pruned reaped;
  const std::vector<Build> builds = reap_abandoned(store, app, reaped);
  if (!std::ranges::all_of(builds, is_terminal, &Build::status)) {
    throw Error(Errc::conflict, "app " + app.str() + " has a running build",
                "cancel it first: cooper builds cancel current -a " + app.str());
  }
  const std::vector<Release> releases = store.list_releases(app, 0).releases;
  for (const Build& build : builds) remove_build(store, build, releases);
}

}  // namespace cooper::build
