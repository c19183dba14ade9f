#pragma once
// A copy of a log's lines for the system's log.

#include "base/fd.h"
#include "log/journal.h"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace cooper::log {

struct SyslogOptions {
  SyslogTag tag;
  std::filesystem::path socket = "/dev/log";
  /// What may wait. Whatever comes while so much waits is dropped.
  std::size_t queue_bytes = std::size_t{16} << 20;
};

/// Sends lines to the local syslog socket as RFC 3164 has them (journald and
/// every syslog daemon read that): `<13>Nov 21 11:05:20 dokku-ID[PID]: text`.
/// A line of more than 8 KiB becomes several messages; control characters
/// become `#033` (octal, as rsyslog writes them), bytes that are not UTF-8 U+FFFD.
///
/// Never slows whoever prints: write() copies bytes into a bounded queue, and a
/// thread sends them. What does not fit is dropped, by whole lines, and counted.
/// A daemon that is not there, or goes away, is looked for again and again.
class SyslogCopy {
 public:
  explicit SyslogCopy(SyslogOptions options);
  ~SyslogCopy();
  SyslogCopy(const SyslogCopy&) = delete;
  SyslogCopy& operator=(const SyslogCopy&) = delete;

  /// Bytes of the log, cut anywhere. Never waits for the daemon. Thread-safe.
  void write(std::string_view bytes);

  /// Sends what waits, an unfinished line as well, for a second at most if the
  /// daemon is slow, and not at all if it is not there. Returns how many lines
  /// it did not get. Nothing is sent after that.
  std::uint64_t finish();

 private:
  void send_all(const std::stop_token& stop);
  void send_lines(std::string_view text);
  void count_unsent(std::string_view text);
  bool send(std::string_view line);
  bool connect();
  void wait_until_writable();
  bool out_of_time();

  const SyslogOptions options_;
  std::mutex mutex_;  // guards the following
  std::condition_variable_any changed_;
  std::string queue_;
  bool dropping_ = false;  // the rest of the present line goes the way of its beginning
  std::uint64_t dropped_ = 0;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  // Of the thread alone.
  Fd socket_;
  std::string partial_;
  std::uint64_t unsent_ = 0;
  bool gave_up_ = false;  // at the end: no line goes out any more
  std::jthread sender_;
};

}  // namespace cooper::log
