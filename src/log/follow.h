#pragma once
// Following a build's log while it grows: what the command, the server and
// every viewer share.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string_view>

namespace cooper::log {

/// What the caller knows of the build.
enum class FollowState {
  live,   ///< more bytes may come
  ended,  ///< its record is terminal, or its process is gone: no byte will be added
};

struct FollowOptions {
  std::uint64_t from = 0;  ///< byte offset to begin at
};

/// Delivers a log's bytes as they are written, each exactly once and in order,
/// and ends by itself. Woken by inotify on the log and on the record beside it
/// (`<id>.json` for `<id>.log`); looks after a second without news besides, and
/// sooner where the system has no inotify watch left.
class Follower {
 public:
  /// `state` is asked at the start, when the record changes, when the process
  /// ends, and after each second without news. Its cost is the caller's: one read of a record.
  Follower(std::filesystem::path log, FollowOptions options, std::function<FollowState()> state);

  /// Blocks, calling `deliver` on this thread, until the build has ended and
  /// its last byte was delivered, or `stop` is requested. A log that is not
  /// there yet is waited for. Returns the offset after the last byte that was
  /// delivered: to follow on from there misses and repeats nothing. If
  /// `deliver` throws, that goes on, and offset() does not count its chunk.
  ///
  /// Throws Error{invalid} if `from` lies beyond the end: such an offset can't
  /// come from this log, and to wait would hide that. Error otherwise.
  std::uint64_t run(const std::function<void(std::string_view)>& deliver, std::stop_token stop);

  /// Where it is. Not for other threads.
  std::uint64_t offset() const noexcept { return offset_; }

 private:
  std::filesystem::path log_;
  std::function<FollowState()> state_;
  std::uint64_t offset_;
};

/// The byte offset where the last `lines` lines begin: 0 if there are fewer, the
/// size for none. Bytes after the last newline count as a line. Reads only the
/// end of the file. Throws Error.
std::uint64_t tail_offset(const std::filesystem::path& log, std::uint64_t lines);

}  // namespace cooper::log
