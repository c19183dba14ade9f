#pragma once
// One service's stream into the build's log.

#include "log/log_file.h"
#include "log/redact.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::log {

/// Puts what one service prints into the log, secrets hidden.
///
/// Without a prefix (one service) bytes go straight through, unchanged and at
/// once. With a prefix such as "web | " (several services) only whole lines
/// go, each with the prefix. A partial line waits for its newline, for
/// flush_partial(), or until it has 64 KiB; if another channel writes after a
/// partial line, a newline goes between them and the rest of the line gets the
/// prefix again. A carriage return does not end a line.
///
/// One thread at a time; channels of one LogFile may be used at once. The file
/// and the redactor must outlive it. Whatever writes throws Error (see
/// LogFile::append); the bytes of that call may then be lost.
class Channel {
 public:
  /// `redactor` may be null: nothing is hidden.
  Channel(LogFile& file, std::string prefix, const Redactor* redactor);

  void write(std::string_view bytes);
  /// Shows a partial line that waits. What is held back because it may be the
  /// beginning of a secret stays held: a secret must not get out because its
  /// printer paused.
  void flush_partial();
  /// The service prints no more: everything that waits is written. With a
  /// prefix, an open line is ended.
  void finish();
  /// A line of cooper's own, on a line of its own; without the newline. It may
  /// stand before the service's last bytes if these may be a secret's beginning.
  void message(std::string_view line);
  /// The log's offset now: where a step begins or ends.
  std::uint64_t position() const noexcept { return file_.size(); }

 private:
  void put(std::string_view bytes);
  void append(std::string_view text);

  LogFile& file_;
  std::string prefix_;
  const Redactor* redactor_;
  std::optional<RedactStream> redaction_;
  std::string partial_;     // the end of an unfinished line; only with a prefix
  std::string lines_;       // scratch of put()
  bool line_open_ = false;  // what we wrote last did not end its line
};

}  // namespace cooper::log
