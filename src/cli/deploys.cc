#include "cli/deploys.h"

#include "cli/follow_build.h"
#include "cli/outcome.h"
#include "cli/show_log.h"
#include "rack/properties.h"

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

/// Follows a build to its end, and says how it went: the exit code with which we leave, or nullopt
/// if there is a release to deploy.
std::optional<int> follow_build(const Context& context, const Build& build, Interrupts& interrupts,
                                Output& progress, LogForm form) {
  LogView log(progress, form);
  if (const auto left = follow_to_end(context, build, interrupts, log)) return left;
  progress.write("Build:   " + build.id.str() + "\n");
  const rack::BuildView view = context.rack.get_build(build.app, build.id);
  if (view.status != DisplayStatus::succeeded) {
    return report_outcome(context, view, line_above(context, progress, log));
  }
  return std::nullopt;
}

/// Deploys its release; the environment may have been changed since the build's end, and is
/// not to be taken back.
Build deploy_built(const Context& context, const Build& build, rack::IfLocked if_locked,
                   Interrupts& interrupts, Output& progress) {
  try {
    Progress phases(context, progress);
    return context.rack.start_deploy(
        {.app = build.app,
         .release = build.release,
         .create = rack::NewRelease{.app = build.app, .build_from = build.release},
         .if_locked = if_locked},
        phases, interrupts.first());
  } catch (const Error&) {  // adapter: what was built can be promoted later
    progress.write("Release: " + build.release + "\n");
    throw;
  }
}

}  // namespace

int follow_and_promote(const Context& context, const Options& options, const Build& build,
                       Interrupts& interrupts, Output& progress) {
  const LogForm form = options.raw ? LogForm::raw : LogForm::harmless;
  if (const auto code = follow_build(context, build, interrupts, progress, form)) return *code;
  const Build built = context.rack.get_build(build.app, build.id).build;
  const Build deploy = deploy_built(context, built, if_locked(options), interrupts, progress);
  progress.write("Release: " + deploy.release + "\n");
  const int code = follow_deploy(context, deploy, interrupts, progress);
  if (options.id && code == 0) context.out.write(deploy.release + "\n");
  return code;
}

int follow_and_deploy(const Context& context, const Build& build, Interrupts& interrupts,
                      Output& progress, LogForm form) {
  if (const auto code = follow_build(context, build, interrupts, progress, form)) return *code;
  const Build built = context.rack.get_build(build.app, build.id).build;
  if (rack::effective_property(context.rack, &built.app, "deployer") == "none") {
    progress.write("Release: " + built.release + "\n");
    return 0;
  }
  const Build deploy = deploy_built(context, built, rack::IfLocked::wait, interrupts, progress);
  progress.write("Release: " + deploy.release + "\n");
  return follow_deploy(context, deploy, interrupts, progress, form);
}

int follow_deploy(const Context& context, const Build& deploy, Interrupts& interrupts,
                  Output& progress, LogForm form) {
  interrupts.let_others_leave();  // the deploy needs us no more
  progress.write("Promoting " + deploy.release + "...\n");
  LogView log(progress, form);
  if (const auto left = follow_to_end(context, deploy, interrupts, log)) return *left;
  const rack::BuildView view = context.rack.get_build(deploy.app, deploy.id);
  if (view.status != DisplayStatus::succeeded) {
    return report_outcome(context, view, line_above(context, progress, log));
  }
  progress.write("OK\n");
  return 0;
}

}  // namespace cooper::cli
