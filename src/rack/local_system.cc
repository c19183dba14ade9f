// LocalRack: what all apps keep on this host.

#include "build/settings.h"
#include "rack/local_rack.h"

namespace cooper::rack {

namespace {

/// What holds for an engine, whose cache is that of all apps.
build::Settings settings_of_all(const store::FileStore& store) {
  std::vector<std::string> warnings;  // of properties that `builds settings` shows
  return build::read_settings(store, nullptr, warnings);
}

}  // namespace

std::vector<build::DiskItem> LocalRack::disk_use(std::vector<std::string>& warnings) {
  return build::disk_use(store_, settings_of_all(store_), warnings);
}

std::vector<build::EnginePruned> LocalRack::prune_engines() {
  return build::prune_engines(store_, settings_of_all(store_));
}

std::vector<build::EnginePruned> LocalRack::would_prune_engines() {
  return build::would_prune_engines(store_, settings_of_all(store_));
}

}  // namespace cooper::rack
