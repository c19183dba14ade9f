#include "cli/help.h"
#include "cli/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace cooper::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

/// Both steps, as a command line takes them.
Result<Options> parse(const Words& words) {
  const Result<Split> split = parse_command(words);
  if (!split) return split.error();
  if (!split->command) return Error(Errc::invalid, "no command");
  return parse_options(*split->command, split->rest);
}

std::string command_of(const Words& words) {
  const Result<Split> split = parse_command(words);
  if (!split) return "error: " + split.error().message();
  return split->command ? std::string(split->command->name) : "none";
}

TEST(Parse, FindsTheCommandWhereverFlagsStand) {
  EXPECT_EQ(command_of({}), "none");
  EXPECT_EQ(command_of({"builds"}), "builds");
  EXPECT_EQ(command_of({"builds", "info", "b1"}), "builds info");
  EXPECT_EQ(command_of({"-a", "hello", "builds", "info"}), "builds info");
  EXPECT_EQ(command_of({"builds", "-a", "info", "logs"}), "builds logs");
  EXPECT_EQ(command_of({"builds", "--app=x", "cancel", "b1"}), "builds cancel");
  EXPECT_EQ(command_of({"build", "builds"}), "build") << "a folder may be called builds";
  EXPECT_EQ(command_of({"--no-cache", "build"}), "build");
}

TEST(Parse, TakesEveryFlagOfBuild) {
  const auto options =
      parse({"build", "dir", "-a", "hello", "-d", "a b", "--manifest=m.yml", "--build-args", "A=1",
             "--build-args=B=2=3", "--no-cache", "--development", "--id", "--detach", "-j4"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_THAT(options->words, ElementsAre("dir"));
  EXPECT_EQ(options->app, "hello");
  EXPECT_EQ(options->description, "a b");
  EXPECT_EQ(options->manifest, "m.yml");
  EXPECT_THAT(options->build_args, ElementsAre("A=1", "B=2=3"));
  EXPECT_EQ(options->jobs, 4U);
  EXPECT_TRUE(options->no_cache && options->development && options->id && options->detach);
  EXPECT_FALSE(options->raw);
}

TEST(Parse, ANumberBelowZeroIsAValue) {
  const auto options = parse({"builds", "set", "retention", "-5", "-a", "hello"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_THAT(options->words, ElementsAre("retention", "-5"));
  EXPECT_FALSE(parse({"builds", "set", "retention", "-x"}));
}

TEST(Parse, ARepeatableFlagDoesNotSwallowTheFolder) {
  const auto options = parse({"build", "--build-args", "A=1", "dir"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_THAT(options->words, ElementsAre("dir"));
  EXPECT_THAT(options->build_args, ElementsAre("A=1"));
}

TEST(Parse, ValuesMayBeEmptyOrLookLikeFlags) {
  const auto options = parse({"build", "-d", "", "--build-args", "X="});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->description, "");
  EXPECT_THAT(options->build_args, ElementsAre("X="));
  const auto dashed = parse({"build", "--description=--no-cache"});
  ASSERT_TRUE(dashed) << dashed.error().message();
  EXPECT_EQ(dashed->description, "--no-cache");
  EXPECT_FALSE(dashed->no_cache);
}

TEST(Parse, TheLastOneCountsAndDashesEndTheFlags) {
  const auto options = parse({"builds", "--limit", "3", "--limit", "5"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->limit, 5U);
  const auto folder = parse({"build", "--", "--odd-folder"});
  ASSERT_TRUE(folder) << folder.error().message();
  EXPECT_THAT(folder->words, ElementsAre("--odd-folder"));
}

TEST(Parse, TheWordsOfATrackedCommandAreNotRead) {
  const Words command = {"sh", "-c", "--help", "", "--", "-a", "x", "--id=3", "-h"};
  Words words = {"track", "-a", "shop", "--no-wait", "--"};
  words.insert(words.end(), command.begin(), command.end());
  const auto options = parse(words);
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->words, command);
  EXPECT_EQ(options->app, "shop");
  EXPECT_TRUE(options->no_wait);
  EXPECT_FALSE(options->id || options->help);
  EXPECT_FALSE(parse({"track", "-a", "shop", "--"}));
  EXPECT_FALSE(parse({"track", "-a", "shop", "ls", "-l"})) << "before the dashes flags are ours";
}

struct Wrong {
  Words words;
  std::string message;
  std::string hint;
};

class WrongLine : public testing::TestWithParam<Wrong> {};

TEST_P(WrongLine, IsRefusedWithAReason) {
  const auto options = parse(GetParam().words);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code(), Errc::invalid);
  EXPECT_THAT(options.error().message(), HasSubstr(GetParam().message));
  EXPECT_THAT(options.error().hint(), HasSubstr(GetParam().hint));
}

INSTANTIATE_TEST_SUITE_P(
    Lines, WrongLine,
    testing::Values(
        Wrong{{"biuld"}, "unknown command \"biuld\"; did you mean \"build\"?", ""},
        Wrong{{"builds", "inof"}, "did you mean \"builds info\"?", ""},
        Wrong{{"frobnicate"}, "unknown command \"frobnicate\"", "cooper help"},
        Wrong{{""}, "unknown command \"\"", "cooper help"},
        Wrong{{"builds", "b1"}, "unknown command \"builds b1\"", ""},
        Wrong{{"builds", "--limt", "3"},
              "unknown flag \"--limt\" of \"builds\"; did you mean \"--limit\"?",
              "usage"},
        Wrong{{"--limt", "3", "builds"}, "unknown flag \"--limt\"", ""},
        Wrong{{"--frob"}, "unknown flag \"--frob\"", ""},
        Wrong{{"builds", "--no-cache"},
              "unknown flag \"--no-cache\" of \"builds\"",
              "usage: cooper builds"},
        Wrong{{"builds", "info", "b1", "-x"}, "unknown flag \"-x\"", ""},
        Wrong{{"builds", "--limit"}, "--limit needs a value", "usage"},
        Wrong{{"build", "-a"}, "needs a value", "usage"},
        Wrong{{"builds", "--limit", "x"}, "invalid --limit \"x\"", "a whole number"},
        Wrong{{"builds", "--limit", "-5"}, "invalid --limit \"-5\"", "a whole number"},
        Wrong{{"builds", "--limit", "1.5"}, "invalid --limit", ""},
        Wrong{{"builds", "--limit", ""}, "invalid --limit", ""},
        Wrong{{"builds", "--limit=99999999999999999999"}, "invalid --limit", ""},
        Wrong{{"builds", "logs", "--tail", "+3"}, "invalid --tail", ""},
        Wrong{{"builds", "--format", "xml"}, "invalid --format \"xml\"", "table json"},
        Wrong{{"builds", "--color=sometimes"}, "invalid --color", "auto always never"},
        Wrong{{"builds", "cancel"}, "\"builds cancel\" needs ID", "usage: cooper builds cancel ID"},
        Wrong{{"builds", "set"}, "needs KEY", "KEY [VALUE]"},
        Wrong{{"builds", "info", "a", "b"}, "unexpected argument \"b\"", "usage"},
        Wrong{{"version", "x"}, "unexpected argument \"x\"", "usage"},
        Wrong{{"builds", "logs", "b1", "--follow", "--no-follow"}, "exclude each other", ""},
        Wrong{{"builds", "settings", "--global", "-a", "x"},
              "--global and --app exclude each other",
              ""},
        Wrong{{"builds", "info", "b1", "--steps=maybe"}, "", "usage"},
        Wrong{{"builds", "--\x1b[2J"}, "--?[2J", ""}));

TEST(Parse, HelpIsAskedForEvenWhereWordsAreMissing) {
  const auto options = parse({"builds", "cancel", "--help"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_TRUE(options->help);
}

// The tables are constant data that parsing, help and completion trust.
TEST(Tables, HoldTogether) {
  std::set<std::string_view> names;
  std::map<std::string_view, bool> takes_value;
  for (const Group& group : groups()) {
    for (const Command& command : group.commands) {
      EXPECT_TRUE(names.insert(command.name).second) << command.name << " is there twice";
      EXPECT_FALSE(command.summary.empty()) << command.name;
      EXPECT_EQ(find_command(command.name), &command);
      std::set<char> letters;
      for (const Flag& flag : command.flags) {
        EXPECT_FALSE(flag.summary.empty()) << command.name << " --" << flag.name;
        EXPECT_TRUE(flag.letter == 0 || letters.insert(flag.letter).second) << flag.name;
        const bool is_bool = std::holds_alternative<bool Options::*>(flag.target);
        EXPECT_EQ(flag.takes_value(), !is_bool) << command.name << " --" << flag.name;
        // What parse_command relies on.
        const auto [known, added] = takes_value.emplace(flag.name, flag.takes_value());
        EXPECT_EQ(known->second, flag.takes_value()) << "--" << flag.name << " differs";
        EXPECT_TRUE(flag.excludes.empty() || find_flag(&command, flag.excludes));
      }
      for (const std::string_view word : {"builds", "apps", "releases", "env"}) {
        EXPECT_TRUE(command.name != word || command.positionals.empty()) << word;
      }
    }
  }
}

TEST(Help, NamesEveryCommandFlagAndExample) {
  const std::string overall = help_text(Colours::off);
  for (const Group& group : groups()) {
    for (const Command& command : group.commands) {
      EXPECT_THAT(overall, HasSubstr("\n  " + std::string(command.name) + " "));
      const std::string text = help_text(command, Colours::off);
      EXPECT_THAT(text, HasSubstr(usage(command)));
      for (const Flag& flag : command.flags)
        EXPECT_THAT(text, HasSubstr("--" + std::string(flag.name)));
      for (const Positional& word : command.positionals) {
        EXPECT_THAT(text, HasSubstr(std::string(word.summary))) << command.name;
      }
      for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        EXPECT_LE(end - begin, 100U) << text.substr(begin, end - begin);
        begin = end + 1;
      }
    }
  }
}

TEST(Help, ExamplesParse) {
  for (const Group& group : groups()) {
    for (const Command& command : group.commands) {
      if (command.name == "build" || command.name == "completion") continue;  // shell syntax
      Words words;
      std::string line;
      for (const char c : std::string(command.examples) + "\n") {
        if (c != ' ' && c != '\n') {
          line += c;
          continue;
        }
        if (!line.empty()) words.push_back(std::exchange(line, ""));
        if (c != '\n' || words.empty()) continue;
        words.erase(words.begin());  // cooper
        // What the shell would take.
        words.erase(std::ranges::find(words, "<"), words.end());
        EXPECT_EQ(command_of(words), command.name);
        EXPECT_TRUE(parse(words)) << command.examples;
        words.clear();
      }
    }
  }
}

}  // namespace
}  // namespace cooper::cli
