// `cooper apps ...`.

#include "cli/context.h"
#include "cli/json_output.h"
#include "cli/table.h"

#include <array>

namespace cooper::cli {

namespace {

/// The name as a word, else as every other command finds it.
AppName named_app(const Context& context, const Options& options) {
  if (options.words.empty()) return resolve_app(context, options);
  return AppName::parse(options.words[0]).value();
}

int run_list(Context& context, const Options& options) {
  const auto apps = context.rack.list_apps();
  if (options.json()) {
    context.out.write(apps_json(apps));
    return 0;
  }
  Table table({"APP", "RELEASE", "CREATED"});
  const Time now = context.clock();
  for (const App& app : apps) {
    table.add({{app.name.str()}, {app.release}, {ago(app.created_at.at, now)}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

int run_create(Context& context, const Options& options) {
  const AppName name = named_app(context, options);
  context.rack.create_app(name);
  context.out.write("Creating " + name.str() + "... OK\n");
  return 0;
}

int run_info(Context& context, const Options& options) {
  const App app = context.rack.get_app(named_app(context, options));
  if (options.json()) {
    context.out.write(app_json(app));
    return 0;
  }
  const Facts facts = {{"Name", {app.name.str()}},
                       {"Release", {app.release}},
                       {"Created", {ago(app.created_at.at, context.clock())}}};
  context.out.write(facts_text(facts, context.out.colours()));
  return 0;
}

int run_delete(Context& context, const Options& options) {
  const AppName name = AppName::parse(options.words[0]).value();
  context.rack.delete_app(name);
  context.out.write("Deleting " + name.str() + "... OK\n");
  return 0;
}

constexpr std::array kName = {Positional{.name = "APP",
                                         .summary = "the app (default: as for -a)",
                                         .need = Positional::Need::optional,
                                         .offer = Offer::app}};
constexpr std::array kNewName = {Positional{.name = "APP",
                                            .summary = "the new app's name (default: as for -a)",
                                            .need = Positional::Need::optional}};
// What goes for good is named outright, never taken from the folder.
constexpr std::array kNeededName = {Positional{.name = "APP",
                                               .summary = "the app that goes",
                                               .need = Positional::Need::required,
                                               .offer = Offer::app}};
constexpr std::array kListFlags = {kFormatFlag};
constexpr std::array kCreateFlags = {kAppFlag};
constexpr std::array kInfoFlags = {kAppFlag, kFormatFlag};

constexpr std::array kCommands = {
    Command{.name = "apps", .summary = "List the apps", .flags = kListFlags, .run = run_list},
    Command{.name = "apps create",
            .summary = "Create an app",
            .positionals = kNewName,
            .flags = kCreateFlags,
            .examples = "cooper apps create hello",
            .run = run_create},
    Command{.name = "apps info",
            .summary = "Show an app",
            .positionals = kName,
            .flags = kInfoFlags,
            .run = run_info},
    Command{.name = "apps delete",
            .summary = "Delete an app with its builds, releases, images and settings",
            .positionals = kNeededName,
            .examples = "cooper apps delete hello",
            .run = run_delete}};

}  // namespace

std::span<const Command> apps_commands() { return kCommands; }

}  // namespace cooper::cli
