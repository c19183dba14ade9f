#include "build/system_disk.h"

#include "base/error.h"
#include "base/file.h"
#include "build/daemon_disk.h"
#include "build/plan.h"
#include "build/root_id.h"
#include "engine/disk.h"
#include "store/images_lock.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <system_error>
#include <utility>

namespace cooper::build {
namespace fs = std::filesystem;

namespace {

// Names

struct ImageOf {
  AppName app;
  BuildId build;
};

/// Of a name that cooper gives: localhost/<app>:<service>.<build id>.
std::optional<ImageOf> read_name(std::string_view name) {
  constexpr std::string_view kHost = "localhost/";
  if (!name.starts_with(kHost)) return std::nullopt;
  const std::string_view rest = name.substr(kHost.size());
  const auto colon = rest.find(':');
  const auto dot = rest.rfind('.');
  if (colon == std::string_view::npos || dot == std::string_view::npos || dot < colon) {
    return std::nullopt;
  }
  const auto app = AppName::parse(rest.substr(0, colon));
  const auto service = ServiceName::parse(rest.substr(colon + 1, dot - colon - 1));
  const auto build = BuildId::parse(rest.substr(dot + 1));
  if (!app || !service || !build || image_reference(*app, *service, *build) != name) {
    return std::nullopt;
  }
  return ImageOf{*app, *build};
}

std::string label_of(const engine::KeptImage& image, const char* key) {
  const auto label = image.labels.find(key);
  return label == image.labels.end() ? "" : label->second;
}

// Builds

std::vector<std::string> names_in(const store::FileStore& store, const fs::path& folder) {
  const Fd open = store.find_folder(folder);
  return open ? list_folder(open) : std::vector<std::string>();
}

/// Adds what records, or requests of builds that wait for their turn, are there of.
void add_ids(const store::FileStore& store, const fs::path& apps, std::set<std::string>& ids) {
  constexpr std::string_view kSuffix = ".json";
  for (const std::string& app : names_in(store, apps)) {
    if (!AppName::parse(app)) continue;
    for (const std::string& file : names_in(store, apps / app)) {
      if (file.ends_with(kSuffix)) ids.insert(file.substr(0, file.size() - kSuffix.size()));
    }
  }
}

/// Ids of all builds whose images may be needed; nullopt if there is no folder of
/// builds: then it can't be told that any is gone.
std::optional<std::set<std::string>> needed_builds(const store::FileStore& store) {
  const store::Layout& layout = store.layout();
  if (!store.find_folder(layout.builds())) return std::nullopt;
  std::set<std::string> ids;
  add_ids(store, layout.builds(), ids);
  add_ids(store, layout.sources(), ids);
  for (const std::string& name : names_in(store, layout.releases())) {
    const auto app = AppName::parse(name);
    if (!app) continue;
    const store::ReleaseList list = store.list_releases(*app, 0);
    if (!list.warnings.empty()) throw Error(Errc::corrupt, "no image goes: " + list.warnings[0]);
    for (const Release& release : list.releases) ids.insert(release.build);
  }
  return ids;
}

// Images that nobody needs

/// What may go of an image that bears the root's label: names of builds that are gone; the
/// image itself, by its id, if it has no name at all.
std::vector<std::string> removable(const engine::KeptImage& image,
                                   const std::set<std::string>& needed) {
  std::vector<std::string> found;
  for (const std::string& name : image.names) {
    const auto parts = read_name(name);
    const bool is_own = parts && parts->app.str() == label_of(image, "cooper.app");
    if (is_own && !needed.contains(parts->build.str())) found.push_back(name);
  }
  const std::string build = label_of(image, "cooper.build");
  if (image.names.empty() && BuildId::parse(build) && !needed.contains(build)) {
    found.push_back(image.id);
  }
  return found;
}

/// Those of one engine. It is asked before the records are listed: a record is there
/// before its build's images are.
struct Doomed {
  std::vector<std::string> images;
  engine::DiskUse use;
};

Doomed find_doomed(const store::FileStore& store, const engine::EngineDisk& disk) {
  const std::string root = find_root_id(store.layout()).text;
  Doomed doomed;
  doomed.use = disk.use([&](const engine::KeptImage& image) {
    return !root.empty() && label_of(image, "cooper.root") == root;
  });
  const auto needed = needed_builds(store);
  if (!needed) return doomed;
  for (const engine::KeptImage& image : doomed.use.images) {
    std::ranges::move(removable(image, *needed), std::back_inserter(doomed.images));
  }
  return doomed;
}

/// An engine, and the limit of its build cache; 0: none.
struct Disk {
  std::unique_ptr<engine::EngineDisk> disk;
  std::uint64_t cache_limit = 0;
};

/// `warnings` gets a line for each daemon that does not answer.
std::vector<Disk> find_disks(const store::FileStore& store, const Settings& settings,
                             std::vector<std::string>& warnings) {
  std::vector<Disk> disks;
  for (auto& disk : engine::find_engine_disks(store.layout().cache())) {
    disks.push_back({std::move(disk), settings.cache_limit});
  }
  const bool is_limited =
      store.find_property(nullptr, PropertyKey::parse("cache-limit").value()).has_value();
  for (const std::string& address : settings.engine.buildkit) {
    try {
      disks.push_back({std::make_unique<DaemonDisk>(address, settings.engine.buildkit_certs),
                       is_limited ? settings.cache_limit : 0});
    } catch (const Error& error) {  // boundary: the others can tell
      warnings.push_back(error.message());
    }
  }
  return disks;
}

/// One engine that fails does not keep the others from it.
template <class PruneOne>
std::vector<EnginePruned> for_each_engine(const store::FileStore& store, const Settings& settings,
                                          PruneOne&& prune_one) {
  std::vector<EnginePruned> all(1);  // the first: daemons that do not answer
  for (const Disk& each : find_disks(store, settings, all.front().warnings)) {
    EnginePruned pruned{.engine = each.disk->name()};
    try {
      prune_one(each, pruned);
    } catch (const Error& error) {  // boundary: see above
      pruned.warnings.push_back(each.disk->name() + ": " + error.message());
    }
    all.push_back(std::move(pruned));
  }
  return all;
}

// Folders

/// Adds the files of a folder that no symbolic link leads to, as far as they can be read.
void add_files(const fs::path& folder, DiskItem& item,
               const std::function<bool(const std::string&)>& counts) {
  std::error_code problem;
  fs::recursive_directory_iterator files(folder, fs::directory_options::skip_permission_denied,
                                         problem);
  std::set<std::pair<dev_t, ino_t>> linked;  // a source that several builds share counts once
  for (; !problem && files != fs::recursive_directory_iterator(); files.increment(problem)) {
    struct stat facts {};
    if (::lstat(files->path().c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    if (!counts(files->path().filename().string())) continue;
    ++item.count;
    if (facts.st_nlink > 1 && !linked.emplace(facts.st_dev, facts.st_ino).second) continue;
    item.bytes += static_cast<std::uint64_t>(facts.st_blocks) * 512;
  }
}

std::vector<DiskItem> folders_use(const store::Layout& layout) {
  const auto all = [](const std::string&) { return true; };
  const auto is_record = [](const std::string& name) {
    return name.ends_with(".json") || name.ends_with(store::kStatementSuffix);
  };
  const auto is_output = [](const std::string& name) {
    return name.ends_with(".steps.jsonl") || name.find(".log") != std::string::npos;
  };
  std::vector<DiskItem> items;
  const auto add = [&](const char* what, const fs::path& folder, const auto& counts) {
    DiskItem& item = items.emplace_back(DiskItem{layout.root().string(), what});
    add_files(folder, item, counts);
  };
  add("records and provenance", layout.builds(), is_record);
  add("logs and steps", layout.builds(), is_output);
  add("sources", layout.sources(), all);
  add("releases", layout.releases(), all);
  add("work", layout.work(), all);
  add("index and cache", layout.cache(), all);
  return items;
}

}  // namespace

std::vector<DiskItem> disk_use(const store::FileStore& store, const Settings& settings,
                               std::vector<std::string>& warnings) {
  std::vector<DiskItem> items = folders_use(store.layout());
  const std::string root = find_root_id(store.layout()).text;
  const std::set<std::string> builds = needed_builds(store).value_or(std::set<std::string>());
  const auto is_own = [&](const engine::KeptImage& image) {
    if (root.empty()) return false;
    const std::string label = label_of(image, "cooper.root");
    if (!label.empty()) return label == root;
    return std::ranges::any_of(image.names, [&](const std::string& name) {
      const auto parts = read_name(name);
      return parts && builds.contains(parts->build.str());
    });
  };
  for (const auto& [disk, limit] : find_disks(store, settings, warnings)) {
    try {
      const engine::DiskUse use = disk->use(is_own);
      if (disk->keeps_images()) {
        items.push_back({disk->name(), "images", use.images.size(), use.image_bytes});
      }
      if (use.cache_bytes) {
        items.push_back({disk->name(), "build cache (everybody's)", 0, *use.cache_bytes});
      }
    } catch (const Error& error) {  // boundary: the others can tell
      warnings.push_back(disk->name() + ": " + error.message());
    }
  }
  return items;
}

std::vector<EnginePruned> prune_engines(const store::FileStore& store, const Settings& settings) {
  return for_each_engine(store, settings, [&](const Disk& each, EnginePruned& pruned) {
    const engine::EngineDisk& disk = *each.disk;
    Doomed doomed = find_doomed(store, disk);
    if (!doomed.images.empty()) {
      store::remove_each(store.layout(), doomed.images, {}, [&](const std::string& image) {
        std::ranges::copy(disk.remove({image}), std::back_inserter(pruned.warnings));
      });
      pruned.images = std::move(doomed.images);
      const std::uint64_t left = disk.use([](const auto&) { return false; }).all_bytes;
      pruned.image_bytes = std::max(doomed.use.all_bytes, left) - left;
    }
    if (each.cache_limit != 0) pruned.cache_bytes = disk.cap_cache(each.cache_limit);
  });
}

std::vector<EnginePruned> would_prune_engines(const store::FileStore& store,
                                              const Settings& settings) {
  return for_each_engine(store, settings, [&](const Disk& each, EnginePruned& pruned) {
    const engine::EngineDisk& disk = *each.disk;
    Doomed doomed = find_doomed(store, disk);
    const std::set<std::string> going(doomed.images.begin(), doomed.images.end());
    const auto goes = [&](const engine::KeptImage& image) {
      return image.names.empty() ? going.contains(image.id)
                                 : std::ranges::all_of(image.names, [&](const std::string& name) {
                                     return going.contains(name);
                                   });
    };
    if (!doomed.images.empty()) pruned.image_bytes = disk.use(goes).image_bytes;
    pruned.images = std::move(doomed.images);
    const std::uint64_t cache = doomed.use.cache_bytes.value_or(0);
    const std::uint64_t limit = each.cache_limit;
    if (limit != 0) pruned.cache_bytes = std::max(cache, limit) - limit;
  });
}

}  // namespace cooper::build
