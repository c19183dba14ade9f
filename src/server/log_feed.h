#pragma once
// One log, read once for all who follow it on a loop.

#include "base/fd.h"
#include "model/names.h"
#include "rack/rack.h"
#include "server/log_hub.h"
#include "server/stream.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::server {

/// Where it is, or will be. Error{not_found}.
std::filesystem::path path_of(rack::Rack& rack, const AppName& app, const BuildId& id,
                              BuildFile which);

/// Error{invalid} if the file is there, and has no byte `from`, nor ends there.
void require_offset(rack::Rack& rack, const AppName& app, const BuildId& id, BuildFile which,
                    std::uint64_t from);

/// A part of a log, and the same as text.
struct LogPiece {
  std::uint64_t from = 0;
  SharedText raw;  ///< null: there is no more, or who waited is to end
  /// `raw` as text, with U+FFFD for what is no UTF-8; no character is cut in two.
  SharedMessage message;
};

/// The files of a build that grow while it runs.
enum class BuildFile : std::uint8_t {
  log,
  steps,  ///< a line of JSON for each that has ended
};

/// Reads what is appended to one of them, once, into a few shared pieces; followers who are behind
/// those read the file themselves. Ends once the build's record is terminal and all is read. On one
/// thread.
class LogFeed : public FileWatcher, public std::enable_shared_from_this<LogFeed> {
 public:
  LogFeed(Loop& loop, LogHub& hub, AppName app, BuildId id, BuildFile which);
  ~LogFeed() override;
  LogFeed(const LogFeed&) = delete;
  LogFeed& operator=(const LogFeed&) = delete;

  /// Who follows the log, for as long as it does: without any the feed ends.
  class Follower {
   public:
    Follower(std::shared_ptr<LogFeed> feed, Wake& wake);
    ~Follower();
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;
    /// The piece that begins at `from`; waits until there is one, or so long: then it is empty.
    /// Throws Error{invalid} if `from` lies beyond the log's end, and what reading the log threw.
    Task<LogPiece> next(std::uint64_t from,
                        std::chrono::milliseconds most = std::chrono::hours(1'000));
    /// The same, and what others get after it, too. Empty: there is no more, or who waited is to
    /// end.
    Task<std::vector<LogPiece>> next_few(std::uint64_t from);
    /// All that is there now lies before `at`. Waits for the first look at the log.
    Task<bool> is_at_end(std::uint64_t at);
    /// The log has ended, and there never was a file of it.
    bool is_missing() const { return feed_->ended_ && !feed_->file_; }

   private:
    std::shared_ptr<LogFeed> feed_;
    Wake& wake_;
  };

  /// What inotify tells: `name` within the folder `watch`, or the log itself.
  void on_event(int watch, std::string_view name) override;
  /// The server ends.
  void end() { wake_.end(); }
  /// It reads no more: who comes now needs another one.
  bool is_over() const { return is_over_; }
  /// Runs as long as there are followers. Keeps the feed alive.
  static Task<void> pump(std::shared_ptr<LogFeed> feed);

 private:
  struct Look {
    bool live = false;
    std::filesystem::path log;
  };
  struct WeakPiece {
    std::weak_ptr<const std::string> raw;
    std::weak_ptr<const std::string> text;
  };
  Look look() const;  // on a worker
  Task<void> take_look();
  Task<bool> read_new();
  void watch();
  void reopen_if_removed();
  void append(std::string bytes);
  int tell_some();
  void notify_all();
  LogPiece shared_piece(std::uint64_t from);
  LogPiece find_read(std::uint64_t from) const;
  Task<LogPiece> own_piece(std::uint64_t from);

  Loop& loop_;
  LogHub& hub_;
  const AppName app_;
  const BuildId id_;
  const BuildFile which_;
  std::filesystem::path log_;
  std::shared_ptr<const Fd> file_;  ///< shared with workers that read it; null: none yet
  int folder_watch_ = -1;
  int file_watch_ = -1;
  Wake wake_;
  bool looked_ = false;
  bool ask_ = true;       ///< the record may have changed
  bool ended_ = false;    ///< the build has
  bool is_read_ = false;  ///< since then, to the end
  bool is_over_ = false;
  std::exception_ptr failure_;
  std::uint64_t head_ = 0;       ///< pieces end here
  std::deque<LogPiece> pieces_;  ///< contiguous, the newest last
  std::size_t piece_bytes_ = 0;  ///< of them all
  /// What those who are further behind have just read, by its begin, as long as one sends it.
  std::map<std::uint64_t, WeakPiece> read_;
  std::vector<Wake*> followers_;
  std::size_t next_told_ = 0;  ///< whose turn it is
  std::size_t untold_ = 0;     ///< from there on: who does not know yet what was read
};

}  // namespace cooper::server
