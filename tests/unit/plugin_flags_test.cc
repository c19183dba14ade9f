// Flags in the manner of Go's pflag.

#include "plugin/flags.h"

#include <gtest/gtest.h>

#include <array>

namespace cooper::plugin {
namespace {

constexpr std::array kSpecs = {FlagSpec{"format", "string", "how it looks"},
                               FlagSpec{"all", "", "every one"}};

Result<Parsed> parse(const std::vector<std::string>& words) { return parse_flags(kSpecs, words); }

TEST(PluginFlags, StandBeforeBetweenAndAfterWords) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"--format", "json", "--all", "a", "b"},
                                             {"a", "--format=json", "b", "--all"},
                                             {"a", "--all=true", "b", "--format", "json"}}) {
    const Parsed parsed = parse(words).value();
    EXPECT_EQ(parsed.words, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(parsed.flag("format"), "json");
    EXPECT_TRUE(parsed.is_set("all"));
  }
}

TEST(PluginFlags, TwoDashesEndThem) {
  const Parsed parsed = parse({"a", "--", "--all", "-1", "--"}).value();
  EXPECT_EQ(parsed.words, (std::vector<std::string>{"a", "--all", "-1", "--"}));
  EXPECT_FALSE(parsed.is_set("all"));
}

TEST(PluginFlags, EmptyAndLoneDashAreWords) {
  EXPECT_EQ(parse({"", "-"}).value().words, (std::vector<std::string>{"", "-"}));
  EXPECT_EQ(parse({"a"}).value().word(1), "");
}

TEST(PluginFlags, ValuesMayLookLikeFlagsAndTheLastOneCounts) {
  EXPECT_EQ(parse({"--format", "--all"}).value().flag("format"), "--all");
  EXPECT_EQ(parse({"--format=a=b"}).value().flag("format"), "a=b");
  EXPECT_EQ(parse({"--format=a", "--format=b"}).value().flag("format"), "b");
  EXPECT_FALSE(parse({"--all", "--all=F"}).value().is_set("all"));
}

TEST(PluginFlags, HelpStopsTheLook) {
  EXPECT_TRUE(parse({"--help", "--nope"}).value().help);
  EXPECT_TRUE(parse({"-h"}).value().help);
  EXPECT_FALSE(parse({"--", "--help"}).value().help);
}

TEST(PluginFlags, RefusalsAreThoseOfPflag) {
  const auto refusal = [](const std::vector<std::string>& words) {
    return parse(words).error().message();
  };
  EXPECT_EQ(refusal({"--nope"}), "unknown flag: --nope");
  EXPECT_EQ(refusal({"--nope=1"}), "unknown flag: --nope");
  EXPECT_EQ(refusal({"--format"}), "flag needs an argument: --format");
  EXPECT_EQ(refusal({"-1"}), "unknown shorthand flag: '1' in -1");
  EXPECT_EQ(refusal({"-xyz"}), "unknown shorthand flag: 'x' in -xyz");
  EXPECT_EQ(refusal({"--=x"}), "bad flag syntax: --=x");
  EXPECT_EQ(refusal({"---"}), "bad flag syntax: ---");
  EXPECT_EQ(refusal({"--all=maybe"}),
            "invalid argument \"maybe\" for \"--all\" flag: strconv.ParseBool: parsing \"maybe\": "
            "invalid syntax");
}

TEST(PluginFlags, Usage) {
  EXPECT_EQ(usage_text("builds:x", kSpecs),
            "Usage of builds:x:\n"
            "      --format string   how it looks\n"
            "      --all             every one\n");
  EXPECT_EQ(usage_text("builds:y", {}), "Usage of builds:y:\n");
}

}  // namespace
}  // namespace cooper::plugin
