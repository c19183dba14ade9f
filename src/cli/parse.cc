#include "cli/parse.h"

#include "base/text.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>

namespace cooper::cli {

namespace {

/// `-5` is a number.
bool is_flag(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9');
}

/// The name by which a flag is looked up: `--limit=3` -> `limit`, `-a` -> `a`.
std::string_view bare_name(std::string_view word) {
  word = word.substr(0, word.find('='));
  while (word.starts_with('-')) word.remove_prefix(1);
  return word;
}

Error unknown_command(std::string_view typed, std::string_view prefix) {
  std::vector<std::string> names;
  for (const Group& group : groups()) {
    for (const Command& command : group.commands) {
      if (command.name.starts_with(prefix)) {
        const auto rest = command.name.substr(prefix.size());
        names.emplace_back(rest.substr(0, rest.find(' ')));
      }
    }
  }
  const auto near = nearest(typed, names);
  std::string message = "unknown command \"" + std::string(prefix) + shorten(typed, 60) + "\"";
  if (near)
    return {Errc::invalid, message + "; did you mean \"" + std::string(prefix) + *near + "\"?"};
  return {Errc::invalid, message, "cooper help lists the commands"};
}

/// `command` null: none was named yet.
Error unknown_flag(const Command* command, std::string_view word) {
  std::vector<std::string> names{"help"};
  const auto add = [&](std::span<const Flag> flags) {
    for (const Flag& flag : flags) names.emplace_back(flag.name);
  };
  add(common_flags());
  if (command) add(command->flags);
  const std::string typed(word.substr(0, word.find('=')));
  std::string message = "unknown flag \"" + shorten(typed, 60) + "\"";
  if (command) message += " of \"" + std::string(command->name) + "\"";
  if (const auto near = nearest(bare_name(word), names)) {
    message += "; did you mean \"--" + *near + "\"?";
  }
  return {Errc::invalid, message,
          command ? "usage: " + usage(*command) : "usage: cooper COMMAND [flags]"};
}

/// `-h` and `--help` are in no table.
bool is_known_flag(std::string_view word) {
  const std::string_view name = bare_name(word);
  return name == "h" || name == "help" || find_flag(nullptr, word) != nullptr;
}

/// Thrown through CLI11 and caught by parse_options alone.
[[noreturn]] void refuse(const Flag& flag, std::string_view value, std::string_view expected) {
  throw Error(Errc::invalid,
              "invalid --" + std::string(flag.name) + " \"" + shorten(value, 60) + "\"",
              "expected " + std::string(expected));
}

void check_choice(const Flag& flag, const std::string& value) {
  const auto choices = split(flag.choices, ' ');
  if (!flag.choices.empty() && std::ranges::find(choices, value) == choices.end()) {
    refuse(flag, value, "one of: " + std::string(flag.choices));
  }
}

/// Gives CLI11 one flag of a table.
struct Adder {
  CLI::App& parser;
  Options& options;
  const Flag& flag;
  std::string names;

  void operator()(bool Options::*target) const { parser.add_flag(names, options.*target); }

  void operator()(std::optional<std::string> Options::*target) const {
    add([&options = options, &flag = flag, target](const std::string& value) {
      check_choice(flag, value);
      options.*target = value;
    });
  }

  void operator()(std::optional<std::uint64_t> Options::*target) const {
    add([&options = options, &flag = flag, target](const std::string& value) {
      const auto number = parse_number(value);
      if (!number || *number > 1'000'000'000) refuse(flag, value, "a whole number");
      options.*target = *number;
    });
  }

  void operator()(std::vector<std::string> Options::*target) const {
    // One value each time: the default would swallow the words that follow.
    parser.add_option(names, options.*target)
        ->check([&flag = flag](const std::string& value) {
          check_choice(flag, value);
          return std::string();  // fine
        })
        ->type_size(1)
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

 private:
  template <class Take>
  void add(Take take) const {
    parser.add_option_function<std::string>(names, take)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
};

void check_words(const Command& command, const Options& options) {
  std::size_t most = 0;
  for (const Positional& positional : command.positionals) {
    if (positional.need == Positional::Need::any_number) return;
    const bool needs_one = positional.need == Positional::Need::required ||
                           positional.need == Positional::Need::command_line;
    if (needs_one && options.words.size() <= most) {
      throw Error(Errc::invalid,
                  "\"" + std::string(command.name) + "\" needs " + std::string(positional.name),
                  "usage: " + usage(command));
    }
    if (positional.need == Positional::Need::command_line) return;
    ++most;
  }
  if (options.words.size() > most) {
    throw Error(Errc::invalid, "unexpected argument \"" + shorten(options.words[most], 60) + "\"",
                "usage: " + usage(command));
  }
}

void check_exclusions(const Command& command, const CLI::App& parser) {
  for (const Flag& flag : command.flags) {
    if (flag.excludes.empty()) continue;
    const std::string name = "--" + std::string(flag.name);
    const std::string other = "--" + std::string(flag.excludes);
    if (parser.count(name) > 0 && parser.count(other) > 0) {
      throw Error(Errc::invalid, name + " and " + other + " exclude each other",
                  "usage: " + usage(command));
    }
  }
}

/// The words after `--` of a command that takes another one's line are not ours to read.
std::vector<std::string> cut_command_line(const Command& command, std::vector<std::string>& rest) {
  const bool takes_one = !command.positionals.empty() &&
                         command.positionals.back().need == Positional::Need::command_line;
  const auto dashes = std::ranges::find(rest, "--");
  if (!takes_one || dashes == rest.end()) return {};
  std::vector<std::string> words(dashes + 1, rest.end());
  rest.erase(dashes, rest.end());
  return words;
}

Options parse_or_throw(const Command& command, std::vector<std::string> rest) {
  const std::vector<std::string> command_line = cut_command_line(command, rest);
  Options options;
  CLI::App parser;
  parser.set_help_flag();
  parser.allow_extras();
  parser.add_flag("-h,--help", options.help);
  for (const auto flags : {common_flags(), command.flags}) {
    for (const Flag& flag : flags) {
      std::string names = "--" + std::string(flag.name);
      if (flag.letter != 0) names = std::string("-") + flag.letter + "," + names;
      std::visit(Adder{parser, options, flag, std::move(names)}, flag.target);
    }
  }
  std::vector<std::string> reversed(rest.rbegin(), rest.rend());  // as CLI11 wants it
  parser.parse(std::move(reversed));
  if (options.help) return options;
  bool only_words = false;
  const auto dashes = std::ranges::find(rest, "--");
  const auto words_after = static_cast<std::size_t>(rest.end() - dashes);
  const std::vector<std::string> extra = parser.remaining();
  for (std::size_t i = 0; i < extra.size(); ++i) {
    if (extra[i] == "--" && !only_words) {
      only_words = true;
    } else if (is_flag(extra[i]) && !only_words && extra.size() - i >= words_after) {
      throw unknown_flag(&command, extra[i]);
    } else {
      options.words.push_back(extra[i]);
    }
  }
  options.words.insert(options.words.end(), command_line.begin(), command_line.end());
  check_words(command, options);
  check_exclusions(command, parser);
  return options;
}

}  // namespace

const Flag* find_flag(const Command* command, std::string_view name) {
  const std::string_view bare = bare_name(name);
  const auto among = [&](std::span<const Flag> flags) -> const Flag* {
    for (const Flag& flag : flags) {
      const bool by_letter = bare.size() == 1 && flag.letter == bare[0];
      if (flag.name == bare || by_letter) return &flag;
    }
    return nullptr;
  };
  if (const Flag* found = among(common_flags())) return found;
  if (command) return among(command->flags);
  for (const Group& group : groups()) {
    for (const Command& each : group.commands) {
      if (const Flag* found = among(each.flags)) return found;
    }
  }
  return nullptr;
}

bool has_subcommands(std::string_view name) {
  const std::string prefix = std::string(name) + " ";
  return std::ranges::any_of(groups(), [&](const Group& group) {
    return std::ranges::any_of(group.commands,
                               [&](const Command& c) { return c.name.starts_with(prefix); });
  });
}

Result<Split> parse_command(std::span<const std::string> arguments) {
  Split found;
  bool wants_second = false;
  const std::string* unknown = nullptr;  // a flag that no command has
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (found.command && !wants_second) {
      found.rest.push_back(word);
    } else if (is_flag(word)) {
      found.rest.push_back(word);
      if (!is_known_flag(word) && !unknown) unknown = &word;
      // A flag's value is no command. No flag has a value in one command and
      // none in another, so any table tells.
      const Flag* flag = find_flag(nullptr, word);
      const bool apart = flag && flag->takes_value() && word.find('=') == std::string::npos;
      if (apart && i + 1 < arguments.size()) found.rest.push_back(arguments[++i]);
    } else {
      const std::string prefix = found.command ? std::string(found.command->name) + " " : "";
      const Command* next = find_command(prefix + word);
      // After an unknown flag the word may be its value: the flag is the mistake.
      if (!next && unknown) return unknown_flag(found.command, *unknown);
      if (!next) return unknown_command(word, prefix);
      wants_second = prefix.empty() && has_subcommands(word);
      found.command = next;
    }
  }
  if (!found.command && unknown) return unknown_flag(nullptr, *unknown);
  return found;
}

Result<Options> parse_options(const Command& command, const std::vector<std::string>& rest) {
  try {
    return parse_or_throw(command, rest);
  } catch (const CLI::ParseError& failure) {  // adapter: CLI11's failures are bad command lines
    const std::string text = failure.what();
    const std::string name = text.substr(0, text.find(':'));
    if (name.starts_with('-')) {
      return Error(Errc::invalid, name + " needs a value", "usage: " + usage(command));
    }
    return Error(Errc::invalid, text, "usage: " + usage(command));
  } catch (const Error& failure) {  // adapter: refusals come back through CLI11's callbacks
    return failure;
  }
}

std::string usage(const Command& command) {
  std::string text = "cooper " + std::string(command.name);
  for (const Positional& positional : command.positionals) {
    const std::string name(positional.name);
    if (positional.need == Positional::Need::command_line)
      return text + " [flags] -- " + name + "...";
    text += positional.need == Positional::Need::required     ? " " + name
            : positional.need == Positional::Need::any_number ? " [" + name + "...]"
                                                              : " [" + name + "]";
  }
  return command.flags.empty() ? text : text + " [flags]";
}

}  // namespace cooper::cli
