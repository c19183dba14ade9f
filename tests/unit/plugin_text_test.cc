// Tables and JSON strings as Dokku prints them.

#include "base/text.h"
#include "model/retention.h"
#include "plugin/text.h"

#include <gtest/gtest.h>

namespace cooper::plugin {
namespace {

TEST(PluginTable, ColumnsAreAsWideAsTheLongestCell) {
  const std::vector<std::vector<std::string>> rows = {
      {"App", "Source", "Started"}, {"longer", "", "now"}, {"a", "x", ""}};
  EXPECT_EQ(table_text(rows),
            "App     Source  Started\n"
            "longer          now\n"
            "a       x\n");
}

TEST(PluginTable, CountsCharactersAndHidesControls) {
  const std::vector<std::vector<std::string>> rows = {{"caf\u00e9", "x"}, {"a\x1b[2J\n", "y"}};
  EXPECT_EQ(table_text(rows), "caf\u00e9    x\na?[2J?  y\n");
}

TEST(PluginJson, EscapesAsGoDoes) {
  EXPECT_EQ(go_json("my<b>&app"), R"("my\u003cb\u003e\u0026app")");
  EXPECT_EQ(go_json("\"\\/"), R"("\"\\/")");
  EXPECT_EQ(go_json("\b\f\n\r\t\x01\x1f"), R"("\b\f\n\r\t\u0001\u001f")");
  EXPECT_EQ(go_json("\u2028\u2029"), R"("\u2028\u2029")");
  EXPECT_EQ(go_json("caf\u00e9 \U0001F600"), "\"caf\u00e9 \U0001F600\"");
  EXPECT_EQ(go_json("bad\xff"), R"("bad\ufffd")");
}

TEST(GoQuoted, EscapesWhatWouldBreakALine) {
  EXPECT_EQ(go_quoted("junk\n"), R"("junk\n")");
  EXPECT_EQ(go_quoted("\a\b\t\"\\\x1b\x7f\xff"), R"("\a\b\t\"\\\x1b\x7f\xff")");
  EXPECT_EQ(go_quoted("caf\u00e9"), "\"caf\u00e9\"");
}

TEST(ParseInteger, ReadsWhatAtoiReads) {
  EXPECT_EQ(parse_integer("+5"), 5);
  EXPECT_EQ(parse_integer("-07"), -7);
  EXPECT_EQ(parse_integer("9223372036854775807"), INT64_MAX);
  for (const char* text : {"", "+", "-", "5\n", " 5", "1.5", "0x1", "1_0", "9223372036854775808"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
}

TEST(Retention, SaysWhyItIsNotFollowed) {
  EXPECT_EQ(parse_retention("007"), 7U);
  EXPECT_EQ(parse_retention("0"), std::nullopt);
  EXPECT_EQ(ignored_retention("5\n", "myapp"),
            R"(Ignoring non-integer builds retention "5\n" for myapp)");
  EXPECT_EQ(ignored_retention("0", "--global"),
            "Ignoring builds retention 0 below minimum 1 for --global");
}

}  // namespace
}  // namespace cooper::plugin
