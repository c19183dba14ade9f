// `cooper queue`: which builds run, and what waits for its turn.

#include "base/text.h"
#include "cli/context.h"
#include "cli/json_output.h"
#include "cli/table.h"

#include <algorithm>
#include <array>

namespace cooper::cli {

namespace {

using build::QueueEntry;

std::string table_text(const Context& context, const std::vector<QueueEntry>& entries) {
  Table table({"PLACE", "APP", "ID", "KIND", "BRANCH", "SINCE", "WAITS FOR"});
  const Time now = context.clock();
  for (const QueueEntry& entry : entries) {
    const build::QueueTicket& ticket = entry.ticket;
    const bool is_build = ticket.what == build::TicketFor::build;
    const Cell place = entry.place ? Cell{std::to_string(entry.place->position), Style::faint}
                                   : Cell{"running", style_of(DisplayStatus::running)};
    table.add({place,
               {ticket.app.str()},
               {is_build ? ticket.id.str() : ""},  // one that waits has no record yet
               {is_build ? "build" : "deploy"},
               {ticket.branch},
               {ago(ticket.since, now)},
               {entry.place ? entry.place->why : ""}});
  }
  return table.text(context.out.colours(), context.out.columns());
}

int run_list(Context& context, const Options& options) {
  std::vector<QueueEntry> entries = context.rack.list_queue();
  if (options.app) {
    const AppName app = context.rack.get_app(resolve_app(context, options)).name;
    std::erase_if(entries, [&](const QueueEntry& entry) { return entry.ticket.app != app; });
  }
  context.out.write(options.json() ? queue_json(entries) : table_text(context, entries));
  return 0;
}

int run_resume(Context& context, const Options& /*options*/) {
  for (const std::string& line : context.rack.resume_queue()) {
    context.out.write(printable(line) + "\n");
  }
  return 0;
}

constexpr std::array kListFlags = {Flag{.name = "app",
                                        .letter = 'a',
                                        .value = "APP",
                                        .summary = "of this app alone",
                                        .target = &Options::app,
                                        .offer = Offer::app},
                                   kFormatFlag};

constexpr std::array kCommands = {
    Command{.name = "queue",
            .summary = "List the builds that run, and what waits for its turn and why",
            .flags = kListFlags,
            .examples = "cooper queue\n"
                        "cooper queue -a APP --format json",
            .run = run_list},
    Command{.name = "queue resume",
            .summary = "Start queued builds again whose process is gone, as after a reboot",
            .examples = "cooper queue resume",
            .run = run_resume}};

}  // namespace

std::span<const Command> queue_commands() { return kCommands; }

}  // namespace cooper::cli
