// LocalRack: releases, and their deploys.

#include "base/error.h"
#include "base/text.h"
#include "build/deployer.h"
#include "build/release_use.h"
#include "build/settings.h"
#include "build/start.h"
#include "rack/local_rack.h"
#include "rack/naming.h"
#include "rack/starting.h"

#include <algorithm>
#include <optional>
#include <string>

namespace cooper::rack {

ReleasePage LocalRack::list_releases(const AppName& app, std::size_t limit) {
  require_app(app);
  store::ReleaseList list = store_.list_releases(app, limit);
  return {.releases = std::move(list.releases), .warnings = std::move(list.warnings)};
}

std::optional<Release> LocalRack::newest_release(const AppName& app) {
  require_app(app);
  return store_.newest_release(app);
}

Release LocalRack::get_release(const AppName& app, std::string_view text) {
  if (const auto id = ReleaseId::parse(text)) {
    if (auto release = store_.find_release(app, *id)) return *release;
  }
  const App facts = require_app(app);
  if (text == "active" || text == "previous") {
    const std::string& id = text == "active" ? facts.release : facts.previous;
    if (id.empty()) throw none_of(app, "no " + std::string(text) + " release", "release");
    if (auto release = store_.find_release(app, ReleaseId::parse(id).value())) return *release;
    throw none_of(app, "the " + std::string(text) + " release, " + id + ", is gone; none",
                  "release");
  }
  if (text == "last") {
    if (auto newest = store_.newest_release(app)) return *std::move(newest);
  }
  std::vector<Release> releases = store_.list_releases(app, 0).releases;
  std::vector<ReleaseId> ids;
  for (const Release& release : releases) ids.push_back(release.id);
  const ReleaseId id = the_one_that_fits(ids, app, text, "release");
  return *std::ranges::find(releases, id, &Release::id);
}

namespace {

/// "env add:A change:B remove:C", as Convox has it: names alone.
std::string changes_text(const Environment& before, const Environment& after) {
  std::string text = "env";
  for (const auto& [name, value] : after) {
    const auto old = before.find(name);
    if (old == before.end()) {
      text += " add:" + name;
    } else if (old->second != value) {
      text += " change:" + name;
    }
  }
  for (const auto& [name, value] : before) {
    if (!after.contains(name)) text += " remove:" + name;
  }
  return text == "env" ? "env as before" : shorten(text, 200);
}

/// Throws Error{invalid}.
void change_environment(Environment& environment, const NewRelease& wanted) {
  if (wanted.replace) environment.clear();
  for (const std::string& name : wanted.unset) environment.erase(name);
  for (const auto& [name, value] : wanted.set) {
    if (const auto wrong = wrong_variable(name, value)) throw Error(*wrong);
    environment[name] = value;
  }
  std::size_t bytes = 0;
  for (const auto& [name, value] : environment) bytes += name.size() + value.size();
  if (bytes > kMaxEnvironmentBytes) {
    throw Error(Errc::invalid,
                "the environment would be larger than " + human_bytes(kMaxEnvironmentBytes),
                "keep large values in files");
  }
}

/// Nothing else prunes an app that is not built while its environment changes.
void trim_releases(store::FileStore& store, const AppName& app) {
  std::vector<std::string> warnings;  // of properties; the next build's log has them
  const std::size_t count = build::read_settings(store, app, warnings).retention.count;
  try {
    for (const ReleaseId& id : build::superseded_releases(store, app, count)) {
      store.remove_release(app, id);
    }
  } catch (const Error&) {  // boundary: the release is made; a prune says what is wrong
  }
}

}  // namespace

Release LocalRack::create_release(const NewRelease& wanted) {
  if (layout_.is_dokkus()) {
    throw Error(Errc::invalid, "Dokku keeps the environments of its apps",
                "dokku config:set " + wanted.app.str() + " NAME=VALUE");
  }
  require_app(wanted.app);
  const auto named = [&](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(get_release(wanted.app, text));
  };
  const std::optional<Release> build_from = named(wanted.build_from);
  const std::optional<Release> environment_from = named(wanted.environment_from);
  Release made = store_.derive_release(wanted.app, [&](Release& release) {
    const Environment before = release.environment;
    if (build_from) {
      release.build = build_from->build;
      release.manifest = build_from->manifest;
      release.images = build_from->images;
      release.description = build_from->description;
      // Found before the lock was held: it may have been removed since.
      if (!release.build.empty()) build::require_build(store_, release);
    }
    if (environment_from) release.environment = environment_from->environment;
    change_environment(release.environment, wanted);
    const bool has_changes = wanted.replace || !wanted.set.empty() || !wanted.unset.empty();
    const std::string changes = has_changes ? changes_text(before, release.environment) : "";
    if (!changes.empty()) release.description = changes;
    if (!wanted.description.empty()) release.description = wanted.description;
  });
  trim_releases(store_, wanted.app);
  return made;
}

namespace {

void require_deployable(const Release& release) {
  if (!release.build.empty()) return;
  throw Error(Errc::invalid,
              "release " + release.id.str() + " has an environment alone, and no build",
              "build the app first: cooper build -a " + release.app.str());
}

/// The list of builds has it beside those that made images.
std::string description_of(const StartDeploy& start, const Release& release) {
  if (!start.description.empty()) return start.description;
  if (start.release.empty()) return release.description;
  return start.source + (release.description.empty() ? "" : ": ") + release.description;
}

bool is_newest(const store::FileStore& store, const Release& release) {
  const std::optional<Release> newest = store.newest_release(release.app);
  return newest && newest->id == release.id;
}

}  // namespace

Build LocalRack::start_deploy(const StartDeploy& start, StartProgress& progress,
                              std::stop_token stop) {
  if (layout_.is_dokkus()) {
    throw Error(Errc::invalid, "Dokku deploys its apps", "dokku ps:rebuild " + start.app.str());
  }
  require_app(start.app);
  // What can't be deployed is said before any wait.
  std::optional<Release> release;
  if (!start.release.empty() || !start.create) {
    release = get_release(start.app, start.release);
    require_deployable(*release);
  }
  std::vector<std::string> warnings;  // of properties: the deploy's log has them
  const build::Settings settings = build::read_settings(store_, start.app, warnings);
  build::require_deployer(settings, layout_, start.app);
  if (release && !start.create) build::require_runnable(settings, *release);
  const BuildId id = new_build_id();
  StoredSource stored(layout_, layout_.build(start.app, id));
  StartLock lock = wait_for_lock(store_, start.app, start.if_locked, progress, stop);
  if (start.create && !(release && is_newest(store_, *release))) {
    release = create_release(*start.create);
    require_deployable(*release);
  }
  if (start.create) build::require_runnable(settings, *release);
  stored.add_request({.source = start.source,
                      .description = description_of(start, *release),
                      .release = release->id.str()});
  build::start_supervisor(layout_, start.app, id, lock.lock());
  lock.handed_on();
  stored.keep();
  return require_build(start.app, id);
}

}  // namespace cooper::rack
