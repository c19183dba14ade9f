#pragma once
// The newest part of a log that has reached its limit, until the build's end.

#include "base/fd.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace cooper::log {

/// The two files beside a log that take turns: one grows, the other holds what
/// came before; when the one is full, the other is emptied and grows.
using TailFiles = std::array<std::filesystem::path, 2>;

/// The folder of a log that is open, wherever that is by now: an app may be renamed
/// while its build runs, and its log and tail files move to the new name's folder.
class LogFolder {
 public:
  /// `log` is the path of a log that was opened a moment ago. Throws Error.
  explicit LogFolder(const std::filesystem::path& log);

  /// Where the open log is now; where it was last if it is in no folder any more.
  const Fd& find(const Fd& log);

 private:
  std::string log_name_;
  Fd folder_;
};

/// What goes into the tail files while the build runs. One thread at a time.
///
/// Each file begins with a line `cooper-log-tail SEQUENCE BYTES LINES HEAD`: the
/// file with the higher sequence is the newer one, so many bytes and lines came
/// to the tail before its first one, and the log itself ended at offset HEAD.
/// With that join_tail needs nothing but the files.
class LogTail {
 public:
  /// Keeps at least the newest `bytes_each` bytes, at most twice as many. `head`:
  /// size of the log beside it. Only the names of `files` count.
  LogTail(TailFiles files, std::uint64_t bytes_each, mode_t mode, std::uint64_t head);

  /// `folder`: where `log` is. Throws Error; then a part of the bytes may be kept, and a
  /// later call may succeed.
  void append(std::string_view bytes, LogFolder& folder, const Fd& log);

 private:
  void open_next(const Fd& folder);

  TailFiles files_;
  std::uint64_t bytes_each_;
  mode_t mode_;
  std::uint64_t head_;
  Fd fd_;
  std::uint64_t used_ = 0;      // of the file that grows, without its first line
  std::uint64_t sequence_ = 0;  // of the next file
  std::uint64_t bytes_ = 0;     // all that came
  std::uint64_t lines_ = 0;
};

/// Appends to `log` (open for reading and appending) a line that says how much
/// is cut, and what the tail files hold, from the start of a line on; then
/// removes them from `folder` (only their names count). Does nothing if there are none.
/// After a crash in the middle it can be called again. Throws Error.
void join_tail(const Fd& log, const Fd& folder, const TailFiles& files);

/// How much the line of a log says is cut, "4711 bytes (12 lines)", if it is such a line of
/// ours; else empty. Without its newline.
std::string_view cut_by_limit(std::string_view line);

}  // namespace cooper::log
