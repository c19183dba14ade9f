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

int follow_and_promote(const Context& context, const Options& options, const Build& build,
                       Interrupts& interrupts, Output& progress) {
  LogView log(progress, options.raw ? LogForm::raw : LogForm::harmless);
  if (const auto left = follow_to_end(context, build, interrupts, log)) return *left;
  const rack::BuildView view = context.rack.get_build(build.app, build.id);
  progress.write("Build:   " + build.id.str() + "\n");
  if (view.status != DisplayStatus::succeeded) return report_outcome(context, view);
  progress.write("Release: " + view.build.release + "\n");
  const int code = promote(context,
                           {.app = build.app,
                            .release = view.build.release,
                            .create = std::nullopt,
                            .if_locked = if_locked(options)},
                           interrupts, progress);
  if (options.id && code == 0) context.out.write(view.build.release + "\n");
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
