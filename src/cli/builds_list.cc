#include "cli/builds_list.h"

#include "base/text.h"
#include "cli/json_output.h"
#include "cli/table.h"
#include "cli/when.h"

#include <algorithm>
#include <optional>
#include <string>

namespace cooper::cli {

namespace {

constexpr std::size_t kDefaultLimit = 10;
/// Where no terminal sets a width. `builds info` shows all of it.
constexpr std::size_t kLongestDescription = 120;

std::optional<Time> moment(const Context& context, std::string_view flag,
                           const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return parse_when(flag, *text, context.clock()).value();
}

rack::BuildFilter filter_from(const Context& context, const Options& options) {
  rack::BuildFilter filter{.source = options.source.value_or(""),
                           .since = moment(context, "since", options.since),
                           .until = moment(context, "until", options.until),
                           .limit = options.limit.value_or(kDefaultLimit)};
  if (!options.all) filter.app = resolve_app(context, options);
  for (const std::string& status : options.statuses) {
    if (const auto parsed = parse_display_status(status)) filter.statuses.push_back(*parsed);
  }
  if (options.kind) filter.kind = parse_kind(*options.kind);
  if (options.before) {
    filter.before = filter.app ? context.rack.resolve_build(*filter.app, *options.before)
                               : BuildId::parse(*options.before).value();
  }
  return filter;
}

/// "queued 2/3": the second of three that wait.
std::string status_text(const rack::BuildView& view) {
  std::string text(to_string(view.status));
  if (!view.place) return text;
  return text + " " + std::to_string(view.place->position) + "/" +
         std::to_string(view.place->waiting);
}

std::string table_text(const Context& context, const std::vector<rack::BuildView>& builds,
                       const Options& options) {
  // Pins are rare: without one there is no column for them.
  const bool pins =
      std::ranges::any_of(builds, [](const rack::BuildView& view) { return view.build.pinned; });
  std::vector<std::string> columns = {"ID",      "STATUS",  "RELEASE",
                                      "STARTED", "ELAPSED", "DESCRIPTION"};
  if (pins) columns.insert(columns.end() - 1, "PINNED");
  if (options.all) columns.insert(columns.begin(), "APP");
  Table table(std::move(columns));
  const Time now = context.clock();
  for (const rack::BuildView& view : builds) {
    std::vector<Cell> cells = {{view.build.id.str()},
                               {status_text(view), style_of(view.status)},
                               {view.build.release},
                               {ago(view.build.started_at.at, now)},
                               {view.build.finished_at ? to_text(elapsed(view.build, now)) : ""},
                               {shorten(view.build.description, kLongestDescription)}};
    if (pins) cells.insert(cells.end() - 1, Cell{view.build.pinned ? "yes" : ""});
    if (options.all) cells.insert(cells.begin(), Cell{view.build.app.str()});
    table.add(std::move(cells));
  }
  return table.text(context.out.colours(), context.out.columns());
}

}  // namespace

int list_builds(Context& context, const Options& options) {
  const rack::BuildPage page = context.rack.find_builds(filter_from(context, options));
  for (const std::string& warning : page.warnings) print_warning(context, warning);
  context.out.write(options.json() ? builds_json(page.builds)
                                   : table_text(context, page.builds, options));
  return 0;
}

}  // namespace cooper::cli
