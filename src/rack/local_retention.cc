// LocalRack: what of an app's history stays.

#include "build/apps_to_prune.h"
#include "build/prune.h"
#include "build/settings.h"
#include "rack/local_rack.h"

#include <utility>

namespace cooper::rack {

Pruned LocalRack::prune(const AppName& app) {
  require_app(app);
  std::vector<std::string> warnings;
  const build::Settings settings = build::read_settings(store_, app, warnings);
  Pruned pruned = build::prune(store_, app, settings);
  pruned.warnings.insert(pruned.warnings.begin(), warnings.begin(), warnings.end());
  return pruned;
}

std::vector<AppName> LocalRack::apps_to_prune(std::vector<AppName> apps) {
  return build::apps_to_prune(store_, std::move(apps));
}

Pruned LocalRack::would_prune(const AppName& app) {
  require_app(app);
  std::vector<std::string> warnings;
  const build::Settings settings = build::read_settings(store_, app, warnings);
  Pruned pruned = build::would_prune(store_, app, settings);
  pruned.warnings.insert(pruned.warnings.begin(), warnings.begin(), warnings.end());
  return pruned;
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
