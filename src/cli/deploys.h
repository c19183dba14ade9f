#pragma once
// What the commands share that deploy a release and stay with it.

#include "cli/context.h"
#include "cli/interrupt.h"

namespace cooper::cli {

/// Starts the deploy, and follows it as follow_deploy does.
int promote(const Context& context, const rack::StartDeploy& start, Interrupts& interrupts,
            Output& progress);

/// "Promoting R...", the deploy's log, "OK": on `progress`; or why it did not succeed. Ctrl-C
/// cancels the deploy. Returns the exit code.
int follow_deploy(const Context& context, const Build& deploy, Interrupts& interrupts,
                  Output& progress);

}  // namespace cooper::cli
