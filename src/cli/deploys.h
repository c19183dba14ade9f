#pragma once
// What the commands share that deploy a release and stay with it.

#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/show_log.h"

namespace cooper::cli {

/// Starts a build by a verb of the rack, its phases on `progress`; from then on it needs us
/// no more.
template <typename What>
Build start_build(const Context& context, Interrupts& interrupts, Output& progress,
                  Build (rack::Rack::*verb)(const What&, rack::StartProgress&, std::stop_token),
                  const What& what) {
  Progress phases(context, progress);
  const Build build = (context.rack.*verb)(what, phases, interrupts.first());
  interrupts.let_others_leave();
  return build;
}

/// Starts the deploy, and follows it as follow_deploy does.
int promote(const Context& context, const rack::StartDeploy& start, Interrupts& interrupts,
            Output& progress);

/// Follows a build to its end, says how it went, and deploys its release; prints the release's
/// id on stdout if --id asks for it. Returns the exit code.
int follow_and_promote(const Context& context, const Options& options, const Build& build,
                       Interrupts& interrupts, Output& progress);

/// Follows a build that came in as Dokku has it (git push, git:sync, ...) to its end, says how it
/// went, and, if the app has a deployer, deploys its release. Returns the exit code.
int follow_and_deploy(const Context& context, const Build& build, Interrupts& interrupts,
                      Output& progress, LogForm form = LogForm::harmless);

/// "Promoting R...", the deploy's log, "OK": on `progress`; or why it did not succeed. Ctrl-C
/// cancels the deploy. Returns the exit code.
int follow_deploy(const Context& context, const Build& deploy, Interrupts& interrupts,
                  Output& progress, LogForm form = LogForm::harmless);

}  // namespace cooper::cli
