#include "cli/help.h"

#include "base/text.h"
#include "cli/parse.h"
#include "cli/table.h"
#include "plugin/help.h"

#include <algorithm>

namespace cooper::cli {

namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

/// Two columns under a heading; nothing for no lines.
std::string section(std::string_view title, const Lines& lines, Colours colours) {
  if (lines.empty()) return {};
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, display_width(line.first));
  std::string text = "\n" + styled(title, Style::heading, colours) + "\n";
  for (const auto& [name, summary] : lines) {
    text += "  " + name + std::string(width - display_width(name) + 2, ' ') + summary + "\n";
  }
  return text;
}

Lines command_lines(std::span<const Command> commands, std::string_view prefix) {
  Lines lines;
  for (const Command& command : commands) {
    if (command.name.starts_with(prefix)) lines.emplace_back(command.name, command.summary);
  }
  return lines;
}

std::string flag_name(const Flag& flag) {
  std::string name = flag.letter != 0 ? std::string("-") + flag.letter + ", " : "    ";
  name += "--" + std::string(flag.name);
  return flag.takes_value() ? name + " " + std::string(flag.value) : name;
}

}  // namespace

std::string help_text(Colours colours) {
  std::string text =
      "cooper turns an app's source into container images and keeps a record of every build.\n\n"
      "Usage: cooper COMMAND [flags]\n";
  for (const Group& group : groups()) {
    Lines lines = command_lines(group.commands, "");
    if (group.title == kDokkuTitle) {
      for (auto& line : plugin::command_summaries()) lines.push_back(std::move(line));
    }
    text += section(group.title, lines, colours);
  }
  return text + "\n`cooper help COMMAND` tells more of a command.\n";
}

std::string help_text(const Command& command, Colours colours) {
  std::string text = std::string(command.summary) + "\n\nUsage: " + usage(command) + "\n";
  Lines arguments;
  for (const Positional& positional : command.positionals) {
    arguments.emplace_back(positional.name, positional.summary);
  }
  text += section("Arguments", arguments, colours);
  Lines flags;
  for (const auto table : {command.flags, common_flags()}) {
    for (const Flag& flag : table) flags.emplace_back(flag_name(flag), flag.summary);
  }
  flags.emplace_back("-h, --help", "this help");
  text += section("Flags", flags, colours);
  if (!command.examples.empty()) {
    text += "\n" + styled("Examples", Style::heading, colours) + "\n";
    for (const std::string_view line : split(command.examples, '\n')) {
      text += "  " + std::string(line) + "\n";
    }
  }
  for (const Group& group : groups()) {
    const std::string below = std::string(command.name) + " ";
    text += section("Commands of " + std::string(group.title), command_lines(group.commands, below),
                    colours);
  }
  return text;
}

std::string version_text() { return "cooper " COOPER_VERSION "\n"; }

}  // namespace cooper::cli
