#pragma once
// What the commands that start a build and stay with it share.

#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/show_log.h"

namespace cooper::cli {

/// What --no-wait asks for.
rack::IfLocked if_locked(const Options& options);

/// A build makes the app it names: a slip of the pen should not go unseen.
void warn_of_near_miss(const Context& context, const AppName& name);

/// What happens to a last line that the log leaves open.
enum class LastLine { ended, kept };

/// Follows the log to the build's end, and cancels the build at the first
/// Ctrl-C. False, and said: the second one came before the end.
bool follow_to_end(const Context& context, const Build& build, const Interrupts& interrupts,
                   LogView& view, LastLine last_line = LastLine::ended);

}  // namespace cooper::cli
