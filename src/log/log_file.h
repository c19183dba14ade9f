#pragma once
// The log of one build: an append-only file that several services' threads
// write, and the one place that knows whose line is still open.

#include "base/fd.h"
#include "log/log_tail.h"
#include "log/syslog_copy.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string_view>
#include <sys/types.h>

namespace cooper::log {

/// How large a log may become, and where the newest bytes wait beyond that.
struct LogLimit {
  std::uint64_t bytes = 0;  ///< 0: none
  TailFiles tail_files;
};

/// Append-only and thread-safe. Every append is one unit: bytes of two threads
/// never mix within it. Nothing is buffered here, so what was appended is
/// visible to followers at once and survives the end of this process.
///
/// Beyond half of its limit, one line says so, and what follows waits in the
/// tail files (at most the other half of it, the newest) for finish(): no byte
/// that is in the log ever moves, so offsets that readers hold stay true.
class LogFile {
 public:
  /// Throws Error (see throw_errno); an existing file is an error: a log
  /// belongs to one build.
  static LogFile create(const std::filesystem::path& path, mode_t mode, LogLimit limit = {});
  /// For adding the last lines to the log of a build whose writer is gone.
  /// `tail_files` are those that it may have left: finish() adds them.
  static LogFile open_existing(const std::filesystem::path& path, TailFiles tail_files = {});
  /// For the writer of a log that has its first lines already.
  static LogFile go_on(const std::filesystem::path& path, LogLimit limit);

  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  /// Appends bytes of the only writer (else see append_for); a line that was
  /// open before is ended first. Returns the offset after them. Throws Error; a full disk is
  /// Error{unavailable} with a hint, and then a part of the bytes may be in
  /// the file, size() says how far it got, and a later append may succeed.
  std::uint64_t append(std::string_view bytes);

  /// Does the writer believe that its last line is still open?
  enum class Start { line, continuation };

  /// Appends text of one of several writers, so that their lines never mix:
  /// ends a line that another writer left open, and puts `prefix` in front
  /// unless the open line is this writer's. `writer` is only compared. A
  /// continuation whose line another writer has ended loses a leading newline:
  /// that one is in the file already.
  std::uint64_t append_for(const void* writer, std::string_view prefix, std::string_view text,
                           Start start);

  /// Ends the writer's line if it is the open one. Throws Error as append does.
  void end_line_of(const void* writer);

  /// What is appended from now on goes to `copy` as well, beyond the limit too; null:
  /// no longer. It must outlive the file, or be taken away before.
  void copy_to(SyslogCopy* copy);

  /// Nothing but cooper's own last lines comes now, whatever the limit: adds what
  /// waits in the tail files. If someone has removed the file meanwhile, it is
  /// there again afterwards, whole. Throws Error; then another call may succeed.
  void finish();

  /// Offset after the last byte that is in the file: while the tail files grow, it stays.
  std::uint64_t size() const noexcept { return size_.load(std::memory_order_acquire); }

  /// fsync(2), and gives back the disk space that was reserved ahead. Throws Error.
  void sync();

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  LogFile(std::filesystem::path path, Fd fd, std::uint64_t size, char last_byte, LogLimit limit,
          mode_t mode);
  void put(std::string_view newline, std::string_view prefix, std::string_view text);
  void begin_tail();
  void restore_if_removed();
  void look_at_end();
  void write_pieces(std::string_view newline, std::string_view prefix, std::string_view text);
  void reserve_ahead() noexcept;

  std::filesystem::path path_;
  Fd fd_;
  LogFolder folder_;
  std::mutex mutex_;  // guards the file's end and open_line_of_
  std::atomic<std::uint64_t> size_;
  LogLimit limit_;
  mode_t mode_;
  std::optional<LogTail> tail_;  // beyond the limit
  SyslogCopy* copy_ = nullptr;
  std::uint64_t reserved_ = 0;          // disk space is reserved up to here
  const void* open_line_of_ = nullptr;  // null: the file ends with a whole line
};

}  // namespace cooper::log
