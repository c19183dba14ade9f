#include "store/recent_builds.h"

#include "base/error.h"
#include "base/time.h"

#include <chrono>
#include <utility>

namespace cooper::store {

namespace {

/// Much longer than a tick of any kernel's clock.
constexpr std::chrono::milliseconds kSettled{100};

Time time_of(const timespec& time) {
  return Time(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

RecentBuilds::Seen seen_of(int folder) {
  struct stat info {};
  if (::fstat(folder, &info) != 0) throw_errno("stat a folder of builds");
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .modified = info.st_mtim,
          .changed = info.st_ctim};
}

bool is_same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool is_same(const RecentBuilds::Seen& a, const RecentBuilds::Seen& b) {
  return a.device == b.device && a.inode == b.inode && is_same(a.modified, b.modified) &&
         is_same(a.changed, b.changed);
}

}  // namespace

std::optional<RecentBuilds::Seen> RecentBuilds::look(int folder) {
  const Seen seen = seen_of(folder);
  if (time_of(seen.changed) + kSettled > now()) return std::nullopt;
  return seen;
}

std::shared_ptr<const RecentBuilds::Kept> RecentBuilds::find(const AppName& app, int folder) {
  const Seen seen = seen_of(folder);
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(app);
  if (found == entries_.end() || !is_same(found->second.seen, seen)) return nullptr;
  uses_.splice(uses_.begin(), uses_, found->second.use);
  return found->second.kept;
}

void RecentBuilds::keep(const AppName& app, const Seen& seen, Kept kept) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(app);
  if (found != entries_.end()) {
    uses_.erase(found->second.use);
    entries_.erase(found);
  }
  uses_.push_front(app);
  entries_.emplace(app, Entry{.seen = seen,
                              .kept = std::make_shared<const Kept>(std::move(kept)),
                              .use = uses_.begin()});
  if (entries_.size() <= kApps) return;
  entries_.erase(uses_.back());
  uses_.pop_back();
}

}  // namespace cooper::store
