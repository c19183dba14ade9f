// `cooper env ...`, as Convox has it, and `cooper config:...`, as Dokku has it: the environment
// of an app, which lives in its releases.

#include "base/text.h"
#include "cli/context.h"
#include "cli/deploys.h"
#include "cli/env_input.h"
#include "cli/follow_build.h"
#include "cli/json_output.h"
#include "cli/progress.h"
#include "cli/show_log.h"

#include <algorithm>
#include <array>
#include <optional>

namespace cooper::cli {

namespace {

/// The app that a command in Dokku's spelling names first.
App first_app(const Context& context, const Options& options) {
  return context.rack.get_app(AppName::parse(options.words.at(0)).value());
}

std::span<const std::string> words_behind_app(const Options& options) {
  return std::span(options.words).subspan(1);
}

Environment environment_of(const Context& context, const AppName& app) {
  const auto newest = context.rack.newest_release(app);
  return newest ? newest->environment : Environment{};
}

/// Texts of others go to a terminal without what drives it.
void write_text(const Context& context, std::string_view text) {
  LogView view(context.out, LogForm::harmless);
  view.write(text);
  view.finish();
}

// What both spellings do

int show_one(const Context& context, const AppName& app, const std::string& name) {
  const Environment environment = environment_of(context, app);
  const auto found = environment.find(name);
  if (found == environment.end()) {
    throw Error(Errc::not_found, "app " + app.str() + " has no variable " + shorten(name, 60));
  }
  write_text(context, found->second + "\n");
  return 0;
}

std::string joined_names(const Environment& variables, const std::vector<std::string>& more) {
  std::vector<std::string> names = more;
  for (const auto& [name, value] : variables) names.push_back(name);
  std::ranges::sort(names);
  return printable(join(names, ", "));
}

/// "Setting A, B", "Unsetting C", or both.
std::string words_for(const rack::NewRelease& change) {
  if (change.replace) return "Setting " + joined_names(change.set, {}) + ", removing all others";
  if (change.unset.empty()) return "Setting " + joined_names(change.set, {});
  const std::string unsetting = joined_names({}, change.unset);
  if (change.set.empty()) return "Unsetting " + unsetting;
  return "Setting " + joined_names(change.set, {}) + ", unsetting " + unsetting;
}

/// Makes the release that `change` describes.
Release make_release(const Context& context, const rack::NewRelease& change, Output& progress) {
  Progress phases(context, progress);
  phases.phase(words_for(change));
  Release release = context.rack.create_release(change);
  phases.phase_done();
  progress.write("Release: " + release.id.str() + "\n");
  return release;
}

std::vector<std::string> names_to_unset(std::span<const std::string> words) {
  for (const std::string& word : words) {
    if (is_variable_name(word)) continue;
    // It may be NAME=VALUE, and the value a secret.
    throw Error(Errc::invalid, "what is to be unset has a name that no variable can have",
                "names alone: LOG_LEVEL");
  }
  if (words.empty()) throw Error(Errc::invalid, "no variable is named");
  return {words.begin(), words.end()};
}

// Convox's spelling: a release is made; --promote deploys it

int run_env(Context& context, const Options& options) {
  const App app = context.rack.get_app(resolve_app(context, options));
  write_text(context, to_text(environment_of(context, app.name), EnvironmentForm::lines));
  return 0;
}

int run_env_get(Context& context, const Options& options) {
  const App app = context.rack.get_app(resolve_app(context, options));
  return show_one(context, app.name, options.words[0]);
}

/// It would change nothing.
bool has(const Environment& now, const rack::NewRelease& change) {
  if (change.replace) return now == change.set;
  return std::ranges::all_of(change.set,
                             [&](const auto& variable) {
                               const auto found = now.find(variable.first);
                               return found != now.end() && found->second == variable.second;
                             }) &&
         std::ranges::none_of(change.unset,
                              [&](const std::string& name) { return now.contains(name); });
}

int change_env(const Context& context, const Options& options, const rack::NewRelease& change) {
  Output& progress = options.id ? context.err : context.out;
  const auto newest = context.rack.newest_release(change.app);
  if (newest && !options.promote && has(newest->environment, change)) {
    progress.write("Nothing to change: release " + newest->id.str() + " has this already\n");
    if (options.id) context.out.write(newest->id.str() + "\n");
    return 0;
  }
  const Release release = make_release(context, change, progress);
  int code = 0;
  if (options.promote) {
    Interrupts interrupts(Interrupts::Takes::all_ends);
    code =
        promote(context, {.app = change.app, .release = release.id.str(), .create = std::nullopt},
                interrupts, progress);
  }
  if (options.id && code == 0) context.out.write(release.id.str() + "\n");
  return code;
}

int run_env_set(Context& context, const Options& options) {
  const App app = context.rack.get_app(resolve_app(context, options));
  return change_env(context, options,
                    {.app = app.name,
                     .set = read_variables(options.words, options).value(),
                     .replace = options.replace});
}

int run_env_unset(Context& context, const Options& options) {
  const App app = context.rack.get_app(resolve_app(context, options));
  return change_env(context, options,
                    {.app = app.name, .set = {}, .unset = names_to_unset(options.words)});
}

// Dokku's spelling: what was changed is deployed with the build that the app runs on

/// Nothing would be different, and it is what the app runs with, or it runs with nothing.
bool is_so_already(const Context& context, const App& app, const rack::NewRelease& change) {
  const auto newest = context.rack.newest_release(app.name);
  if (!has(newest ? newest->environment : Environment{}, change)) return false;
  return app.release.empty() || newest->id.str() == app.release;
}

int change_config(const Context& context, const Options& options, const App& app,
                  rack::NewRelease change) {
  if (is_so_already(context, app, change)) {
    context.out.write("Nothing to change: app " + app.name.str() +
                      (app.release.empty() ? " has" : " runs with") + " this already\n");
    return 0;
  }
  if (!app.release.empty()) change.build_from = "active";
  const auto newest = context.rack.newest_release(app.name);
  const bool has_build = !app.release.empty() || (newest && !newest->build.empty());
  if (options.no_restart || !has_build) {
    make_release(context, change, context.out);
    if (!options.no_restart) {
      context.err.write("Nothing is deployed: app " + app.name.str() + " has no build yet\n");
    }
    return 0;
  }
  Interrupts interrupts(Interrupts::Takes::all_ends);
  const std::string what = words_for(change);
  const rack::StartDeploy start{.app = app.name,
                                .release = "",
                                .create = std::move(change),
                                .source = "config-redeploy",
                                .if_locked = if_locked(options)};
  const Build deploy = [&] {
    Progress phases(context, context.out);
    phases.phase(what);
    const Build started = context.rack.start_deploy(start, phases, interrupts.first());
    phases.phase_done();
    return started;
  }();
  context.out.write("Release: " + deploy.release + "\n");
  const int code = follow_deploy(context, deploy, interrupts, context.out);
  if (code != 0 && is_terminal(context.rack.get_build(app.name, deploy.id).build.status)) {
    context.err.write("The change is kept in release " + deploy.release +
                      " and comes with the next deploy; to try again: cooper releases promote -a " +
                      app.name.str() + "\n");
  }
  return code;
}

int run_config_set(Context& context, const Options& options) {
  const App app = first_app(context, options);
  return change_config(
      context, options, app,
      {.app = app.name, .set = read_variables(words_behind_app(options), options).value()});
}

int run_config_unset(Context& context, const Options& options) {
  const App app = first_app(context, options);
  return change_config(
      context, options, app,
      {.app = app.name, .set = {}, .unset = names_to_unset(words_behind_app(options))});
}

int run_config_get(Context& context, const Options& options) {
  return show_one(context, first_app(context, options).name, options.words[1]);
}

std::string pretty_text(const AppName& app, const Environment& environment) {
  std::string text = "=====> " + app.str() + " env vars\n";
  std::size_t width = 0;
  for (const auto& [name, value] : environment) width = std::max(width, name.size());
  for (const auto& [name, value] : environment) {
    std::string shown;
    for (const char c : value) shown += c == '\n' ? std::string("\\n") : std::string(1, c);
    text += name + ":" + std::string(width - name.size() + 2, ' ') + printable(shown) + "\n";
  }
  return text;
}

void warn_of_undeployed(const Context& context, const App& app, const Environment& shown) {
  if (app.release.empty()) return;
  const Release active = context.rack.get_release(app.name, "active");
  if (active.environment == shown) return;
  print_warning(context, "app " + app.name.str() + " runs release " + app.release +
                             ", whose environment is another one");
}

int run_config_show(Context& context, const Options& options) {
  const App app = first_app(context, options);
  const Environment environment = environment_of(context, app.name);
  const std::string form = options.format.value_or("pretty");
  if (form == "pretty") {
    context.out.write(pretty_text(app.name, environment));
    warn_of_undeployed(context, app, environment);
    return 0;
  }
  if (form == "json") {
    context.out.write(environment_json(environment));
    return 0;
  }
  write_text(context, to_text(environment, form == "exports"       ? EnvironmentForm::exports
                                           : form == "shell"       ? EnvironmentForm::shell
                                           : form == "docker-args" ? EnvironmentForm::docker_args
                                                                   : EnvironmentForm::lines));
  return 0;
}

constexpr Positional kApp{.name = "APP", .summary = "the app", .offer = Offer::app};
constexpr Positional kAssignments{
    .name = "NAME=VALUE",
    .summary = "what is set; whoever can list processes sees it: use a file for what is secret",
    .need = Positional::Need::any_number};
constexpr Positional kNames{
    .name = "NAME", .summary = "what is removed", .need = Positional::Need::any_number};
constexpr Flag kEnvFile{.name = "env-file",
                        .value = "FILE",
                        .summary = "take NAME=VALUE lines from a file; -: from stdin",
                        .target = &Options::env_file,
                        .offer = Offer::file};
constexpr Flag kValueFile{.name = "value-file",
                          .value = "NAME=FILE",
                          .summary = "the file's text is the value; -: stdin; may be repeated",
                          .target = &Options::value_files};
constexpr Flag kPromote{
    .name = "promote", .summary = "deploy the release that is made", .target = &Options::promote};
constexpr Flag kReleaseId{
    .name = "id", .summary = "print the release's id alone on stdout", .target = &Options::id};
constexpr Flag kNoRestart{.name = "no-restart",
                          .summary = "keep the change for the next deploy",
                          .target = &Options::no_restart};

constexpr std::array kEnvFlags = {kAppFlag};
constexpr std::array kName = {Positional{.name = "NAME", .summary = "what is shown"}};
constexpr std::array kEnvSetWords = {kAssignments};
constexpr std::array kEnvSetFlags = {kAppFlag,
                                     kEnvFile,
                                     kValueFile,
                                     kPromote,
                                     Flag{.name = "replace",
                                          .summary = "remove all variables that are not given",
                                          .target = &Options::replace},
                                     kReleaseId};
constexpr std::array kEnvUnsetWords = {kNames};
constexpr std::array kEnvUnsetFlags = {kAppFlag, kPromote, kReleaseId};
constexpr std::array kConfigSetWords = {kApp, kAssignments};
constexpr std::array kConfigSetFlags = {kEnvFile, kValueFile, kNoRestart, kNoWaitFlag};
constexpr std::array kConfigUnsetWords = {kApp, kNames};
constexpr std::array kConfigUnsetFlags = {kNoRestart, kNoWaitFlag};
constexpr std::array kConfigGetWords = {kApp, kName[0]};
constexpr std::array kConfigShowWords = {kApp};
constexpr std::array kConfigShowFlags = {
    Flag{.name = "format",
         .value = "FORMAT",
         .summary = "pretty, json, exports, shell, docker-args or env-file (default: pretty)",
         .target = &Options::format,
         .choices = "pretty json exports shell docker-args env-file"}};

constexpr std::array kCommands = {
    Command{.name = "env",
            .summary = "Show an app's environment",
            .flags = kEnvFlags,
            .examples = "cooper env -a hello",
            .run = run_env},
    Command{.name = "env get",
            .summary = "Show the value of one variable",
            .positionals = kName,
            .flags = kEnvFlags,
            .examples = "cooper env get LOG_LEVEL -a hello",
            .run = run_env_get},
    Command{.name = "env set",
            .summary = "Make a release with variables added or changed",
            .positionals = kEnvSetWords,
            .flags = kEnvSetFlags,
            .examples = "cooper env set LOG_LEVEL=info -a hello --promote\n"
                        "cooper env set --env-file hello.env --replace -a hello\n"
                        "cooper env set --value-file TLS_KEY=key.pem -a hello",
            .run = run_env_set},
    Command{.name = "env unset",
            .summary = "Make a release without some variables",
            .positionals = kEnvUnsetWords,
            .flags = kEnvUnsetFlags,
            .examples = "cooper env unset LOG_LEVEL -a hello --promote",
            .run = run_env_unset},
    Command{.name = "config:show",
            .summary = "Show an app's environment",
            .positionals = kConfigShowWords,
            .flags = kConfigShowFlags,
            .examples = "cooper config:show hello\n"
                        "cooper config:show hello --format env-file",
            .run = run_config_show},
    Command{.name = "config:get",
            .summary = "Show the value of one variable",
            .positionals = kConfigGetWords,
            .examples = "cooper config:get hello LOG_LEVEL",
            .run = run_config_get},
    Command{.name = "config:set",
            .summary = "Set variables, and deploy the app with them",
            .positionals = kConfigSetWords,
            .flags = kConfigSetFlags,
            .examples = "cooper config:set hello LOG_LEVEL=info\n"
                        "cooper config:set --no-restart hello --env-file hello.env\n"
                        "cooper config:set hello --value-file TLS_KEY=key.pem",
            .run = run_config_set},
    Command{.name = "config:unset",
            .summary = "Remove variables, and deploy the app without them",
            .positionals = kConfigUnsetWords,
            .flags = kConfigUnsetFlags,
            .examples = "cooper config:unset hello LOG_LEVEL",
            .run = run_config_unset}};

}  // namespace

std::span<const Command> env_commands() { return kCommands; }

}  // namespace cooper::cli
