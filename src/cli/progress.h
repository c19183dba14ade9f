#pragma once
// What a command does at the moment, on a line that stays open until it is done.

#include "cli/context.h"
#include "rack/rack.h"

#include <string_view>

namespace cooper::cli {

/// `Packaging source... OK`; a notice gets a line of its own. The line of a
/// phase that did not get done is ended at the latest with this object, so that
/// an error stands on its own line.
class Progress : public rack::StartProgress {
 public:
  /// Phases go to `out`, notices to the messages' stream. Both are borrowed.
  Progress(const Context& context, Output& out) : context_(context), out_(out) {}
  ~Progress() override { end_line(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void phase(std::string_view name) override;
  void phase_done() override { phase_done("OK"); }
  /// As above, with other words.
  void phase_done(std::string_view how);
  void notice(std::string_view text) override;

 private:
  void end_line();

  const Context& context_;
  Output& out_;
  bool line_open_ = false;
};

}  // namespace cooper::cli
