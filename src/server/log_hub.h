#pragma once
// The logs and records that are followed on a loop, and the one inotify that tells of them.

#include "model/names.h"
#include "server/task.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::server {

struct Loop;
class LogFeed;
class RecordFeed;
enum class BuildFile : std::uint8_t;

/// Who wants to know what becomes of files.
class FileWatcher {
 public:
  virtual ~FileWatcher() = default;
  /// Of a watch of its own: the name within a folder; empty: it itself, or anything. Only notes
  /// it: watches are not changed here.
  virtual void on_event(int watch, std::string_view name) = 0;
};

/// Opens feeds, and hands on to them what inotify says. On the loop's thread.
class LogHub {
 public:
  explicit LogHub(Loop& loop) : loop_(loop) {}
  LogHub(const LogHub&) = delete;
  LogHub& operator=(const LogHub&) = delete;

  /// That of a build, begun if nobody follows it yet.
  std::shared_ptr<LogFeed> open(const AppName& app, const BuildId& id, BuildFile which);
  /// That of all apps' records, likewise.
  std::shared_ptr<RecordFeed> open_records();
  /// All feeds end.
  void end();

  /// Has inotify tell the watcher of a path; -1 if it can't.
  int watch(const std::filesystem::path& path, std::uint32_t mask, FileWatcher& watcher);
  void unwatch(int watch, FileWatcher& watcher);

 private:
  bool start();
  using Descriptor = boost::asio::posix::stream_descriptor;
  Task<void> read_events(std::shared_ptr<Descriptor> inotify);
  void dispatch(const char* events, std::size_t size);

  Loop& loop_;
  std::shared_ptr<Descriptor> inotify_;  // shared with its reader
  bool ended_ = false;
  std::map<int, std::vector<FileWatcher*>> watches_;
  std::map<std::string, std::weak_ptr<LogFeed>> feeds_;  // those that are gone go at open()
  std::weak_ptr<RecordFeed> records_;
};

}  // namespace cooper::server
