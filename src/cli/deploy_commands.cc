// `cooper ps:...`, as Dokku has it.

#include "cli/context.h"
#include "cli/deploys.h"
#include "cli/follow_build.h"
#include "cli/secret_flags.h"

#include <array>

namespace cooper::cli {

namespace {

/// Deploys the active release again.
int deploy_again(const Context& context, const Options& options, const char* source) {
  const App app = context.rack.get_app(AppName::parse(options.words[0]).value());
  if (app.release.empty()) {
    throw Error(Errc::conflict, "app " + app.name.str() + " has no active release",
                "deploy one: cooper releases promote -a " + app.name.str());
  }
  Interrupts interrupts(Interrupts::Takes::all_ends);
  return promote(context,
                 {.app = app.name,
                  .release = app.release,
                  .create = std::nullopt,
                  .source = source,
                  .if_locked = if_locked(options)},
                 interrupts, context.out);
}

int run_restart(Context& context, const Options& options) {
  return deploy_again(context, options, "ps:restart");
}

int run_start(Context& context, const Options& options) {
  return deploy_again(context, options, "ps:start");
}

/// The newest build that succeeded, again; what comes of it is deployed.
int run_rebuild(Context& context, const Options& options) {
  const App app = context.rack.get_app(AppName::parse(options.words[0]).value());
  const rack::BuildPage page = context.rack.find_builds(
      {.app = app.name, .statuses = {DisplayStatus::succeeded}, .kind = Kind::build, .limit = 1});
  if (page.builds.empty()) {
    throw Error(Errc::not_found, "app " + app.name.str() + " has no build that succeeded",
                "build it first: cooper build -a " + app.name.str());
  }
  Interrupts interrupts(Interrupts::Takes::all_ends);
  const rack::RetryBuild again{
      .app = app.name,
      .build = page.builds[0].build.id,
      .source = "ps:rebuild",
      .secrets = read_build_secrets(options.secrets, options.agents).value(),
      .if_locked = if_locked(options)};
  const Build build =
      start_build(context, interrupts, context.out, &rack::Rack::retry_build, again);
  return follow_and_promote(context, options, build, interrupts, context.out);
}

constexpr std::array kApp = {Positional{.name = "APP", .summary = "the app", .offer = Offer::app}};
constexpr std::array kFlags = {kNoWaitFlag};
constexpr std::array kRebuildFlags = {
    Flag{.name = "secret",
         .value = "id=ID,src=FILE",
         .summary = "what the build was given; or id=ID,env=NAME; may be repeated",
         .target = &Options::secrets},
    Flag{.name = "ssh",
         .value = "ID[=SOCKET]",
         .summary = "an agent that the build was given: default is $SSH_AUTH_SOCK",
         .target = &Options::agents},
    kNoWaitFlag};

constexpr std::array kCommands = {
    Command{.name = "ps:rebuild",
            .summary = "Build an app's newest source again, and deploy it",
            .positionals = kApp,
            .flags = kRebuildFlags,
            .examples = "cooper ps:rebuild hello",
            .run = run_rebuild},
    Command{.name = "ps:restart",
            .summary = "Deploy an app's active release again",
            .positionals = kApp,
            .flags = kFlags,
            .examples = "cooper ps:restart hello",
            .run = run_restart},
    Command{.name = "ps:start",
            .summary = "Deploy an app's active release",
            .positionals = kApp,
            .flags = kFlags,
            .examples = "cooper ps:start hello",
            .run = run_start}};

}  // namespace

std::span<const Command> deploy_commands() { return kCommands; }

}  // namespace cooper::cli
