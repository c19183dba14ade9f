#include "plugin/help.h"

#include "base/file.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <unistd.h>

namespace cooper::plugin {

namespace {

std::string usage_of(const Subcommand& command) {
  return full_name(command) + " " + std::string(command.arguments);
}

/// `dokku help --all` asks for all commands; its flag is seen in the caller's words.
bool all_commands_asked() {
  const auto words = read_file("/proc/" + std::to_string(::getppid()) + "/cmdline");
  return words && words->find("--all") != std::string::npos;
}

std::string short_help() {
  std::string text = "\n";
  if (!all_commands_asked()) return text + "    builds, Manage running and historical builds\n";
  for (const Subcommand& command : subcommands()) {
    text += "    " + usage_of(command) + ", " + std::string(command.summary) + "\n";
  }
  return text;
}

int not_implemented(const Face& face) {
  constexpr int kDefault = 10;
  const std::string variable = face.variable("DOKKU_NOT_IMPLEMENTED_EXIT");
  const auto code = parse_number(variable);
  if (code && *code < 256) return static_cast<int>(*code);
  face.out.write("failed to retrieve DOKKU_NOT_IMPLEMENTED_EXIT environment variable\n");
  return kDefault;
}

/// What the words of a usage mean.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kArguments = {{
    {"<app>", "the app; `cooper apps` lists them"},
    {"<build-id>", "a build's id, whole; builds:list shows them"},
    {"current", "the build that runs, as without an id"},
    {"<flag>", "a value alone: --build-status, --builds-retention, ...; a wrong one names all"},
    {"<key>", "retention, the only property that Dokku knows; others: cooper builds set"},
    {"<value>", "a whole number from 1; without one the property is unset"},
}};

/// Two columns under a heading; nothing for no lines.
std::string section(std::string_view title,
                    std::span<const std::pair<std::string, std::string_view>> lines) {
  if (lines.empty()) return {};
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, line.first.size());
  std::string text = "\n" + std::string(title) + "\n";
  for (const auto& [name, summary] : lines) {
    text += "  " + name + std::string(width - name.size() + 2, ' ') + std::string(summary) + "\n";
  }
  return text;
}

std::string long_help_of(const Subcommand& command) {
  std::vector<std::pair<std::string, std::string_view>> arguments;
  for (const auto& [word, meaning] : kArguments) {
    if (command.arguments.find(word) != std::string_view::npos)
      arguments.emplace_back(word, meaning);
  }
  std::vector<std::pair<std::string, std::string_view>> flags;
  for (const FlagSpec& flag : command.flags) {
    flags.emplace_back(
        "--" + std::string(flag.name) + (flag.value.empty() ? "" : " ") + std::string(flag.value),
        flag.usage);
  }
  flags.emplace_back("-h, --help", "this help");
  return std::string(command.summary) + "\n\nUsage: cooper " + usage_of(command) + "\n" +
         section("Arguments", arguments) + section("Flags", flags) + "\nExamples\n  cooper " +
         full_name(command) + " " + std::string(command.example) + "\n";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> command_summaries() {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto table : {subcommands(), lock_subcommands()}) {
    for (const Subcommand& command : table) found.emplace_back(full_name(command), command.summary);
  }
  found.emplace_back("builds:help", "Show Dokku's usage of builds:*");
  std::ranges::sort(found);
  return found;
}

std::string long_help(std::string_view name) {
  if (name == "builds:help") return help_text();
  for (const auto table : {subcommands(), lock_subcommands()}) {
    for (const Subcommand& command : table) {
      if (full_name(command) == name) return long_help_of(command);
    }
  }
  return {};
}

std::string help_text() {
  std::string text =
      "Usage: dokku builds[:COMMAND]\n\nManage running and historical builds\n\n"
      "Additional commands:\n";
  std::size_t width = 0;
  for (const Subcommand& command : subcommands()) width = std::max(width, usage_of(command).size());
  for (const Subcommand& command : subcommands()) {
    const std::string usage = usage_of(command);
    text += "    " + usage + std::string(width - usage.size() + 2, ' ') +
            std::string(command.summary) + "\n";
  }
  return text;
}

int run_commands(const Face& face, std::span<const std::string> words) {
  const std::string word = words.empty() ? "" : words[0];
  if (word == "builds" || word == "builds:help" || word == "--help" || word == "-h") {
    face.out.write(help_text());
    return 0;
  }
  if (word == "help") {
    face.out.write(short_help());
    return 0;
  }
  if (word.size() > 1 && word[0] == '-') {
    face.out.write(help_text());
    const std::string name = word.substr(word[1] == '-' ? 1 : 0);
    face.err.write("flag provided but not defined: " + printable(name) + "\n");
    return 2;
  }
  return not_implemented(face);
}

}  // namespace cooper::plugin
