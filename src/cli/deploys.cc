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
