#pragma once
// One tracked command from its running record to its outcome.

#include "build/command_streams.h"
#include "build/containment.h"
#include "build/request.h"
#include "build/settings.h"
#include "log/capture.h"
#include "log/log_file.h"
#include "log/redact.h"
#include "model/build.h"
#include "process/child.h"

#include <stop_token>
#include <string>
#include <sys/types.h>
#include <vector>

namespace cooper::build {

/// Exit codes of a command that could not be started, as shells have them.
inline constexpr int kCannotRun = 126;
inline constexpr int kNoSuchCommand = 127;

/// Runs the request's command in place of an image build: what it prints goes into
/// the log byte by byte, only secrets are hidden. Touches no record. Runs in the
/// supervisor, which must have called block_end_signals() and be a subreaper. While the log
/// can't be written, output is dropped, and a line says how much as soon as that is possible.
///
/// On an end request its process group gets SIGTERM, and after five seconds, or
/// when the group is gone, nothing of it is left running; a build that it has begun
/// itself is canceled, so that its record ends, too. What a command that ended by
/// itself has left in the background goes on: a deploy may have started just that. It
/// needs an output of its own, because the log's pipe is closed half a second later.
class CommandRun {
 public:
  struct Parts {
    const AppName& app;
    const BuildId& id;
    const TrackedCommand& command;
    const Settings& settings;
    CommandStreams streams;
    mode_t umask;                        ///< of whoever started it
    std::vector<std::string> variables;  ///< "NAME=value", besides those that every one has
    log::LogFile& log;
    const log::Redactor& redactor;
  };
  explicit CommandRun(Parts parts);

  /// Does it all; a failure is an outcome.
  Outcome run();

  /// After run(): the command has ended on its own, so that its output is all that
  /// there is to say.
  bool ended_by_itself() const { return ended_by_itself_; }

  /// A line of cooper's own in the log.
  void say(const std::string& line);

 private:
  Outcome work(std::stop_token stop);
  process::Child start(int out, process::Group group) const;

  Parts parts_;
  log::OutputClock clock_;
  Containment containment_;
  bool ended_by_itself_ = false;
};

}  // namespace cooper::build
