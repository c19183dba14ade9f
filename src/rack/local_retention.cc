// LocalRack: what of an app's history stays.

#include "base/error.h"
#include "base/file.h"
#include "build/apps_to_prune.h"
#include "build/leftovers.h"
#include "build/prune.h"
#include "build/queue_resume.h"
#include "build/remove.h"
#include "build/settings.h"
#include "rack/local_rack.h"

#include <set>
#include <utility>

namespace cooper::rack {

namespace {

/// Apps that are none, but have a folder where those of apps are.
std::vector<AppName> folders_without_app(const store::FileStore& store) {
  const store::Layout& layout = store.layout();
  std::set<AppName> found;
  for (const std::filesystem::path& folder :
       {layout.builds(), layout.sources(), layout.work(), layout.releases()}) {
    const Fd open = store.find_folder(folder);
    if (!open) continue;
    for (const std::string& name : list_folder(open)) {
      if (auto app = AppName::parse(name)) found.insert(std::move(*app));
    }
  }
  for (const AppName& app : store.app_names()) found.erase(app);
  return {found.begin(), found.end()};
}

/// It is no app, but what crashes left of one may be there.
bool has_folders_alone(const store::FileStore& store, const AppName& app) {
  if (store.find_app(app)) return false;
  const store::Layout& layout = store.layout();
  return store.find_folder(layout.builds(app)) || store.find_folder(layout.sources(app)) ||
         store.find_folder(layout.work(app)) || store.find_folder(layout.releases(app));
}

/// What goes on in the queue is no matter of the prune.
void resume_builds(store::FileStore& store, const AppName& app, std::vector<std::string>& lines) {
  try {
    build::restore_places(store, app);
    for (std::string& line : build::resume_queue(store)) lines.push_back(std::move(line));
  } catch (const Error& error) {  // boundary: see above
    lines.emplace_back(error.what());
  }
}

}  // namespace

Pruned LocalRack::prune(const AppName& app) {
  if (has_folders_alone(store_, app)) return build::prune_leftovers(store_, app);
  require_app(app);
  std::vector<std::string> warnings;
  const build::Settings settings = build::read_settings(store_, app, warnings);
  resume_builds(store_, app, warnings);
  Pruned pruned = build::prune(store_, app, settings);
  pruned.warnings.insert(pruned.warnings.begin(), warnings.begin(), warnings.end());
  return pruned;
}

std::vector<AppName> LocalRack::apps_to_prune(std::vector<AppName> apps) {
  apps = build::apps_to_prune(store_, std::move(apps));
  for (AppName& app : folders_without_app(store_)) {
    if (!build::find_leftovers(store_, app, {}).empty()) apps.push_back(std::move(app));
  }
  return apps;
}

Pruned LocalRack::would_prune(const AppName& app) {
  if (has_folders_alone(store_, app)) {
    return {.leftovers = build::find_leftovers(store_, app, {})};
  }
  require_app(app);
  std::vector<std::string> warnings;
  const build::Settings settings = build::read_settings(store_, app, warnings);
  Pruned pruned = build::would_prune(store_, app, settings);
  pruned.warnings.insert(pruned.warnings.begin(), warnings.begin(), warnings.end());
  return pruned;
}

void LocalRack::remove_build(const AppName& app, const BuildId& id) {
  require_app(app);
  build::remove(store_, app, id);
}

Build LocalRack::pin_build(const AppName& app, const BuildId& id) {
  require_build(app, id);
  return store_.pin_build(app, id);
}

Build LocalRack::unpin_build(const AppName& app, const BuildId& id) {
  require_build(app, id);
  return store_.unpin_build(app, id);
}

}  // namespace cooper::rack
