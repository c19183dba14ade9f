#include "server/record_feed.h"

#include "base/error.h"
#include "server/loop.h"
#include "server/services.h"
#include "server/spawn.h"

#include <algorithm>
#include <sys/inotify.h>

namespace cooper::server {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kKept = 1024;
/// Records are written in bursts: those of one moment are read at once.
constexpr auto kBurst = 20ms;
constexpr auto kLookAgain = 60s;  // a safety net for apps whose folder could not be watched
constexpr auto kLookAgainUnwatched = 500ms;  // there is no build yet, or nothing else tells us

constexpr std::string_view kRecord = ".json";

/// The id in the name of a record.
std::optional<BuildId> id_in(std::string_view name) {
  if (!name.ends_with(kRecord) || name.starts_with('.')) return std::nullopt;
  name.remove_suffix(kRecord.size());
  const Result<BuildId> id = BuildId::parse(name);
  return id ? std::optional(*id) : std::nullopt;
}

/// As they are now.
std::vector<RecordChange> read_records(rack::Rack& rack,
                                       const std::set<std::pair<AppName, BuildId>>& keys) {
  std::vector<RecordChange> found;
  for (const auto& [app, id] : keys) {
    RecordChange change{.app = app, .id = id, .at = now()};
    try {
      change.view = rack.get_build(app, id);
    } catch (const Error& error) {  // adapter: removed since; what can't be read is told by lists
      if (error.code() != Errc::not_found) continue;
    }
    found.push_back(std::move(change));
  }
  return found;
}

}  // namespace

RecordFeed::RecordFeed(Loop& loop, LogHub& hub)
    : loop_(loop), hub_(hub), wake_(loop.context.get_executor()) {}

RecordFeed::~RecordFeed() {
  hub_.unwatch(apps_watch_, *this);
  for (const auto& [watch, app] : folders_) hub_.unwatch(watch, *this);
}

void RecordFeed::on_event(int watch, std::string_view name) {
  const auto folder = folders_.find(watch);
  if (folder == folders_.end() || name.empty()) {
    ask_folders_ = true;
  } else if (const auto id = id_in(name)) {
    changed_.emplace(folder->second, *id);
  } else {
    return;
  }
  wake_.notify();
}

/// Watches the folders of apps that have come, and no longer those of apps that have gone.
Task<void> RecordFeed::watch_folders() {
  ask_folders_ = false;
  const std::filesystem::path records = loop_.services.layout.builds();
  if (apps_watch_ < 0) {
    apps_watch_ = hub_.watch(records, IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE, *this);
  }
  rack::Rack& rack = loop_.services.rack;
  const auto list = [&rack] { return rack.app_names(); };
  const std::vector<AppName> apps = co_await call(loop_.services.quick, list);
  std::set<AppName> watched;
  std::erase_if(folders_, [&](const auto& folder) {
    const bool stays = std::ranges::binary_search(apps, folder.second);
    if (stays) watched.insert(folder.second);
    if (!stays) hub_.unwatch(folder.first, *this);
    return !stays;
  });
  std::vector<AppName> fresh;
  for (const AppName& app : apps) {
    if (watched.contains(app)) continue;
    const int watch = hub_.watch(records / app.str(), IN_MOVED_TO | IN_DELETE, *this);
    if (watch < 0) continue;
    folders_.insert_or_assign(watch, app);
    fresh.push_back(app);
  }
  if (!begun_ || fresh.empty()) co_return;
  // What a new app's folder has got before it was watched.
  const auto look = [&rack, fresh] {
    std::set<Key> found;
    for (const AppName& app : fresh) {
      for (const rack::BuildView& view : rack.find_builds({.app = app, .limit = kKept}).builds) {
        found.emplace(app, view.build.id);
      }
    }
    return found;
  };
  changed_.merge(co_await call(loop_.services.quick, look));
}

Task<void> RecordFeed::read_changed() {
  if (changed_.empty()) co_return;
  std::set<Key> keys;
  keys.swap(changed_);
  rack::Rack& rack = loop_.services.rack;
  const auto read = [&rack, keys = std::move(keys)] { return read_records(rack, keys); };
  std::vector<RecordChange> found = co_await call(loop_.services.quick, read);
  for (RecordChange& change : found) {
    change.number = ++last_;
    changes_.push_back(std::make_shared<const RecordChange>(std::move(change)));
  }
  while (changes_.size() > kKept) changes_.pop_front();
}

void RecordFeed::notify_all() {
  for (Wake* follower : followers_) follower->notify();
}

Task<void> RecordFeed::pump(std::shared_ptr<RecordFeed> feed) {
  RecordFeed& self = *feed;
  Wake rest(self.loop_.context.get_executor());
  try {
    do {
      if (self.ask_folders_) co_await self.watch_folders();
      self.begun_ = true;
      co_await self.read_changed();
      self.notify_all();
      if (self.wake_.ended()) break;
      const bool news =
          co_await self.wake_.wait(self.apps_watch_ < 0 ? kLookAgainUnwatched : kLookAgain);
      if (!news) self.ask_folders_ = true;
      if (news) co_await rest.wait(kBurst);
    } while (!self.followers_.empty() && !self.wake_.ended());
  } catch (const std::exception& error) {  // boundary: those who watch come again
    log_error(std::string("watching records: ") + error.what());
  }
  self.is_over_ = true;
  self.notify_all();
}

RecordFeed::Follower::Follower(std::shared_ptr<RecordFeed> feed, Wake& wake)
    : feed_(std::move(feed)), wake_(wake), seen_(feed_->last_) {
  feed_->followers_.push_back(&wake_);
}

RecordFeed::Follower::~Follower() {
  std::erase(feed_->followers_, &wake_);
  if (feed_->followers_.empty()) feed_->wake_.notify();
}

Task<void> RecordFeed::Follower::begun() {
  while (!feed_->begun_ && !feed_->is_over_ && !wake_.ended()) co_await wake_.wait(kLookAgain);
}

Task<std::optional<RecordChanges>> RecordFeed::Follower::next(std::chrono::milliseconds most) {
  RecordFeed& feed = *feed_;
  const auto deadline = std::chrono::steady_clock::now() + most;
  while (!wake_.ended() && !feed.is_over_) {
    RecordChanges found;
    if (seen_ < feed.last_) {
      const std::uint64_t missed = feed.changes_.front()->number - 1;
      if (seen_ < missed) break;
      found.assign(feed.changes_.begin() + static_cast<std::ptrdiff_t>(seen_ - missed),
                   feed.changes_.end());
      seen_ = feed.last_;
    }
    const auto left = deadline - std::chrono::steady_clock::now();
    if (!found.empty() || left <= 0ms) co_return found;
    co_await wake_.wait(std::chrono::ceil<std::chrono::milliseconds>(left));
  }
  co_return std::nullopt;
}

}  // namespace cooper::server
