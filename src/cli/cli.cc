#include "cli/cli.h"

#include "base/text.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/parse.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <unistd.h>

namespace cooper::cli {

namespace {

constexpr std::array kCommonFlags = {Flag{.name = "color",
                                          .value = "WHEN",
                                          .summary = "colours: auto, always or never",
                                          .target = &Options::color,
                                          .choices = "auto always never"}};

void set_colours(const Context& context, const Options& options) {
  const std::string no_color = context.variable("NO_COLOR");
  const std::string term = context.variable("TERM");
  ColourFacts facts{.no_color = no_color, .term = term};
  if (options.color == "always") facts.mode = ColourMode::always;
  if (options.color == "never") facts.mode = ColourMode::never;
  for (Output* output : {&context.out, &context.err}) {
    facts.is_terminal = output->is_terminal();
    output->set_colours(choose_colours(facts));
  }
}

int usage_error(const Context& context, const Error& error) {
  print_error(context, error.message(), error.hint());
  return kUsage;
}

int dispatch(Context& context, std::span<const std::string> arguments) {
  set_colours(context, {});
  if (arguments.size() == 1 && arguments[0] == "--version") {
    context.out.write(version_text());
    return 0;
  }
  const Result<Split> split = parse_command(arguments);
  if (!split) return usage_error(context, split.error());
  if (!split->command) {
    const auto& rest = split->rest;
    const bool asked = std::ranges::all_of(
        rest, [](const std::string& word) { return word == "-h" || word == "--help"; });
    if (!asked)
      return usage_error(context, {Errc::invalid, "no command", "cooper help lists them"});
    context.out.write(help_text(context.out.colours()));
    return 0;
  }
  const Result<Options> options = parse_options(*split->command, split->rest);
  if (!options) return usage_error(context, options.error());
  set_colours(context, *options);
  if (options->help) {
    context.out.write(help_text(*split->command, context.out.colours()));
    return 0;
  }
  return split->command->run(context, *options);
}

/// What a shell asks at the Tab key: `cooper __complete WORD...`.
int answer_completion(Context& context, std::span<const std::string> words) {
  try {
    context.out.write(to_lines(complete(context, words)));
  } catch (const Error&) {  // boundary: a person who types sees no errors of the Tab key
  }
  return 0;
}

}  // namespace

std::span<const Flag> common_flags() { return kCommonFlags; }

std::span<const Group> groups() {
  static const std::array kGroups = {Group{"Build", build_commands()},
                                     Group{"Deploy", deploy_commands()},
                                     Group{"Containers", ps_commands()},
                                     Group{"Track", track_commands()},
                                     Group{"Builds", builds_commands()},
                                     Group{"Queue", queue_commands()},
                                     Group{"Compare", diff_commands()},
                                     Group{"Bundles", bundle_commands()},
                                     Group{"Images", image_commands()},
                                     Group{"Logs", log_commands()},
                                     Group{"Retention", retention_commands()},
                                     Group{"Settings", property_commands()},
                                     Group{"Releases", releases_commands()},
                                     Group{"Environment", env_commands()},
                                     Group{"Git", git_commands()},
                                     Group{"SSH keys", ssh_keys_commands()},
                                     Group{"Archives", from_archive_commands()},
                                     Group{"Remotes", git_sync_commands()},
                                     Group{"Apps", apps_commands()},
                                     Group{kDokkuTitle, plugin_commands()},
                                     Group{"Engines", engines_commands()},
                                     Group{"Registries", registries_commands()},
                                     Group{"Server", serve_commands()},
                                     Group{"Remote", login_commands()},
                                     Group{"Tokens", tokens_commands()},
                                     Group{"Audit", audit_commands()},
                                     Group{"Hooks", hooks_commands()},
                                     Group{"Webhooks", webhooks_commands()},
                                     Group{"System", system_commands()},
                                     Group{"Other", other_commands()}};
  return kGroups;
}

const Command* find_command(std::string_view name) {
  for (const Group& group : groups()) {
    const auto found = std::ranges::find(group.commands, name, &Command::name);
    if (found != group.commands.end()) return &*found;
  }
  return nullptr;
}

Runs runs_where(std::span<const std::string> arguments) {
  if (!arguments.empty() && arguments[0] == "__complete") return Runs::anywhere;
  const Result<Split> split = parse_command(arguments);
  if (!split || !split->command) return Runs::here;  // what is said of it, any host can say
  const bool asks_for_help = std::ranges::any_of(
      split->rest, [](const std::string& word) { return word == "-h" || word == "--help"; });
  return asks_for_help ? Runs::here : split->command->runs;
}

int execute(Context& context, std::span<const std::string> arguments) {
  if (!arguments.empty() && arguments[0] == "__complete") {
    return answer_completion(context, arguments.subspan(1));
  }
  int code = 1;
  try {
    code = dispatch(context, arguments);
  } catch (const Error& error) {  // boundary: the command line
    print_error(context, error.message(), error.hint());
    return exit_code(error.code());
  } catch (const std::exception& error) {  // boundary: what no layer has made its own
    print_error(context, std::string("internal error: ") + error.what(),
                "this is a bug in cooper: please report it");
    return exit_code(Errc::internal);
  }
  if (const int failure = context.out.failure(); failure != 0 && failure != EPIPE) {
    print_error(context, "can't write the output: " + std::generic_category().message(failure));
    return exit_code(Errc::unavailable);
  }
  return code;
}

int run(std::span<char*> arguments, rack::Rack& rack) {
  std::signal(SIGPIPE, SIG_IGN);
  Output out(STDOUT_FILENO);
  Output err(STDERR_FILENO);
  Context context{.rack = rack,
                  .out = out,
                  .err = err,
                  .variable =
                      [](const char* name) {
                        // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
                        const char* value = std::getenv(name);
                        return std::string(value ? value : "");
                      },
                  .clock = now,
                  .folder = "."};
  const auto words = arguments.subspan(arguments.empty() ? 0 : 1);
  return execute(context, std::vector<std::string>(words.begin(), words.end()));
}

}  // namespace cooper::cli
