#include "base/text.h"
#include "server/log_feed.h"
#include "server/log_hub.h"
#include "server/log_streams.h"
#include "server/loop.h"
#include "server/send_log.h"
#include "server/services.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <sys/inotify.h>
#include <utility>
#include <vector>

namespace cooper::server {

namespace {

/// How many of an app's builds are looked at: one runs at a time.
constexpr std::size_t kRecent = 20;
constexpr std::chrono::seconds kLookAgain{5};  // a safety net, for file systems without events
constexpr std::chrono::milliseconds kLookAgainUnwatched{500};  // there was no build yet

/// Puts "TIME KIND/ID " before each line.
class LinePrefix {
 public:
  explicit LinePrefix(const Build& build)
      : whose_(" " + std::string(to_string(build.kind)) + "/" + build.id.str() + " ") {}

  SharedText add(std::string_view text) {
    const std::string prefix =
        to_rfc3339({.at = std::chrono::floor<std::chrono::seconds>(now())}) + whose_;
    std::string result;
    while (!text.empty()) {
      if (at_begin_) result += prefix;
      const std::size_t end = text.find('\n');
      const std::size_t length = end == std::string_view::npos ? text.size() : end + 1;
      result += text.substr(0, length);
      at_begin_ = end != std::string_view::npos;
      text.remove_prefix(length);
    }
    return std::make_shared<const std::string>(std::move(result));
  }

 private:
  std::string whose_;
  bool at_begin_ = true;
};

struct Recent {
  Build build;
  std::uint64_t from = 0;  ///< where to begin in its log
};

/// Wakes whoever follows when a record of the app has changed.
class RecordsWatch : public FileWatcher {
 public:
  RecordsWatch(LogHub& hub, std::filesystem::path folder, Wake& wake)
      : hub_(hub), folder_(std::move(folder)), wake_(wake) {}
  ~RecordsWatch() override { hub_.unwatch(watch_, *this); }
  RecordsWatch(const RecordsWatch&) = delete;
  RecordsWatch& operator=(const RecordsWatch&) = delete;

  void on_event(int watch, std::string_view name) override {
    if (watch != watch_ || (!name.empty() && !name.ends_with(".json"))) return;
    is_lost_ = is_lost_ || name.empty();
    changed_ = true;
    wake_.notify();
  }
  /// What changes from now on ends wait().
  void begin() {
    changed_ = false;
    if (std::exchange(is_lost_, false)) {  // the folder may be another one, or none
      hub_.unwatch(watch_, *this);
      watch_ = -1;
    }
    if (watch_ < 0) watch_ = hub_.watch(folder_, IN_MOVED_TO, *this);
  }
  Task<void> wait() {
    if (!changed_) co_await wake_.wait(watch_ < 0 ? kLookAgainUnwatched : kLookAgain);
  }

 private:
  LogHub& hub_;
  const std::filesystem::path folder_;
  Wake& wake_;
  int watch_ = -1;
  bool changed_ = false;
  bool is_lost_ = false;
};

class AppLogsStream : public Stream {
 public:
  explicit AppLogsStream(AppLogs wanted) : wanted_(std::move(wanted)) {}

  Task<StreamEnd> run(Loop& loop, StreamWriter& writer, Wake& wake) override {
    Time since = now() - wanted_.since;
    bool is_first = true;
    RecordsWatch records(loop.logs, loop.services.layout.builds(wanted_.app), wake);
    while (!wake.ended()) {
      records.begin();
      rack::Rack& rack = loop.services.rack;
      const auto work = [this, &rack, since, is_first] { return recent(rack, since, is_first); };
      const std::vector<Recent> builds = co_await call(loop.services.quick, work);
      for (const Recent& one : builds) {
        co_await send(loop, writer, wake, one);
        if (wake.ended()) co_return StreamEnd::interrupted;
      }
      if (wanted_.follow == Follow::no) co_return StreamEnd::whole;
      is_first = false;
      co_await records.wait();
    }
    co_return StreamEnd::interrupted;
  }

 private:
  /// Those not sent yet that have begun and were still running at `since`, oldest first. On a
  /// worker, while run() waits: what it passes over for good is noted in `sent_`.
  std::vector<Recent> recent(rack::Rack& rack, Time since, bool is_first) {
    std::vector<Recent> found;
    // Those that wait for their turn come once they have it: to follow one would keep us from what
    // runs before it.
    const rack::BuildPage page = rack.find_builds(
        {.app = wanted_.app,
         .statuses = {DisplayStatus::running, DisplayStatus::succeeded, DisplayStatus::failed,
                      DisplayStatus::canceled, DisplayStatus::abandoned},
         .limit = kRecent});
    for (const rack::BuildView& view : page.builds) {
      const Build& build = view.build;
      const bool is_old = build.finished_at && build.finished_at->at < since;
      if (is_old || sent_.contains(build.id)) continue;
      const bool has_tail = is_first && wanted_.tail;
      const bool is_over = view.status != DisplayStatus::running;
      if (has_tail && is_over && (!found.empty() || never_began(build))) {
        sent_.insert(build.id);  // older lines than were asked for
        continue;
      }
      const std::uint64_t lines = found.empty() && wanted_.tail ? *wanted_.tail : 0;
      found.push_back({.build = build});
      if (has_tail) found.back().from = rack.log_tail(build.app, build.id, lines);
    }
    std::ranges::reverse(found);
    return found;
  }

  Task<void> send(Loop& loop, StreamWriter& writer, Wake& wake, const Recent& one) {
    sent_.insert(one.build.id);
    LogFeed::Follower log(loop.logs.open(one.build.app, one.build.id, BuildFile::log), wake);
    LinePrefix prefix(one.build);
    const MessageOf message_of = [this, &prefix](const LogPiece& piece) {
      if (wanted_.prefix == AppLogs::Prefix::no) return piece.message;
      return SharedMessage{prefix.add(*piece.message.text), nullptr};
    };
    co_await send_log(loop, writer, log, one.from, wanted_.follow, message_of);
  }

  AppLogs wanted_;
  std::set<BuildId> sent_;
};

}  // namespace

std::shared_ptr<Stream> app_logs_stream(AppLogs wanted) {
  return std::make_shared<AppLogsStream>(std::move(wanted));
}

}  // namespace cooper::server
