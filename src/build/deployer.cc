#include "build/deployer.h"

#include "base/error.h"
#include "build/command_run.h"
#include "build/container_deployer.h"
#include "build/deploy_files.h"
#include "build/service_plan.h"
#include "store/own_root.h"

#include <filesystem>

namespace cooper::build {

namespace {

/// The release itself is the result: whoever runs it asks which one is active.
class NoDeployer : public Deployer {
 public:
  explicit NoDeployer(const DeployParts& parts) : parts_(parts) {}

  Outcome deploy() override {
    parts_.log.append("Release " + parts_.release.id.str() + " of build " + parts_.release.build +
                      " becomes the active one; no deployer runs it\n");
    return {.status = Status::succeeded, .exit_code = 0};
  }

 private:
  DeployParts parts_;
};

/// Runs the operator's program.
class CommandDeployer : public Deployer {
 public:
  explicit CommandDeployer(const DeployParts& parts) : parts_(parts) {}

  Outcome deploy() override {
    const DeployFiles files(parts_);
    const std::filesystem::path program = parts_.settings.deploy_command;
    const TrackedCommand command{.words = {program.string()},
                                 .folder = program.parent_path().string()};
    CommandRun run({.app = parts_.app,
                    .id = parts_.id,
                    .command = command,
                    .settings = parts_.settings,
                    .streams = {},
                    .umask = parts_.umask,
                    .variables = files.variables(),
                    .log = parts_.log,
                    .redactor = parts_.redactor});
    run.say("Deploying release " + parts_.release.id.str() + " of build " + parts_.release.build +
            " with " + program.string());
    for (const std::string& note : files.notes()) run.say(note);
    Outcome outcome = run.run();
    ended_by_itself_ = run.ended_by_itself();
    return outcome;
  }

  bool log_is_whole() const override { return ended_by_itself_; }

 private:
  DeployParts parts_;
  bool ended_by_itself_ = false;
};

}  // namespace

void require_deployer(const Settings& settings, const store::Layout& layout, const AppName& app) {
  if (settings.deployer == DeployerKind::none) return;
  store::require_own_root(layout, settings.deployer == DeployerKind::command
                                      ? "run the deploy command"
                                      : "start containers");
  if (settings.deployer != DeployerKind::command || !settings.deploy_command.empty()) return;
  throw Error(Errc::invalid,
              "the deployer is `command`, and the property deploy-command names none",
              "cooper builds set deploy-command /path/to/program -a " + app.str());
}

void require_runnable(const Settings& settings, const Release& release) {
  if (settings.deployer == DeployerKind::containers) plan_services(release, {}, settings);
}

std::unique_ptr<Deployer> make_deployer(const DeployParts& parts) {
  require_deployer(parts.settings, parts.layout, parts.app);
  switch (parts.settings.deployer) {
    case DeployerKind::command:
      return std::make_unique<CommandDeployer>(parts);
    case DeployerKind::containers:
      return std::make_unique<ContainerDeployer>(parts);
    case DeployerKind::none:
      break;
  }
  return std::make_unique<NoDeployer>(parts);
}

}  // namespace cooper::build
