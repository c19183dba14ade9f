// `cooper releases ...`.

#include "cli/context.h"
#include "cli/deploys.h"
#include "cli/follow_build.h"
#include "cli/json_output.h"
#include "cli/progress.h"
#include "cli/show_log.h"
#include "cli/table.h"

#include <array>

namespace cooper::cli {

namespace {

constexpr std::size_t kDefaultLimit = 10;

Cell status_cell(const Release& release, const App& app) {
  if (release.id.str() != app.release) return {};
  return {"active", Style::good};
}

int run_list(Context& context, const Options& options) {
  const App app = context.rack.get_app(resolve_app(context, options));
  const auto [releases, warnings] =
      context.rack.list_releases(app.name, options.limit.value_or(kDefaultLimit));
  for (const std::string& warning : warnings) print_warning(context, warning);
  if (options.json()) {
    context.out.write(releases_json(releases, app.release));
    return 0;
  }
  Table table({"ID", "STATUS", "BUILD", "CREATED", "DESCRIPTION"});
  const Time now = context.clock();
  for (const Release& release : releases) {
    table.add({{release.id.str()},
               status_cell(release, app),
               {release.build},
               {ago(release.created_at.at, now)},
               {release.description}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

int run_info(Context& context, const Options& options) {
  const App app = context.rack.get_app(resolve_app(context, options));
  const Release release =
      context.rack.get_release(app.name, options.words.empty() ? "last" : options.words[0]);
  if (options.json()) {
    context.out.write(release_json(release, app.release));
    return 0;
  }
  Facts facts = {{"Id", {release.id.str()}},
                 {"Status", status_cell(release, app)},
                 {"Build", {release.build}},
                 {"Created", {ago(release.created_at.at, context.clock())}},
                 {"Description", {release.description}}};
  std::string label = "Environment";
  for (const auto& [name, value] : release.environment) {
    facts.push_back({std::exchange(label, ""), {name}});  // no value: others may look on
  }
  label = "Images";
  for (const auto& [service, reference] : release.images) {
    facts.push_back({std::exchange(label, ""), {service + "  " + reference}});
  }
  context.out.write(facts_text(facts, context.out.colours()));
  return 0;
}

int run_manifest(Context& context, const Options& options) {
  const App app = context.rack.get_app(resolve_app(context, options));
  const Release release =
      context.rack.get_release(app.name, options.words.empty() ? "last" : options.words[0]);
  LogView view(context.out, LogForm::harmless);
  view.write(release.manifest);
  view.finish();
  view.end_line();
  return 0;
}

rack::StartDeploy deploy_of(const AppName& app, const ReleaseId& release, const Options& options) {
  return {.app = app,
          .release = release.str(),
          .create = std::nullopt,
          .if_locked = if_locked(options)};
}

int run_create_from(Context& context, const Options& options) {
  const App app = context.rack.get_app(resolve_app(context, options));
  if (!options.build_from && !options.env_from) {
    throw Error(Errc::invalid, "nothing to make a release from",
                "name one or two: --build-from RELEASE --env-from RELEASE");
  }
  Output& progress = options.id ? context.err : context.out;
  Progress phases(context, progress);
  phases.phase("Creating release");
  const Release made =
      context.rack.create_release({.app = app.name,
                                   .build_from = options.build_from.value_or(""),
                                   .environment_from = options.env_from.value_or(""),
                                   .set = {},
                                   .description = options.description.value_or("")});
  phases.phase_done("OK, " + made.id.str());
  int code = 0;
  if (options.promote) {
    Interrupts interrupts(Interrupts::Takes::all_ends);
    code = promote(context, deploy_of(app.name, made.id, options), interrupts, progress);
  }
  if (options.id && code == 0) context.out.write(made.id.str() + "\n");
  return code;
}

int run_promote(Context& context, const Options& options) {
  const App app = context.rack.get_app(resolve_app(context, options));
  const Release release =
      context.rack.get_release(app.name, options.words.empty() ? "last" : options.words[0]);
  Interrupts interrupts(Interrupts::Takes::all_ends);
  return promote(context, deploy_of(app.name, release.id, options), interrupts, context.out);
}

int run_rollback(Context& context, const Options& options) {
  const App app = context.rack.get_app(resolve_app(context, options));
  const Release target =
      context.rack.get_release(app.name, options.words.empty() ? "previous" : options.words[0]);
  const std::string id = target.id.str();
  Output& progress = options.id ? context.err : context.out;
  const Release made = [&] {
    Progress phases(context, progress);
    phases.phase("Rolling back to " + id);
    Release copy = context.rack.create_release({.app = app.name,
                                                .build_from = id,
                                                .environment_from = id,
                                                .set = {},
                                                .description = "rollback to " + id});
    phases.phase_done("OK, " + copy.id.str());
    return copy;
  }();
  Interrupts interrupts(Interrupts::Takes::all_ends);
  const int code = promote(context, deploy_of(app.name, made.id, options), interrupts, progress);
  if (options.id && code == 0) context.out.write(made.id.str() + "\n");
  return code;
}

constexpr Positional::Need kOptional = Positional::Need::optional;
constexpr std::array kPromoteId = {
    Positional{.name = "ID",
               .summary = "an id, the beginning of one, previous, or last (the default)",
               .need = kOptional,
               .offer = Offer::release}};
constexpr std::array kRollbackId = {
    Positional{.name = "ID",
               .summary = "an id or the beginning of one (default: previous, active before)",
               .need = kOptional,
               .offer = Offer::release}};
constexpr Flag kMadeId{
    .name = "id", .summary = "print the new release's id alone on stdout", .target = &Options::id};
constexpr std::array kManifestFlags = {kAppFlag};
constexpr std::array kPromoteFlags = {kAppFlag, kNoWaitFlag};
constexpr std::array kRollbackFlags = {kAppFlag, kNoWaitFlag, kMadeId};
constexpr std::array kCreateFlags = {
    kAppFlag,
    Flag{.name = "build-from",
         .value = "RELEASE",
         .summary = "whose build and manifest it has (default: the newest's)",
         .target = &Options::build_from,
         .offer = Offer::release},
    Flag{.name = "env-from",
         .value = "RELEASE",
         .summary = "whose environment it has (default: the newest's)",
         .target = &Options::env_from,
         .offer = Offer::release},
    Flag{.name = "description",
         .letter = 'd',
         .value = "TEXT",
         .summary = "what it is (default: that of its build's release)",
         .target = &Options::description},
    Flag{.name = "promote", .summary = "deploy it", .target = &Options::promote},
    kNoWaitFlag,
    kMadeId};

constexpr std::array kId = {
    Positional{.name = "ID",
               .summary = "an id, the beginning of one, active, previous, or last (the default)",
               .need = Positional::Need::optional,
               .offer = Offer::release}};
constexpr std::array kListFlags = {kAppFlag, kLimitFlag, kFormatFlag};
constexpr std::array kInfoFlags = {kAppFlag, kFormatFlag};

constexpr std::array kCommands = {
    Command{.name = "releases",
            .summary = "List the releases of an app, newest first",
            .flags = kListFlags,
            .examples = "cooper releases -a hello",
            .run = run_list},
    Command{.name = "releases info",
            .summary = "Show a release",
            .positionals = kId,
            .flags = kInfoFlags,
            .examples = "cooper releases info active -a hello",
            .run = run_info},
    Command{.name = "releases manifest",
            .summary = "Show the manifest that a release was built from",
            .positionals = kId,
            .flags = kManifestFlags,
            .examples = "cooper releases manifest -a hello",
            .run = run_manifest},
    Command{.name = "releases create-from",
            .summary = "Make a release of one's build and another's environment",
            .flags = kCreateFlags,
            .examples = "cooper releases create-from --build-from rmwq3uvv9j51c1m --env-from "
                        "active -a hello",
            .run = run_create_from},
    Command{.name = "releases promote",
            .summary = "Deploy a release: it becomes the active one",
            .positionals = kPromoteId,
            .flags = kPromoteFlags,
            .examples = "cooper releases promote -a hello\n"
                        "cooper releases promote rmwq3uvv9j51c1m -a hello",
            .run = run_promote},
    Command{.name = "releases rollback",
            .summary = "Deploy an older release again, without building: as a new release",
            .positionals = kRollbackId,
            .flags = kRollbackFlags,
            .examples = "cooper releases rollback -a hello\n"
                        "cooper releases rollback rmwq3uvv9j51c1m -a hello",
            .run = run_rollback}};

}  // namespace

std::span<const Command> releases_commands() { return kCommands; }

}  // namespace cooper::cli
