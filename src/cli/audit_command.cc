// `cooper audit`: who changed what through a server.

#include "base/text.h"
#include "cli/context.h"
#include "cli/json_output.h"
#include "cli/table.h"
#include "cli/when.h"

#include <array>

namespace cooper::cli {

namespace {

using store::AuditEntry;

constexpr std::size_t kDefaultEntries = 10;

/// Of whom somebody knows the name, that as well.
std::string who_text(const AuditEntry& entry) {
  if (entry.who.empty()) return "?";
  return entry.name.empty() ? entry.who : entry.who + " (" + entry.name + ")";
}

/// App, what the path names, and what came of it.
std::string about_text(const AuditEntry& entry) {
  std::vector<std::string> words;
  if (!entry.app.empty()) words.push_back(entry.app);
  for (const auto& [name, value] : entry.about) words.push_back(value);
  if (!entry.made.empty() && entry.made != entry.app) words.push_back("-> " + entry.made);
  return join(words, " ");
}

int run_audit(Context& context, const Options& options) {
  rack::AuditFilter filter;
  filter.limit = options.limit.value_or(kDefaultEntries);
  if (options.app) filter.app = AppName::parse(*options.app).value();
  const Time now = context.clock();
  if (options.since) filter.since = parse_when("since", *options.since, now).value();
  const rack::AuditPage page = context.rack.read_audit(filter);
  for (const std::string& warning : page.warnings) print_warning(context, warning);
  if (options.json()) {
    context.out.write(audit_json(page.entries));
    return 0;
  }
  Table table({"WHEN", "STATUS", "WHO", "FROM", "ACTION", "WHAT"});
  for (const AuditEntry& entry : page.entries) {
    table.add({{ago(entry.at.at, now)},
               {std::to_string(entry.status),
                style_of(entry.status < 400 ? DisplayStatus::succeeded : DisplayStatus::failed)},
               {who_text(entry)},
               {entry.from},
               {entry.action},
               {about_text(entry)}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

constexpr std::array kFlags = {
    Flag{.name = "app",
         .letter = 'a',
         .value = "APP",
         .summary = "about this app alone; it may be gone",
         .target = &Options::app,
         .offer = Offer::app},
    Flag{.name = "since",
         .value = "TIME",
         .summary = "since a day (2026-11-21), a moment, or for so long (90m, 3d)",
         .target = &Options::since},
    kLimitFlag, kFormatFlag};

constexpr std::array kCommands = {
    Command{.name = "audit",
            .summary = "Show who changed what through a server, and whose logins failed",
            .flags = kFlags,
            .examples = "cooper audit --since 1h --limit 0\n"
                        "cooper audit -a APP --format json",
            .run = run_audit}};

}  // namespace

std::span<const Command> audit_commands() { return kCommands; }

}  // namespace cooper::cli
