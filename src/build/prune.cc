#include "build/prune.h"

#include "base/error.h"
#include "base/file.h"
#include "build/app_containers.h"
#include "build/containment.h"
#include "build/engine_images.h"
#include "build/leftovers.h"
#include "build/release_use.h"
#include "build/start.h"
#include "log/log_file.h"
#include "model/retention.h"
#include "process/alive.h"
#include "process/cgroup.h"
#include "process/family.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace cooper::build {
namespace fs = std::filesystem;

// Our supervisors carry the id, and their records say the host; others' records have only the time.
bool is_supervised(const Build& build) { return !build.host.empty(); }

bool process_lives(const Build& build) {
  if (is_supervised(build)) {
    return process::runs_with(static_cast<pid_t>(build.pid), kSupervisorName, "--id",
                              build.id.str());
  }
  return process::is_same_process(static_cast<pid_t>(build.pid), build.started_at.at,
                                  build.id.str());
}

bool remove_with_images(store::FileStore& store, const Build& build,
                        const std::vector<Release>& releases) {
  const bool has_images = has_engine(store, build);
  const bool has_releases =
      std::ranges::find(releases, build.id.str(), &Release::build) != releases.end();
  const bool has_more = has_images || has_releases;
  // Decided before the first part goes: a pin in between would keep a record alone.
  if (has_more && !store.begin_removal(build.app, build.id)) return false;
  // Asked once more, now that a deploy that begins can see what goes (require_whole).
  if (const auto deploy = find_deploy_of(store, build.app, build.id)) {
    if (has_more) store.unpin_build(build.app, build.id);
    throw being_deployed(build.id, *deploy);
  }
  if (has_images) {
    if (const auto keeper = keeper_of(store, build)) remove_images(store.layout(), *keeper, build);
  }
  if (has_more) store.remove_releases_of(build.app, build.id, releases);
  return store.remove_unpinned_build(build.app, build.id);
}

namespace {

/// The deploy's supervisor vanished between its success and its record's end. What it left
/// running was meant to stay.
bool finish_deploy(store::FileStore& store, const Build& deploy) {
  const fs::path work = store.layout().build(deploy.app, deploy.id).work;
  if (store.find_folder(work.parent_path())) remove_tree(work);
  try {
    settle_containers(store, deploy.app);
  } catch (const Error&) {  // boundary: the next prune does it
  }
  return store
      .finalize_build(deploy.app, deploy.id, {.status = Status::succeeded, .exit_code = 0}, now())
      .won;
}

}  // namespace

void remove_staged(const store::FileStore& store, const AppName& app, const BuildId& id) {
  const fs::path work = store.layout().build(app, id).work;
  try {
    if (store.find_folder(work.parent_path())) remove_tree(work);
  } catch (const Error&) {  // boundary: it goes with the build
  }
}

bool reap(store::FileStore& store, const Build& seen) {
  const auto lock = store.lock_endings(seen.app);
  return lock && reap_locked(store, seen);
}

bool reap_locked(store::FileStore& store, const Build& seen) {
  // What was seen may have been long ago, and another may have ended it meanwhile.
  const std::optional<Build> build = store.find_build(seen.app, seen.id);
  if (!build || build->status != Status::running || process_lives(*build)) return false;
  if (took_effect(store, *build)) return finish_deploy(store, *build);
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
  // Another program's build may have ended well without telling, and left a server behind.
  if (is_supervised(*build)) {
    attempt([&] { process::Family(0, mark_of(build->id)).end({}, {}); });
  }
  const store::BuildFiles files = store.layout().build(build->app, build->id);
  if (has_engine(store, *build)) {
    attempt([&] {
      const auto keeper = keeper_of(store, *build);
      if (!keeper) return;
      attempt([&] { keeper->clean_up(); });
      attempt([&] { remove_images(store.layout(), *keeper, *build); });
      if (is_supervised(*build)) {
        attempt([&] { remove_pushed_names(store.layout(), *keeper, *build); });
      }
    });
  }
  attempt([&] {
    if (store.find_folder(files.work.parent_path())) remove_tree(files.work);
  });
  if (!build->release.empty()) attempt([&] { settle_containers(store, build->app); });
  store.remove_releases_of(build->app, build->id, store.list_releases(build->app, 0).releases);
  // A record and a log that another program wrote keep their shape.
  const std::string reason = build->host.empty() ? "" : kReason;
  if (!reason.empty()) last_words += "ERROR: " + reason + "\n";
  if (!last_words.empty() && fs::exists(files.log)) {
    attempt([&] {
      log::LogFile log = log::LogFile::open_existing(files.log, files.log_tails);
      log.finish();
      log.append(last_words);
      log.sync();
    });
  }
  return store
      .finalize_build(build->app, build->id,
                      {.status = Status::failed, .exit_code = -1, .reason = reason}, now())
      .won;
}

namespace {

bool is_abandoned(const Build& build) {
  return build.status == Status::running && !process_lives(build);
}

void remove_leftovers(const store::FileStore& store, std::vector<Leftover> leftovers,
                      Pruned& pruned) {
  for (Leftover& leftover : leftovers) {
    try {
      remove_leftover(store, leftover);
      pruned.leftovers.push_back(std::move(leftover));
    } catch (const Error& error) {  // boundary: one of many
      pruned.warnings.push_back(error.message());
    }
  }
}

/// Finalizes what is abandoned; the app's records as they are after that.
std::vector<Build> reap_abandoned(store::FileStore& store, const AppName& app, Pruned& pruned) {
  store::BuildList list = store.list_builds(app, 0);
  std::ranges::move(list.warnings, std::back_inserter(pruned.warnings));
  for (Build& build : list.builds) {
    if (!is_abandoned(build)) continue;
    try {
      if (reap(store, build)) pruned.reaped.push_back(build.id);
      build = store.find_build(app, build.id).value_or(build);
    } catch (const Error& error) {  // boundary: one of many
      pruned.warnings.push_back("build " + build.id.str() + ": " + error.message());
    }
  }
  return std::move(list.builds);
}

/// The records as reap_abandoned would make them.
std::vector<Build> as_if_reaped(const store::FileStore& store, const AppName& app, Pruned& pruned) {
  store::BuildList list = store.list_builds(app, 0);
  std::ranges::move(list.warnings, std::back_inserter(pruned.warnings));
  for (Build& build : list.builds) {
    if (!is_abandoned(build)) continue;
    finalize(build, {.status = Status::failed}, now());
    pruned.reaped.push_back(build.id);
  }
  return std::move(list.builds);
}

/// What the app runs on or would be started from: what releases need, the newest build
/// that succeeded, and the newest of all that did.
std::set<std::string> needed_builds(const store::FileStore& store, const AppName& app,
                                    const std::vector<Build>& builds) {
  std::set<std::string> needed = builds_in_use(store, app);
  // Dokku's apps do not run on what our records name, and its users know how many stay.
  if (store.layout().is_dokkus()) return needed;
  bool any = false;
  for (const Build* build : newest_first(builds, now())) {
    if (build->status != Status::succeeded) continue;
    if (!any || build->kind == Kind::build) needed.insert(build->id.str());
    any = true;
    if (build->kind == Kind::build) break;
  }
  return needed;
}

/// What is beyond the limits, with what its removal frees; nothing, with a warning, if it can't
/// be told what is needed.
std::vector<RemovedBuild> excess(const store::FileStore& store, const AppName& app,
                                 const std::vector<Build>& builds, const RetentionPolicy& policy,
                                 const BuildId* just_ended, Pruned& pruned) {
  std::vector<RetentionFacts> facts;
  for (const Build& build : builds) {
    facts.push_back(retention_facts(build));
    if (policy.size != 0) facts.back().bytes = store.build_bytes(app, build.id);
  }
  // The common case: nothing goes, whatever is needed.
  if (beyond_retention(facts, policy, now()).empty()) return {};
  std::set<std::string> needed;
  try {
    needed = needed_builds(store, app, builds);
  } catch (const Error& error) {  // boundary: crashes' leftovers go all the same
    if (error.code() != Errc::corrupt) throw;
    pruned.warnings.push_back(error.message());
    return {};
  }
  if (just_ended) needed.insert(just_ended->str());
  for (RetentionFacts& build : facts) build.needed = needed.contains(build.id.str());
  std::vector<RemovedBuild> result;
  for (const Removal& removal : beyond_retention(facts, policy, now())) {
    result.push_back({removal.id, removal.beyond, store.build_bytes(app, removal.id)});
  }
  return result;
}

/// None, with a warning, if it can't be told which are needed.
std::vector<ReleaseId> superseded(const store::FileStore& store, const AppName& app,
                                  const RetentionPolicy& policy, Pruned& pruned) {
  try {
    return superseded_releases(store, app, policy.count);
  } catch (const Error& error) {  // boundary: crashes' leftovers go all the same
    if (error.code() != Errc::corrupt) throw;
    pruned.warnings.push_back(error.message());
    return {};
  }
}

std::set<std::string> ids_of(const std::vector<Build>& builds) {
  std::set<std::string> ids;
  for (const Build& build : builds) ids.insert(build.id.str());
  return ids;
}

}  // namespace

Pruned prune(store::FileStore& store, const AppName& app, const Settings& settings,
             const BuildId* just_ended) {
  Pruned pruned;
  const std::vector<Build> builds = reap_abandoned(store, app, pruned);
  try {
    settle_containers(store, app);
  } catch (const Error& error) {  // boundary: an engine that does not answer keeps no build
    pruned.warnings.push_back("containers of app " + app.str() + ": " + error.message());
  }
  const auto too_many = excess(store, app, builds, settings.retention, just_ended, pruned);
  std::vector<Release> releases;
  if (!too_many.empty()) releases = store.list_releases(app, 0).releases;
  for (const RemovedBuild& build : too_many) {
    try {
      if (remove_with_images(store, *std::ranges::find(builds, build.id, &Build::id), releases))
        pruned.removed.push_back(build);
    } catch (const Error& error) {  // boundary: one that can't go must not keep the others
      pruned.warnings.push_back("build " + build.id.str() + " is kept: " + error.message());
    }
  }
  for (const ReleaseId& release : superseded(store, app, settings.retention, pruned)) {
    store.remove_release(app, release);
    pruned.releases.push_back(release);
  }
  remove_leftovers(store, find_leftovers(store, app, ids_of(builds)), pruned);
  return pruned;
}

Pruned prune_leftovers(store::FileStore& store, const AppName& app) {
  Pruned pruned;
  remove_leftovers(store, find_leftovers(store, app, {}), pruned);
  return pruned;
}

std::vector<std::string> reap_before_start(store::FileStore& store, const AppName& app) {
  std::vector<Build> running;
  // What can't be read must not keep the app from deploys.
  store.query_builds({.app = app, .statuses = {Status::running}}, [&](Build&& build) {
    running.push_back(std::move(build));
    return true;
  });
  std::vector<std::string> lines;
  for (const Build& build : running) {
    if (!is_supervised(build) || !is_abandoned(build)) continue;
    try {
      if (!reap(store, build)) continue;  // somebody else did
      lines.push_back("build " + build.id.str() + " was abandoned: what it left running was ended");
    } catch (const Error& error) {  // boundary: its leftovers must not keep the app from deploys
      lines.push_back("build " + build.id.str() +
                      " was abandoned, and can't be cleaned up: " + error.message());
    }
  }
  return lines;
}

Pruned would_prune(const store::FileStore& store, const AppName& app, const Settings& settings) {
  Pruned pruned;
  const std::vector<Build> builds = as_if_reaped(store, app, pruned);
  pruned.removed = excess(store, app, builds, settings.retention, nullptr, pruned);
  pruned.releases = superseded(store, app, settings.retention, pruned);
  pruned.leftovers = find_leftovers(store, app, ids_of(builds));
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
  for (const Build& build : builds) {
    if (build.pinned) store.unpin_build(app, build.id);
    remove_with_images(store, build, releases);
  }
}

}  // namespace cooper::build
