#pragma once
// A build's log on its way to a person or a pipe.

#include "cli/output.h"
#include "log/terminal.h"

#include <optional>
#include <string>
#include <string_view>

namespace cooper::cli {

/// `--raw`: what a terminal gets as well is the log as it is. `always_harmless`: what we write to
/// is no terminal, but what it is shown on somewhere else will be one.
enum class LogForm { harmless, raw, always_harmless };

/// Writes a log to a stream: on a terminal made harmless, elsewhere byte by
/// byte what the log holds.
class LogView {
 public:
  LogView(Output& out, LogForm form);

  void write(std::string_view bytes);
  /// The end of the log: what the filter still holds back.
  void finish();
  /// After finish(): ends the last line if the log did not.
  void end_line();
  /// "4711 bytes (12 lines)": what the log says its limit has cut; else empty.
  const std::string& cut() const { return cut_; }
  /// The last whole line, or what of it is no longer than a message of ours.
  const std::string& last_line() const { return last_line_; }

 private:
  void look_at_lines(std::string_view bytes);
  void show(std::string_view bytes);

  Output& out_;
  std::optional<log::TerminalFilter> filter_;
  bool at_line_start_ = true;
  std::string line_;  // the beginning of the present line of the log
  std::string last_line_;
  std::string cut_;
};

}  // namespace cooper::cli
