#include "build/apps_to_prune.h"

#include "base/file.h"
#include "build/settings.h"
#include "store/build_folder.h"

#include <algorithm>
#include <fcntl.h>
#include <map>
#include <string>

namespace cooper::build {
namespace fs = std::filesystem;

namespace {

bool is_any(const std::string& /*name*/) { return true; }
bool is_temporary(const std::string& name) { return store::is_temporary(name); }

/// A folder that has one for each app, or for some.
class AppFolders {
 public:
  AppFolders(const store::FileStore& store, const fs::path& path) : all_(store.find_folder(path)) {
    if (all_) names_ = list_folder(all_);
    std::ranges::sort(names_);
  }

  /// Is there such a name in the app's folder? In one that can't be opened there may be.
  bool has(const AppName& app, bool (*rule)(const std::string& name)) const {
    if (!std::ranges::binary_search(names_, app.str())) return false;
    const Fd folder(
        ::openat(all_.get(), app.str().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return !folder || std::ranges::any_of(list_folder(folder), rule);
  }

 private:
  Fd all_;
  std::vector<std::string> names_;
};

class Search {
 public:
  explicit Search(const store::FileStore& store)
      : store_(store),
        global_(read_settings(store, nullptr, warnings_)),
        apps_(store, store.layout().apps()),
        sources_(store, store.layout().sources()),
        releases_(store, store.layout().releases()),
        work_(store, store.layout().work()),
        properties_(store, store.layout().properties(nullptr).parent_path()) {
    for (store::AppBuilds& builds : store.count_builds().apps) {
      const AppName app = builds.app;
      builds_.emplace(app, std::move(builds));
    }
  }

  bool may_need_it(const AppName& app) const {
    // Each prune says what is wrong with the settings of all apps.
    return !warnings_.empty() || have_builds_to_go(app) || has_leftovers(app);
  }

 private:
  bool have_builds_to_go(const AppName& app) const {
    const auto found = builds_.find(app);
    // A folder that can't be read counts none, too.
    if (found == builds_.end()) return true;
    const store::AppBuilds& builds = found->second;
    if (builds.live != 0 || builds.unreadable != 0 || builds.finished == 0) return true;
    std::vector<std::string> warnings;
    const RetentionPolicy policy = properties_.has(app, is_any)
                                       ? read_settings(store_, app, warnings).retention
                                       : global_.retention;
    // Pinned and needed builds make that fewer, not more.
    return builds.finished > policy.count || policy.age.count() != 0 || policy.size != 0 ||
           !warnings.empty();
  }

  /// See build/leftovers.h, which looks more closely.
  bool has_leftovers(const AppName& app) const {
    const auto found = builds_.find(app);
    return (found != builds_.end() && found->second.leftovers != 0) || sources_.has(app, is_any) ||
           work_.has(app, is_any) || apps_.has(app, is_temporary) ||
           releases_.has(app, is_temporary) || properties_.has(app, is_temporary);
  }

  const store::FileStore& store_;
  std::vector<std::string> warnings_;  // of the settings of all apps
  Settings global_;
  AppFolders apps_, sources_, releases_, work_, properties_;
  std::map<AppName, store::AppBuilds> builds_;
};

}  // namespace

std::vector<AppName> apps_to_prune(const store::FileStore& store, std::vector<AppName> apps) {
  const Search search(store);
  std::erase_if(apps, [&](const AppName& app) { return !search.may_need_it(app); });
  return apps;
}

}  // namespace cooper::build
