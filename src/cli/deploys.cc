#include "cli/deploys.h"

#include "cli/follow_build.h"
#include "cli/outcome.h"
#include "cli/progress.h"
#include "cli/show_log.h"

namespace cooper::cli {

int promote(const Context& context, const rack::StartDeploy& start, Interrupts& interrupts,
            Output& progress) {
  const Build deploy = [&] {
    Progress phases(context, progress);
    return context.rack.start_deploy(start, phases, interrupts.first());
  }();
  return follow_deploy(context, deploy, interrupts, progress);
}

namespace {

/// Deploys its release; the environment may have been changed since the build's end, and is
/// not to be taken back.
Build deploy_built(const Context& context, const Options& options, const Build& build,
                   Interrupts& interrupts, Output& progress) {
  try {
    Progress phases(context, progress);
    return context.rack.start_deploy(
        {.app = build.app,
         .release = build.release,
         .create = rack::NewRelease{.app = build.app, .build_from = build.release},
         .if_locked = if_locked(options)},
        phases, interrupts.first());
  } catch (const Error&) {  // adapter: what was built can be promoted later
    progress.write("Release: " + build.release + "\n");
    throw;
  }
}

}  // namespace

int follow_and_promote(const Context& context, const Options& options, const Build& build,
                       Interrupts& interrupts, Output& progress) {
  LogView log(progress, options.raw ? LogForm::raw : LogForm::harmless);
  if (const auto left = follow_to_end(context, build, interrupts, log)) return *left;
  const rack::BuildView view = context.rack.get_build(build.app, build.id);
  progress.write("Build:   " + build.id.str() + "\n");
  if (view.status != DisplayStatus::succeeded) return report_outcome(context, view);
  const Build deploy = deploy_built(context, options, view.build, interrupts, progress);
  progress.write("Release: " + deploy.release + "\n");
  const int code = follow_deploy(context, deploy, interrupts, progress);
  if (options.id && code == 0) context.out.write(deploy.release + "\n");
  return code;
}

int follow_deploy(const Context& context, const Build& deploy, Interrupts& interrupts,
                  Output& progress) {
  interrupts.let_others_leave();  // the deploy needs us no more
  progress.write("Promoting " + deploy.release + "...\n");
  LogView log(progress, LogForm::harmless);
  if (const auto left = follow_to_end(context, deploy, interrupts, log)) return *left;
  const rack::BuildView view = context.rack.get_build(deploy.app, deploy.id);
  if (view.status != DisplayStatus::succeeded) return report_outcome(context, view);
  progress.write("OK\n");
  return 0;
}

}  // namespace cooper::cli
