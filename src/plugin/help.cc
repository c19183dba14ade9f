#include "plugin/help.h"

#include "base/file.h"
#include "base/text.h"

#include <algorithm>
#include <unistd.h>

namespace cooper::plugin {

namespace {

std::string usage_of(const Subcommand& command) {
  return "builds:" + std::string(command.name) + " " + std::string(command.arguments);
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

}  // namespace

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
