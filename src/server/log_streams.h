#pragma once
// Logs as streams.

#include "model/names.h"
#include "server/stream.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace cooper::server {

/// Without following, what there is now.
enum class Follow { yes, no };

/// As UTF-8, with U+FFFD for what is none, or the bytes as they are.
enum class LogForm { text, bytes };

/// A build's log from byte `from`, until it has ended and all was sent.
std::shared_ptr<Stream> build_log_stream(AppName app, BuildId id, std::uint64_t from, Follow follow,
                                         LogForm form);

/// What an app's builds and deploys print.
struct AppLogs {
  AppName app;
  /// Of those that have ended: as far as that was no longer ago.
  std::chrono::seconds since{120};
  std::optional<std::uint64_t> tail;  ///< the newest so many lines of those that were there before
  Follow follow = Follow::yes;        ///< also what comes later, until the peer goes
  /// Before each line: when it was seen, and whose it is, "2026-11-21T03:19:38Z build/ID".
  enum class Prefix { yes, no } prefix = Prefix::no;
};
/// Their logs as text, one after the other.
std::shared_ptr<Stream> app_logs_stream(AppLogs wanted);

}  // namespace cooper::server
