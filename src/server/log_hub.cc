#include "server/log_hub.h"

#include "base/fd.h"
#include "server/log_feed.h"
#include "server/loop.h"
#include "server/record_feed.h"
#include "server/spawn.h"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <sys/inotify.h>
#include <unistd.h>

namespace cooper::server {
namespace asio = boost::asio;

namespace {

void tell(const std::vector<FileWatcher*>& watchers, int watch, std::string_view name) {
  for (FileWatcher* watcher : watchers) watcher->on_event(watch, name);
}

}  // namespace

std::shared_ptr<LogFeed> LogHub::open(const AppName& app, const BuildId& id, BuildFile which) {
  std::erase_if(feeds_, [](const auto& entry) { return entry.second.expired(); });
  const std::string key = app.str() + "/" + id.str() + (which == BuildFile::steps ? ".steps" : "");
  if (auto feed = feeds_[key].lock(); feed && !feed->is_over()) return feed;
  auto feed = std::make_shared<LogFeed>(loop_, *this, app, id, which);
  feeds_[key] = feed;
  spawn(loop_, LogFeed::pump(feed), "following a log");
  return feed;
}

std::shared_ptr<RecordFeed> LogHub::open_records() {
  if (auto feed = records_.lock(); feed && !feed->is_over()) return feed;
  auto feed = std::make_shared<RecordFeed>(loop_, *this);
  records_ = feed;
  spawn(loop_, RecordFeed::pump(feed), "watching records");
  return feed;
}

void LogHub::end() {
  if (const auto held = records_.lock()) held->end();
  for (const auto& [key, feed] : feeds_) {
    if (const auto held = feed.lock()) held->end();
  }
  if (inotify_) inotify_->close();
  inotify_.reset();
  ended_ = true;
}

bool LogHub::start() {
  if (inotify_ || ended_) return !ended_;
  const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) return false;
  inotify_ = std::make_shared<Descriptor>(loop_.context, fd);
  spawn(loop_, read_events(inotify_), "watching files");
  return true;
}

int LogHub::watch(const std::filesystem::path& path, std::uint32_t mask, FileWatcher& watcher) {
  if (!start()) return -1;
  // Another may watch the same, and wants other events.
  const int watch =
      ::inotify_add_watch(inotify_->native_handle(), path.c_str(), mask | IN_MASK_ADD);
  if (watch >= 0) watches_[watch].push_back(&watcher);
  return watch;
}

void LogHub::unwatch(int watch, FileWatcher& watcher) {
  const auto found = watches_.find(watch);
  if (found == watches_.end()) return;
  std::erase(found->second, &watcher);
  if (!found->second.empty()) return;
  watches_.erase(found);
  if (inotify_) ::inotify_rm_watch(inotify_->native_handle(), watch);
}

Task<void> LogHub::read_events(std::shared_ptr<Descriptor> inotify) {
  alignas(inotify_event) std::array<char, 8192> buffer;
  while (inotify->is_open()) {
    co_await inotify->async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    const ssize_t n = read_some(inotify->native_handle(), buffer);
    if (n > 0) dispatch(buffer.data(), static_cast<std::size_t>(n));
  }
}

void LogHub::dispatch(const char* events, std::size_t size) {
  for (std::size_t at = 0; at < size;) {
    inotify_event event;
    std::memcpy(&event, events + at, sizeof event);
    const std::string name = event.len > 0 ? events + at + sizeof event : "";
    at += sizeof event + event.len;
    // A full queue has lost events: all must look.
    const bool all = (event.mask & IN_Q_OVERFLOW) != 0;
    if (all) {
      for (const auto& [watch, watchers] : watches_) tell(watchers, watch, "");
    } else if (const auto found = watches_.find(event.wd); found != watches_.end()) {
      tell(found->second, found->first, name);
    }
  }
}

}  // namespace cooper::server
