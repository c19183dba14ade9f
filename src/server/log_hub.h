#pragma once
// The logs that are followed on a loop, and the one inotify that tells of them.

#include "model/names.h"
#include "server/task.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace cooper::server {

struct Loop;
class LogFeed;

/// Opens feeds, and hands on to them what inotify says. On the loop's thread.
class LogHub {
 public:
  explicit LogHub(Loop& loop) : loop_(loop) {}
  LogHub(const LogHub&) = delete;
  LogHub& operator=(const LogHub&) = delete;

  /// That of a build, begun if nobody follows it yet.
  std::shared_ptr<LogFeed> open(const AppName& app, const BuildId& id);
  /// All feeds end.
  void end();

  /// Has inotify tell the feed of a path; -1 if it can't.
  int watch(const std::filesystem::path& path, std::uint32_t mask, LogFeed& feed);
  void unwatch(int watch, LogFeed& feed);

 private:
  bool start();
  using Descriptor = boost::asio::posix::stream_descriptor;
  Task<void> read_events(std::shared_ptr<Descriptor> inotify);
  void dispatch(const char* events, std::size_t size);

  Loop& loop_;
  std::shared_ptr<Descriptor> inotify_;  // shared with its reader
  bool ended_ = false;
  std::map<int, std::vector<LogFeed*>> watches_;
  std::map<std::string, std::weak_ptr<LogFeed>> feeds_;  // those that are gone go at open()
};

}  // namespace cooper::server
