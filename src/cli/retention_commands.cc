// `cooper builds pin|unpin|prune`: what of the history stays.

#include "base/text.h"
#include "cli/context.h"
#include "cli/prune_apps.h"

#include <array>

namespace cooper::cli {

namespace {

int run_pin(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const BuildId id = context.rack.resolve_build(app, options.words[0]);
  context.rack.pin_build(app, id);
  context.out.write("Pinning build " + id.str() + "... OK\n");
  return 0;
}

int run_unpin(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const BuildId id = context.rack.resolve_build(app, options.words[0]);
  context.rack.unpin_build(app, id);
  context.out.write("Unpinning build " + id.str() + "... OK\n");
  return 0;
}

int run_remove(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const BuildId id = context.rack.resolve_build(app, options.words[0]);
  context.rack.remove_build(app, id);
  context.out.write("Removing build " + id.str() + "... OK\n");
  return 0;
}

/// Prunes, or says what that would do; adds to `freed`.
void prune(Context& context, const Options& options, const AppName& app, std::uint64_t& freed) {
  const Pruned pruned = options.dry_run ? context.rack.would_prune(app) : context.rack.prune(app);
  for (const std::string& warning : pruned.warnings) print_warning(context, warning);
  const std::string verb = options.dry_run ? "would be " : "";
  std::string text;
  const auto line = [&](const std::string& what, const std::string& done) {
    text += app.str() + "  " + what + "  " + verb + done + "\n";
  };
  for (const BuildId& id : pruned.reaped) {
    line(id.str(), "marked failed because its process is gone");
  }
  for (const RemovedBuild& build : pruned.removed) {
    line(build.id.str(), "removed (" + human_bytes(build.bytes) +
                             ") because it is beyond the retention by " +
                             std::string(to_string(build.beyond)));
    freed += build.bytes;
  }
  for (const ReleaseId& release : pruned.releases) {
    line(release.str(), "removed because its build has a newer release");
  }
  for (const Leftover& leftover : pruned.leftovers) {
    line(printable(leftover.path),
         "removed (" + human_bytes(leftover.bytes) + ") because a crash left it");
    freed += leftover.bytes;
  }
  context.out.write(text);
}

}  // namespace

int prune_all_apps(Context& context, const Options& options, std::uint64_t& freed) {
  int code = 0;
  for (const AppName& app : context.rack.apps_to_prune(context.rack.app_names())) {
    try {
      prune(context, options, app, freed);
    } catch (const Error& error) {  // boundary: one app must not keep the others from it
      print_error(context, "app " + app.str() + ": " + error.message(), error.hint());
      if (code == 0) code = exit_code(error.code());
    }
  }
  return code;
}

namespace {

int run_prune(Context& context, const Options& options) {
  std::uint64_t freed = 0;
  int code = 0;
  if (options.all_apps) {
    code = prune_all_apps(context, options, freed);
  } else {
    prune(context, options, resolve_app(context, options), freed);
  }
  if (freed != 0) {
    context.out.write((options.dry_run ? "would free " : "freed ") + human_bytes(freed) + "\n");
  }
  return code;
}

constexpr std::array kId = {
    Positional{.name = "ID",
               .summary = "an id, the beginning of one, current, last or last-failed",
               .need = Positional::Need::required,
               .offer = Offer::build}};
constexpr std::array kPinFlags = {kAppFlag};
constexpr std::array kPruneFlags = {kAppFlag,
                                    Flag{.name = "all-apps",
                                         .summary = "prune the builds of every app",
                                         .target = &Options::all_apps,
                                         .excludes = "app"},
                                    Flag{.name = "dry-run",
                                         .summary = "change nothing: say what would be done",
                                         .target = &Options::dry_run}};

constexpr std::array kCommands = {
    Command{.name = "builds pin",
            .summary = "Keep a build: no retention removes it, or counts it",
            .positionals = kId,
            .flags = kPinFlags,
            .examples = "cooper builds pin last -a hello",
            .run = run_pin},
    Command{.name = "builds unpin",
            .summary = "Let a build go when its time has come",
            .positionals = kId,
            .flags = kPinFlags,
            .run = run_unpin},
    Command{.name = "builds remove",
            .summary = "Remove a build with its log, source and images, or one that can't be read",
            .positionals = kId,
            .flags = kPinFlags,
            .examples = "cooper builds remove last-failed -a hello",
            .run = run_remove},
    Command{.name = "builds prune",
            .summary = "Clean up after crashes; remove builds beyond retention",
            .flags = kPruneFlags,
            .examples = "cooper builds prune --all-apps --dry-run",
            .run = run_prune}};

}  // namespace

std::span<const Command> retention_commands() { return kCommands; }

}  // namespace cooper::cli
