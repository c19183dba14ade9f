// `cooper releases ...`.

#include "cli/context.h"
#include "cli/json_output.h"
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
  const auto releases = context.rack.list_releases(app.name, options.limit.value_or(kDefaultLimit));
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
  std::string label = "Images";
  for (const auto& [service, reference] : release.images) {
    facts.push_back({std::exchange(label, ""), {service + "  " + reference}});
  }
  context.out.write(facts_text(facts, context.out.colours()));
  return 0;
}

constexpr std::array kId = {
    Positional{.name = "ID",
               .summary = "an id, the beginning of one, or last (the default)",
               .need = Positional::Need::optional,
               .offer = Offer::release}};
constexpr std::array kListFlags = {kAppFlag, kLimitFlag, kFormatFlag};
constexpr std::array kInfoFlags = {kAppFlag, kFormatFlag};

constexpr std::array kCommands = {Command{.name = "releases",
                                          .summary = "List the releases of an app, newest first",
                                          .flags = kListFlags,
                                          .examples = "cooper releases -a hello",
                                          .run = run_list},
                                  Command{.name = "releases info",
                                          .summary = "Show a release",
                                          .positionals = kId,
                                          .flags = kInfoFlags,
                                          .examples = "cooper releases info last -a hello",
                                          .run = run_info}};

}  // namespace

std::span<const Command> releases_commands() { return kCommands; }

}  // namespace cooper::cli
