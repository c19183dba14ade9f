#pragma once
// What the commands that start a build and stay with it share.

#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/show_log.h"

#include <optional>

namespace cooper::cli {

/// What --no-wait asks for.
rack::IfLocked if_locked(const Options& options);

/// A build makes the app it names: a slip of the pen should not go unseen.
void warn_of_near_miss(const Context& context, const AppName& name);

/// What happens to a last line that the log leaves open.
enum class LastLine { ended, kept };

/// Says that the build goes on without us, and how to see it.
void say_it_goes_on(const Context& context, const Build& build);

/// Says what the view's output lacks, if the log has said that it is cut.
void warn_of_cut(const Context& context, const LogView& view);

/// Follows the log to the build's end, and cancels the build at the first Ctrl-C.
/// Otherwise, and said: the exit code with which we leave before the end, at the second one,
/// or at SIGTERM and SIGHUP, which change nothing for the build. Warns of a log that its
/// limit has cut.
std::optional<int> follow_to_end(const Context& context, const Build& build,
                                 const Interrupts& interrupts, LogView& view,
                                 LastLine last_line = LastLine::ended);

}  // namespace cooper::cli
