// `cooper builds ...`: what was built, and the builds that run.

#include "base/text.h"
#include "cli/builds_list.h"
#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/outcome.h"
#include "cli/progress.h"
#include "cli/show_log.h"
#include "cli/table.h"

#include <algorithm>
#include <array>

namespace cooper::cli {

namespace {

std::string elapsed_text(const rack::BuildView& view, Time now) {
  return view.build.finished_at ? to_text(elapsed(view.build, now)) : "";
}

Cell status_cell(DisplayStatus status) {
  return {std::string(to_string(status)), style_of(status)};
}

BuildId build_from(const Context& context, const AppName& app, const Options& options,
                   std::optional<Kind> kind = std::nullopt) {
  return context.rack.resolve_build(app, options.words.empty() ? "last" : options.words[0], kind);
}

std::string steps_text(const Context& context, std::span<const Step> steps) {
  Table table({"SERVICE", "STEP", "ELAPSED", "RESULT", "TEXT"});
  for (const Step& step : steps) {
    using std::chrono::milliseconds;
    const std::string time =
        step.finished
            ? seconds_text(std::chrono::duration_cast<milliseconds>(*step.finished - step.started))
            : "";
    Cell result{"", Style::plain};
    if (step.cached) {
      result = {"cached", Style::faint};
    } else if (step.exit_code) {
      result = *step.exit_code == 0 ? Cell{"ok", Style::good}
                                    : Cell{"exit " + std::to_string(*step.exit_code), Style::bad};
    }
    table.add({{step.service}, {std::to_string(step.number)}, {time}, result, {step.text}});
  }
  return table.text(context.out.colours(), context.out.columns());
}

std::vector<std::string> services_in(const std::map<std::string, std::string>& by_service) {
  std::vector<std::string> names;
  for (const auto& [service, value] : by_service) names.push_back(service);
  return names;
}

/// Those that say something.
Facts facts_of(const rack::BuildView& view, Time now) {
  const Build& build = view.build;
  const bool waits = view.status == DisplayStatus::queued;
  const bool lives = view.status == DisplayStatus::running || waits;
  Facts facts = {{"Id", {build.id.str()}},
                 {"Status", status_cell(view.status)},
                 {"Queue", {view.place ? to_text(*view.place) : ""}},
                 {"Release", {build.release}},
                 {"Description", {build.description}},
                 {"Queued", {build.queued_at ? ago(build.queued_at->at, now) : ""}},
                 {"Started", {waits ? "" : ago(build.started_at.at, now)}},
                 {"Elapsed", {elapsed_text(view, now)}},
                 {"Kind", {std::string(to_string(build.kind))}},
                 {"Source", {build.source}},
                 {"Retry of", {build.retry_of}},
                 {"Imported from", {build.imported_from}},
                 {"Pid", {lives && build.pid > 0 ? std::to_string(build.pid) : ""}},
                 {"Exit code", {build.exit_code ? std::to_string(*build.exit_code) : ""}},
                 {"Unchanged", {join(services_in(build.unchanged), ", ")}},
                 {"Pinned", {build.pinned ? "yes" : ""}},
                 {"Reason", {build.reason}},
                 {"Superseded by", {build.superseded_by}},
                 {"Log erased", {build.log_erased}}};
  std::erase_if(facts, [](const auto& fact) { return fact.second.text.empty(); });
  for (const auto& [service, reference] : build.pushed) {
    facts.push_back({"Pushed " + service, {reference}});
  }
  return facts;
}

int run_info(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const BuildId id = build_from(context, app, options);
  const rack::BuildView view = context.rack.get_build(app, id);
  if (options.json()) {
    context.out.write(build_json(view, context.rack.list_steps(app, id)));
    return 0;
  }
  context.out.write(facts_text(facts_of(view, context.clock()), context.out.colours()));
  if (options.steps)
    context.out.write("\n" + steps_text(context, context.rack.list_steps(app, id)));
  return 0;
}

int run_provenance(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  context.out.write(context.rack.provenance(app, build_from(context, app, options, Kind::build)));
  return 0;
}

int run_logs(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const BuildId id = build_from(context, app, options);
  const std::uint64_t from =
      options.tail ? context.rack.log_tail(app, id, *options.tail) : std::uint64_t{0};
  LogView view(context.out, options.raw ? LogForm::raw : LogForm::harmless);
  if (options.no_follow) {
    context.rack.read_log(app, id, from, [&](std::string_view bytes) { view.write(bytes); });
    view.finish();
    return 0;
  }
  const Interrupts interrupts;
  std::stop_source stop;
  const std::stop_callback at_interrupt(interrupts.first(), [&stop] { stop.request_stop(); });
  const auto sink = [&](std::string_view bytes) {
    view.write(bytes);
    if (context.out.closed()) stop.request_stop();
  };
  context.rack.follow_log(app, id, from, sink, stop.get_token());
  view.finish();
  if (interrupts.first().stop_requested()) return exit_code(Errc::canceled);
  if (!options.follow || context.out.closed()) return 0;
  view.end_line();
  return report_outcome(context, context.rack.get_build(app, id));
}

int run_cancel(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const BuildId id = context.rack.resolve_build(app, options.words[0]);
  const Status before = context.rack.get_build(app, id).build.status;
  if (is_terminal(before)) {
    context.rack.cancel_build(app, id);  // its supervisor may still be about its last work
    throw Error(Errc::conflict,
                "build " + id.str() + " has ended already: " + std::string(to_string(before)));
  }
  Progress progress(context, context.out);
  progress.phase("Canceling build " + id.str());
  const rack::BuildView after = context.rack.cancel_build(app, id);
  if (after.status == DisplayStatus::succeeded) {
    throw Error(Errc::conflict, "build " + id.str() + " succeeded before it could be canceled");
  }
  // One whose process was gone is reaped as failed.
  const bool reaped = after.status != DisplayStatus::canceled;
  progress.phase_done(reaped ? "OK, " + std::string(to_string(after.status)) : "OK");
  return 0;
}

constexpr std::string_view kIdSummary = "an id, the beginning of one, current, last or last-failed";

constexpr std::array kId = {Positional{.name = "ID",
                                       .summary = kIdSummary,
                                       .need = Positional::Need::required,
                                       .offer = Offer::build}};
constexpr std::array kOptionalId = {Positional{
    .name = "ID",
    .summary = "an id, the beginning of one, current, last or last-failed (default: last)",
    .need = Positional::Need::optional,
    .offer = Offer::build}};

constexpr std::array kInfoFlags = {
    kAppFlag, Flag{.name = "steps", .summary = "list the steps as well", .target = &Options::steps},
    kFormatFlag};
constexpr std::array kLogsFlags = {
    kAppFlag,
    Flag{.name = "follow",
         .summary = "go on until the build has ended, as by default, and exit with 1 if it failed",
         .target = &Options::follow,
         .excludes = "no-follow"},
    Flag{.name = "no-follow",
         .summary = "print what is there, and end",
         .target = &Options::no_follow},
    Flag{.name = "tail",
         .letter = 'n',
         .value = "N",
         .summary = "begin N lines before the end",
         .target = &Options::tail},
    Flag{.name = "raw",
         .summary = "show the log on a terminal as it is, escape sequences and all",
         .target = &Options::raw}};
constexpr std::array kAppFlagAlone = {kAppFlag};

constexpr std::array kCommands = {
    Command{.name = "builds",
            .summary = "List the builds of an app, or of all, newest first",
            .flags = kBuildListFlags,
            .examples = "cooper builds -a hello\ncooper builds -a hello --limit 0 --format json\n"
                        "cooper builds --all --status failed --since 24h",
            .run = list_builds},
    Command{.name = "builds info",
            .summary = "Show a build's record",
            .positionals = kOptionalId,
            .flags = kInfoFlags,
            .examples = "cooper builds info last-failed -a hello --steps",
            .run = run_info},
    Command{.name = "builds logs",
            .summary = "Show a build's log, and follow it while the build runs",
            .positionals = kOptionalId,
            .flags = kLogsFlags,
            .examples = "cooper builds logs current -a hello --tail 20",
            .run = run_logs},
    Command{
        .name = "builds provenance",
        .summary = "Show what a build was made from and by: an in-toto statement (SLSA), as JSON",
        .positionals = kOptionalId,
        .flags = kAppFlagAlone,
        .examples = "cooper builds provenance last -a hello",
        .run = run_provenance},
    Command{.name = "builds cancel",
            .summary = "Cancel a running or queued build and wait until nothing of it is left",
            .positionals = kId,
            .flags = kAppFlagAlone,
            .examples = "cooper builds cancel current -a hello",
            .run = run_cancel}};

}  // namespace

std::span<const Command> builds_commands() { return kCommands; }

}  // namespace cooper::cli
