#include "plugin/plugin.h"

#include "base/text.h"
#include "plugin/help.h"
#include "plugin/list_commands.h"
#include "plugin/run_commands.h"
#include "plugin/settings_commands.h"
#include "plugin/triggers.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <unistd.h>

namespace cooper::plugin {

namespace {

constexpr FlagSpec kFormat{"format", "string", "format: [ stdout | json ] (default \"stdout\")"};
constexpr std::array kInfoFlags = {kFormat};
constexpr std::array kListFlags = {
    kFormat, FlagSpec{"kind", "string", "filter by kind: [ build | deploy ]"},
    FlagSpec{"status", "string",
             "filter by status: [ running | succeeded | failed | canceled | abandoned ]"}};
constexpr std::array kPruneFlags = {FlagSpec{"all-apps", "", "--all-apps: prune every app"}};
constexpr std::array kSetFlags = {FlagSpec{"global", "", "--global: set a global property"}};

constexpr std::array kSubcommands = {
    Subcommand{
        "cancel", "<app>", "Cancel a running build for an app", {}, true, cancel_build, "shop"},
    Subcommand{"info", "<app> <build-id> [--format json|stdout]", "Show details for a single build",
               kInfoFlags, true, show_build, "shop 0mjwq3k1x8y2ab --format json"},
    Subcommand{"list", "[<app>] [--format json] [--kind build|deploy] [--status <status>]",
               "List builds", kListFlags, true, list_builds, "shop --status failed"},
    Subcommand{"output",
               "<app> [<build-id>|current]",
               "Show build output",
               {},
               true,
               show_output,
               "shop current"},
    Subcommand{"prune", "<app> [--all-apps]", "Prune build records to retention", kPruneFlags, true,
               prune_builds, "--all-apps"},
    Subcommand{"report",
               "[<app>] [<flag>]",
               "Display a build report for one or more apps",
               {},
               false,
               report_builds,
               "shop --build-status"},
    Subcommand{"set", "[--global|<app>] <key> [<value>]", "Set or clear a builds property",
               kSetFlags, true, set_property, "shop retention 50"}};

// Dokku's own plugin `apps` has these; ours are for a host without Dokku.
constexpr std::array kLockCommands = {
    Subcommand{"apps:locked",
               "<app>",
               "Say whether a deploy holds the app's lock; exit code 1: none",
               {},
               true,
               say_whether_locked,
               "shop"},
    Subcommand{"apps:unlock",
               "<app>",
               "Remove a deploy lock that nobody holds",
               {},
               true,
               unlock_app,
               "shop"}};

constexpr std::string_view kPrefix = "builds:";

const Subcommand* find_subcommand(std::string_view name) {
  for (const std::span<const Subcommand> table :
       {std::span<const Subcommand>(kSubcommands), std::span<const Subcommand>(kLockCommands)}) {
    const auto found = std::ranges::find(table, name, &Subcommand::name);
    if (found != table.end()) return &*found;
  }
  return nullptr;
}

const Trigger* find_trigger(std::string_view name) {
  const auto found = std::ranges::find(triggers(), name, &Trigger::name);
  return found == triggers().end() ? nullptr : &*found;
}

bool asks_for_help(std::span<const std::string> words) {
  const auto end = std::ranges::find(words, "--");
  return std::any_of(words.begin(), end,
                     [](const std::string& word) { return word == "-h" || word == "--help"; });
}

int run_subcommand(const Face& face, const Call& call) {
  if (call.name == "help") {
    face.out.write(help_text());
    return 0;
  }
  const Subcommand* command = find_subcommand(call.name);
  if (!command) return refuse(face, "Invalid plugin subcommand call: " + call.name);
  const std::string title = full_name(*command);
  if (!call.from_folder && asks_for_help(call.words)) {
    face.out.write(long_help(title));
    return 0;
  }
  if (!command->parses_flags) return command->run(face, {.words = call.words});
  const Result<Parsed> parsed = parse_flags(command->flags, call.words);
  if (!parsed) {
    face.err.write(usage_text(title, command->flags) + printable(parsed.error().message()) + "\n");
    return 2;
  }
  if (parsed->help) {
    face.out.write(usage_text(title, command->flags));
    return 0;
  }
  return command->run(face, *parsed);
}

int run_program(const Face& face, const Call& call) {
  switch (call.program) {
    case Call::Program::subcommand:
      return run_subcommand(face, call);
    case Call::Program::trigger:
      return find_trigger(call.name)->run(face, call.words);
    case Call::Program::commands:
      return run_commands(face, call.words);
    case Call::Program::unknown:
      break;
  }
  return refuse(face, "Invalid plugin subcommand call: " + call.name);
}

std::string variable(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

std::span<const Subcommand> subcommands() { return kSubcommands; }
std::span<const Subcommand> lock_subcommands() { return kLockCommands; }

std::string full_name(const Subcommand& command) {
  const bool is_full = command.name.find(':') != std::string_view::npos;
  return (is_full ? "" : std::string(kPrefix)) + std::string(command.name);
}

std::vector<std::string> subcommand_names() {
  std::vector<std::string> names = {"help"};
  for (const Subcommand& command : kSubcommands) names.emplace_back(command.name);
  return names;
}

std::vector<std::string> trigger_names() {
  std::vector<std::string> names;
  for (const Trigger& trigger : triggers()) names.emplace_back(trigger.name);
  return names;
}

std::optional<Call> recognize(std::span<char* const> arguments) {
  if (arguments.empty()) return std::nullopt;
  const std::string_view path = arguments[0];
  const std::string program(path.substr(path.rfind('/') + 1));
  std::vector<std::string> words(arguments.begin() + 1, arguments.end());
  if (program == "commands") {
    return Call{Call::Program::commands, program, std::move(words), true};
  }
  if (find_trigger(program)) return Call{Call::Program::trigger, program, std::move(words), true};
  const std::string first = words.empty() ? "" : words[0];
  const std::vector<std::string> names = subcommand_names();
  if (std::ranges::find(names, program) != names.end()) {
    if (first != std::string(kPrefix) + program) {
      return Call{Call::Program::unknown, program, {}, true};
    }
    words.erase(words.begin());
    return Call{Call::Program::subcommand, program, std::move(words), true};
  }
  const bool ours = first.starts_with(kPrefix) || first == "apps:locked" || first == "apps:unlock";
  if (!ours) return std::nullopt;
  words.erase(words.begin());
  const std::string name = first.starts_with(kPrefix) ? first.substr(kPrefix.size()) : first;
  return Call{Call::Program::subcommand, name, std::move(words), false};
}

store::Layout dokku_layout() {
  const auto folder = [](const char* name, const char* otherwise) {
    const std::string value = variable(name);
    return std::filesystem::absolute(value.empty() ? otherwise : value);
  };
  return store::Layout::of_dokku(folder("DOKKU_LIB_ROOT", "/var/lib/dokku"),
                                 folder("DOKKU_ROOT", "/home/dokku"));
}

int run(const Face& face, const Call& call) {
  int code = 1;
  try {
    code = run_program(face, call);
  } catch (const Error& error) {  // boundary: one command or trigger
    return refuse(face, error.message());
  } catch (const std::exception& error) {  // boundary: what no layer has made its own
    return refuse(face, std::string("internal error: ") + error.what());
  }
  if (const int failure = face.out.failure(); failure != 0 && failure != EPIPE) {
    return refuse(face, "write to stdout: " + std::generic_category().message(failure));
  }
  return code;
}

int run(const Call& call, rack::Rack& rack, store::FileStore& store) {
  std::signal(SIGPIPE, SIG_IGN);
  Output out(STDOUT_FILENO);
  Output err(STDERR_FILENO);
  return run(
      {.rack = rack, .store = store, .out = out, .err = err, .variable = variable, .clock = now},
      call);
}

}  // namespace cooper::plugin
