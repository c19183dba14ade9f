#pragma once
// The newest records of apps that are asked for again and again, in memory.

#include "model/build.h"

#include <cstdint>
#include <ctime>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sys/stat.h>
#include <vector>

namespace cooper::store {

/// Records are written under another name and renamed, so a folder whose times are what they were
/// has the records that it had; but times are only as fine as the kernel's clock, so one that has
/// changed a moment ago tells nothing. For any thread.
class RecentBuilds {
 public:
  /// So many of each of so many apps: a few megabytes.
  static constexpr std::size_t kBuilds = 32;
  static constexpr std::size_t kApps = 128;

  struct Kept {
    std::vector<Build> builds;  ///< newest first, at most kBuilds
    bool all = false;           ///< the app has no more
  };

  /// What was kept of the app, if its open folder is as it was then.
  std::shared_ptr<const Kept> find(const AppName& app, int folder);

  /// What a folder looked like.
  struct Seen {
    dev_t device = 0;
    ino_t inode = 0;
    timespec modified{};
    timespec changed{};
  };
  /// To be asked before the records are read; nullopt if the folder has changed only just now.
  static std::optional<Seen> look(int folder);
  /// In place of what was kept before, and of the app that was asked for least recently.
  void keep(const AppName& app, const Seen& seen, Kept kept);

 private:
  struct Entry {
    Seen seen;
    std::shared_ptr<const Kept> kept;
    std::list<AppName>::iterator use;
  };
  std::mutex mutex_;
  std::map<AppName, Entry> entries_;
  std::list<AppName> uses_;  ///< the latest first
};

}  // namespace cooper::store
