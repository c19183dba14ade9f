#include "cli/completion.h"

#include "base/text.h"
#include "cli/parse.h"

#include <algorithm>
#include <utility>

namespace cooper::cli {

namespace {

/// bash gives `--limit=3` as three words, and `K=V` and `config:set` too: the flag and its
/// value become two words, any other text is put together again.
std::vector<std::string> join_words(std::span<const std::string> words) {
  std::vector<std::string> joined;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if ((words[i] != "=" && words[i] != ":") || joined.empty()) {
      joined.push_back(words[i]);
    } else if (words[i] == ":") {
      joined.back() += ":" + (i + 1 == words.size() ? "" : words[++i]);
    } else if (const bool last = i + 1 == words.size(); joined.back().starts_with("--")) {
      if (last) joined.emplace_back();
    } else {
      joined.back() += "=" + (last ? "" : words[++i]);
    }
  }
  return joined;
}

/// What the words before the cursor say.
struct Typed {
  std::string command;                ///< its words so far, "" for none
  const Flag* needs_value = nullptr;  ///< the flag right before the cursor
  std::vector<std::string> given;     ///< names of the flags that were given
  std::vector<std::string> positionals;
  bool only_words = false;  ///< after `--`
  Options options;          ///< app only
};

void take_flag(Typed& typed, const std::string& word) {
  const Flag* flag = find_flag(nullptr, word);
  if (!flag) return;
  typed.given.emplace_back(flag->name);
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) {
    if (flag->takes_value()) typed.needs_value = flag;
  } else if (flag->name == kAppFlag.name) {
    typed.options.app = word.substr(equals + 1);
  }
}

Typed read_words(std::span<const std::string> before) {
  Typed typed;
  for (const std::string& word : before) {
    if (const Flag* flag = std::exchange(typed.needs_value, nullptr)) {
      if (flag->name == kAppFlag.name) typed.options.app = word;
    } else if (word == "--") {
      typed.only_words = true;
    } else if (word.starts_with('-') && !typed.only_words) {
      take_flag(typed, word);
    } else if (typed.command.empty() || has_subcommands(typed.command)) {
      typed.command += (typed.command.empty() ? "" : " ") + word;
    } else {
      typed.positionals.push_back(word);
    }
  }
  return typed;
}

/// Next words of the commands that begin with `command`.
void offer_commands(Candidates& found, std::string_view command) {
  const std::string prefix = std::string(command) + (command.empty() ? "" : " ");
  for (const Group& group : groups()) {
    for (const Command& each : group.commands) {
      if (!each.name.starts_with(prefix)) continue;
      const std::string_view rest = each.name.substr(prefix.size());
      if (rest.find(' ') != std::string_view::npos) continue;
      found.words.push_back({std::string(rest), std::string(each.summary)});
    }
  }
}

void offer_builds(Candidates& found, const Context& context, const Options& options) {
  constexpr std::size_t kMost = 50;
  const auto page = context.rack.list_builds(resolve_app(context, options), kMost);
  found.words.push_back({"last", "the newest build"});
  found.words.push_back({"last-failed", "the newest build that failed"});
  for (const rack::BuildView& view : page.builds) {
    if (view.status == DisplayStatus::running) {
      found.words.push_back({"current", "the running build"});
      break;
    }
  }
  const Time now = context.clock();
  for (const rack::BuildView& view : page.builds) {
    found.words.push_back({view.build.id.str(), std::string(to_string(view.status)) + ", " +
                                                    ago(view.build.started_at.at, now)});
  }
}

void offer_releases(Candidates& found, const Context& context, const Options& options) {
  constexpr std::size_t kMost = 50;
  found.words.push_back({"last", "the newest release"});
  for (const Release& release :
       context.rack.list_releases(resolve_app(context, options), kMost).releases) {
    found.words.push_back({release.id.str(), printable(release.description)});
  }
}

void offer(Candidates& found, Offer what, const Context& context, const Typed& typed) {
  switch (what) {
    case Offer::nothing:
      return;
    case Offer::app:
      for (const App& app : context.rack.list_apps()) found.words.push_back({app.name.str(), ""});
      return;
    case Offer::build:
      return offer_builds(found, context, typed.options);
    case Offer::release:
      return offer_releases(found, context, typed.options);
    case Offer::folder:
      found.paths = Candidates::Paths::folders;
      return;
    case Offer::file:
      found.paths = Candidates::Paths::files;
      return;
    case Offer::property:
      for (const auto& property : context.rack.list_properties(nullptr)) {
        found.words.push_back({property.key, "now " + property.effect});
      }
      return;
    case Offer::command:
      // The words after `help` are those of a command.
      return offer_commands(found, join(typed.positionals, " "));
    case Offer::shell:
      for (const char* shell : {"bash", "zsh", "fish"}) found.words.push_back({shell, ""});
      return;
  }
}

void offer_value(Candidates& found, const Flag& flag, const Context& context, const Typed& typed) {
  if (flag.choices.empty()) return offer(found, flag.offer, context, typed);
  for (const std::string_view choice : split(flag.choices, ' ')) {
    found.words.push_back({std::string(choice), ""});
  }
}

void offer_flags(Candidates& found, const Typed& typed) {
  const Command* command = find_command(typed.command);
  const auto add = [&](std::span<const Flag> flags) {
    for (const Flag& flag : flags) {
      const bool again = std::holds_alternative<std::vector<std::string> Options::*>(flag.target) ||
                         std::ranges::find(typed.given, flag.name) == typed.given.end();
      if (again) found.words.push_back({"--" + std::string(flag.name), std::string(flag.summary)});
    }
  };
  if (command) add(command->flags);
  add(common_flags());
  found.words.push_back({"--help", "explain the command"});
}

void offer_positional(Candidates& found, const Context& context, const Typed& typed) {
  const Command* command = find_command(typed.command);
  if (!command || command->positionals.empty()) return;
  std::size_t at = typed.positionals.size();
  const std::size_t last = command->positionals.size() - 1;
  if (at > last && command->positionals[last].need == Positional::Need::any_number) at = last;
  if (at <= last) offer(found, command->positionals[at].offer, context, typed);
}

}  // namespace

Candidates complete(const Context& context, std::span<const std::string> words) {
  const std::vector<std::string> joined = join_words(words);
  const std::string current = joined.empty() ? "" : joined.back();
  const Typed typed = read_words(std::span(joined).first(joined.empty() ? 0 : joined.size() - 1));
  Candidates found;
  std::string prefix;  // of every candidate: `--format=`
  if (typed.needs_value) {
    offer_value(found, *typed.needs_value, context, typed);
  } else if (current.starts_with('-') && !typed.only_words) {
    const std::size_t equals = current.find('=');
    const Flag* flag = equals == std::string::npos ? nullptr : find_flag(nullptr, current);
    if (flag) {
      prefix = current.substr(0, equals + 1);
      offer_value(found, *flag, context, typed);
    } else {
      offer_flags(found, typed);
    }
  } else if (typed.command.empty() || has_subcommands(typed.command)) {
    offer_commands(found, typed.command);
  } else {
    offer_positional(found, context, typed);
  }
  for (Candidate& candidate : found.words) candidate.text.insert(0, prefix);
  std::erase_if(found.words,
                [&](const Candidate& c) { return !std::string_view(c.text).starts_with(current); });
  return found;
}

std::string to_lines(const Candidates& candidates) {
  std::string lines;
  for (const Candidate& candidate : candidates.words) {
    lines += candidate.text + (candidate.summary.empty() ? "" : "\t" + candidate.summary) + "\n";
  }
  if (candidates.paths == Candidates::Paths::folders) lines += ":folders\n";
  if (candidates.paths == Candidates::Paths::files) lines += ":files\n";
  return lines;
}

}  // namespace cooper::cli
