// `cooper help|version|completion`.

#include "base/text.h"
#include "cli/completion.h"
#include "cli/context.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "plugin/help.h"

#include <array>

namespace cooper::cli {

namespace {

int run_help(Context& context, const Options& options) {
  if (options.words.empty()) {
    context.out.write(help_text(context.out.colours()));
    return 0;
  }
  if (const std::string text = plugin::long_help(options.words[0]); !text.empty()) {
    context.out.write(text);
    return 0;
  }
  const Result<Split> split = parse_command(options.words);
  if (!split) {
    print_error(context, split.error().message(), split.error().hint());
    return kUsage;
  }
  context.out.write(help_text(*split->command, context.out.colours()));
  return 0;
}

int run_version(Context& context, const Options& /*options*/) {
  context.out.write(version_text());
  return 0;
}

int run_completion(Context& context, const Options& options) {
  const auto script = completion_script(options.words[0]);
  if (script.empty()) {
    print_error(context, "unknown shell \"" + shorten(options.words[0], 60) + "\"",
                "there is completion for bash, zsh and fish");
    return kUsage;
  }
  context.out.write(script);
  return 0;
}

constexpr std::array kHelpPositionals = {Positional{.name = "COMMAND",
                                                    .summary = "the command that is asked about",
                                                    .need = Positional::Need::any_number,
                                                    .offer = Offer::command}};
constexpr std::array kShell = {Positional{.name = "SHELL",
                                          .summary = "bash, zsh or fish",
                                          .need = Positional::Need::required,
                                          .offer = Offer::shell}};

constexpr std::array kCommands = {
    Command{.name = "help",
            .summary = "Explain cooper, or one of its commands",
            .positionals = kHelpPositionals,
            .examples = "cooper help builds logs",
            .run = run_help,
            .runs = Runs::here},
    Command{
        .name = "version", .summary = "Print the version", .run = run_version, .runs = Runs::here},
    Command{.name = "completion",
            .summary = "Print a script that completes commands, flags, apps and builds",
            .positionals = kShell,
            .examples = "source <(cooper completion bash)\n"
                        "source <(cooper completion zsh)\n"
                        "cooper completion fish | source",
            .run = run_completion,
            .runs = Runs::here}};

}  // namespace

std::span<const Command> other_commands() { return kCommands; }

}  // namespace cooper::cli
