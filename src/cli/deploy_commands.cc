// `cooper ps:...`, as Dokku has it.

#include "cli/context.h"
#include "cli/deploys.h"
#include "cli/follow_build.h"

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

constexpr std::array kApp = {Positional{.name = "APP", .summary = "the app", .offer = Offer::app}};
constexpr std::array kFlags = {kNoWaitFlag};

constexpr std::array kCommands = {Command{.name = "ps:restart",
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
