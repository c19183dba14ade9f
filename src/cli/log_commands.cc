// `cooper builds search|erase-log`: what logs hold, and what they must not hold.

#include "base/owner.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/when.h"
#include "log/terminal.h"

#include <array>

namespace cooper::cli {

namespace {

constexpr std::uint64_t kDefaultHits = 100;

/// The line without what a terminal would obey, and without its colours.
std::string harmless(const log::SearchHit& hit) {
  log::TerminalFilter filter(log::Colour::removed);
  std::string line = filter.filter(hit.text);
  line += filter.finish();
  for (char& c : line) {
    if (c == '\n' || c == '\t') c = ' ';  // a carriage return was there
  }
  const std::string shown = printable(trim(line));
  return (hit.cut_before ? "…" : "") + shown + (hit.cut_after ? "…" : "");
}

std::string hit_line(const rack::LogHit& found) {
  return found.build.app.str() + "  " + found.build.id.str() + "  " +
         to_rfc3339({found.build.started_at.at}, Fraction::dropped) + "  " +
         std::to_string(found.hit.line) + ": " + harmless(found.hit) + "\n";
}

rack::LogSearch search_from(const Context& context, const Options& options) {
  rack::LogSearch search{
      .text = options.words[0],
      .letters = options.ignore_case ? log::Case::ignored : log::Case::sensitive};
  if (options.app) search.builds.app = resolve_app(context, options);
  if (options.since) {
    search.builds.since = parse_when("since", *options.since, context.clock()).value();
  }
  return search;
}

int run_search(Context& context, const Options& options) {
  const rack::LogSearch search = search_from(context, options);
  const std::uint64_t limit = options.limit.value_or(kDefaultHits);
  const Interrupts interrupts;
  std::uint64_t hits = 0;
  bool more = false;
  const auto show = [&](const rack::LogHit& found) {
    if (limit != 0 && hits == limit) {
      more = true;
      return false;
    }
    if (options.json()) {
      context.out.write((hits == 0 ? "[\n" : ",\n") + log_hit_json(found));
    } else {
      context.out.write(hit_line(found));
    }
    ++hits;
    return !context.out.closed();
  };
  const rack::SearchEnd end = context.rack.search_logs(search, show, interrupts.first());
  for (const std::string& warning : end.warnings) print_warning(context, warning);
  if (options.json()) context.out.write(hits == 0 ? "[]\n" : "\n]\n");
  if (interrupts.first().stop_requested()) return exit_code(Errc::canceled);
  if (more) print_warning(context, "there is more: --limit 0 shows all of it");
  if (hits != 0) return 0;
  // "None" would be a guess.
  return end.unread ? exit_code(*end.unread) : 1;
}

int run_erase_log(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const BuildId id = context.rack.resolve_build(app, options.words[0]);
  const Build build = context.rack.erase_log(app, id, name_of_caller());
  context.out.write("Erased the log of build " + id.str() + ": " + printable(build.log_erased) +
                    "\n");
  print_warning(
      context,
      "what was copied to syslog or the journal, to a terminal or a backup is still there");
  return 0;
}

constexpr std::array kText = {Positional{.name = "TEXT",
                                         .summary = "what a line must hold, as it is",
                                         .need = Positional::Need::required}};
constexpr std::array kSearchFlags = {
    Flag{.name = "app",
         .letter = 'a',
         .value = "APP",
         .summary = "in this app's logs only (default: in those of all apps)",
         .target = &Options::app,
         .offer = Offer::app},
    Flag{.name = "since",
         .value = "TIME",
         .summary = "builds since a day (2026-11-21), a moment, or for so long (90m, 3d)",
         .target = &Options::since},
    Flag{.name = "ignore-case",
         .letter = 'i',
         .summary = "take A for a",
         .target = &Options::ignore_case},
    Flag{.name = "limit",
         .value = "N",
         .summary = "end after N lines (default: 100; 0: all)",
         .target = &Options::limit},
    kFormatFlag};

constexpr std::array kId = {
    Positional{.name = "ID",
               .summary = "an id, the beginning of one, last or last-failed",
               .need = Positional::Need::required,
               .offer = Offer::build}};
constexpr std::array kEraseFlags = {kAppFlag};

constexpr std::array kCommands = {
    Command{.name = "builds search",
            .summary = "Find text in the logs of all builds, the newest first; exit code 1: none",
            .positionals = kText,
            .flags = kSearchFlags,
            .examples = "cooper builds search ENOSPC\n"
                        "cooper builds search error -a hello --since 2d --ignore-case",
            .run = run_search},
    Command{
        .name = "builds erase-log",
        .summary = "Remove a log that shows a secret, with the texts of its steps; note who did",
        .positionals = kId,
        .flags = kEraseFlags,
        .examples = "cooper builds erase-log last -a hello",
        .run = run_erase_log}};

}  // namespace

std::span<const Command> log_commands() { return kCommands; }

}  // namespace cooper::cli
