#pragma once
// What becomes of builds' records, seen once for all who watch on a loop.

#include "model/names.h"
#include "rack/rack.h"
#include "server/log_hub.h"
#include "server/stream.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::server {

/// A record as it was found after a change.
struct RecordChange {
  AppName app;
  BuildId id;
  Time at;                                   ///< when it was seen: not before it was written
  std::optional<rack::BuildView> view = {};  ///< absent: it was removed
  std::uint64_t number = 0;                  ///< 1, 2, ... of this feed
};

using RecordChanges = std::vector<std::shared_ptr<const RecordChange>>;

/// Watches the folders of all apps' records with inotify as long as somebody wants to know, and
/// reads each record that changes. Of several changes at once the last is seen. On one thread.
class RecordFeed : public FileWatcher, public std::enable_shared_from_this<RecordFeed> {
 public:
  RecordFeed(Loop& loop, LogHub& hub);
  ~RecordFeed() override;
  RecordFeed(const RecordFeed&) = delete;
  RecordFeed& operator=(const RecordFeed&) = delete;

  /// Who watches, for as long as it does: without any the feed ends.
  class Follower {
   public:
    Follower(std::shared_ptr<RecordFeed> feed, Wake& wake);
    ~Follower();
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;
    /// From then on changes are seen: what is there before is to be asked otherwise.
    Task<void> begun();
    /// The changes since the last call; waits for one, or so long: then there are none. nullopt:
    /// some were missed, since this follower was too slow, or who waited is to end.
    Task<std::optional<RecordChanges>> next(std::chrono::milliseconds most);

   private:
    std::shared_ptr<RecordFeed> feed_;
    Wake& wake_;
    std::uint64_t seen_ = 0;
  };

  void on_event(int watch, std::string_view name) override;
  void end() { wake_.end(); }
  bool is_over() const { return is_over_; }
  /// Runs as long as there are followers. Keeps the feed alive.
  static Task<void> pump(std::shared_ptr<RecordFeed> feed);

 private:
  using Key = std::pair<AppName, BuildId>;
  Task<void> watch_folders();
  Task<void> read_changed();
  void notify_all();

  Loop& loop_;
  LogHub& hub_;
  Wake wake_;
  bool is_over_ = false;
  bool begun_ = false;
  bool ask_folders_ = true;  ///< apps may have come or gone
  int apps_watch_ = -1;
  std::map<int, AppName> folders_;  ///< by watch
  std::set<Key> changed_;           ///< to be read
  std::uint64_t last_ = 0;
  std::deque<std::shared_ptr<const RecordChange>> changes_;  ///< the newest, contiguous
  std::vector<Wake*> followers_;
};

}  // namespace cooper::server
