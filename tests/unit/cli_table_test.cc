#include "cli/style.h"
#include "cli/table.h"

#include <gtest/gtest.h>

namespace cooper::cli {
namespace {

constexpr auto kPlain = Colours::off;

TEST(Table, PadsColumnsToTheirWidestCellAndLeavesNoTrailingSpaces) {
  Table table({"ID", "STATUS", "DESCRIPTION"});
  table.add({{"b1"}, {"succeeded"}, {"first"}});
  table.add({{"longer-id"}, {"failed"}, {""}});
  EXPECT_EQ(table.text(kPlain),
            "ID         STATUS     DESCRIPTION\n"
            "b1         succeeded  first\n"
            "longer-id  failed\n");
}

TEST(Table, KeepsItsHeaderWithoutRowsAndFillsMissingCells) {
  Table table({"A", "B"});
  EXPECT_EQ(table.text(kPlain), "A  B\n");
  table.add({{"only"}});
  EXPECT_EQ(table.text(kPlain), "A     B\nonly\n");
}

TEST(Table, AnEmptyCellInTheMiddleKeepsTheColumns) {
  Table table({"A", "B", "C"});
  table.add({{"x"}, {""}, {"z"}});
  EXPECT_EQ(table.text(kPlain), "A  B  C\nx     z\n");
}

TEST(Table, CutsTheLastColumnToTheTerminal) {
  Table table({"ID", "TEXT"});
  table.add({{"b1"}, {"a description that is too long"}});
  EXPECT_EQ(table.text(kPlain, 20),
            "ID  TEXT\n"
            "b1  a description t…\n");
  EXPECT_EQ(table.text(kPlain, 34), "ID  TEXT\nb1  a description that is too long\n");
  // Below ten columns it would say nothing: then the line wraps, once.
  EXPECT_EQ(table.text(kPlain, 8), "ID  TEXT\nb1  a descrip…\n");
}

TEST(Table, CountsColumnsNotBytes) {
  Table table({"NAME", "X"});
  table.add({{"grüße"}, {"1"}});
  table.add({{"日本"}, {"2"}});
  table.add({{"e\xCC\x81"}, {"3"}});  // e and a combining accent
  table.add({{"🚀"}, {"4"}});
  EXPECT_EQ(table.text(kPlain),
            "NAME   X\n"
            "grüße  1\n"
            "日本   2\n"
            "e\xCC\x81      3\n"
            "🚀     4\n");
}

TEST(Table, CutsWideTextByColumns) {
  Table table({"T"});
  table.add({{"日本語日本語日本語"}});
  // 10 columns: four wide characters, the ellipsis, and one column that no wide one fits.
  EXPECT_EQ(table.text(kPlain, 10), "T\n日本語日…\n");
  EXPECT_EQ(table.text(kPlain, 18), "T\n日本語日本語日本語\n");
}

TEST(Table, HostileTextNeitherMovesTheCursorNorBreaksTheLine) {
  Table table({"ID", "DESCRIPTION"});
  table.add({{"b1"}, {"a\x1b[2J b\nc\u009b \xff"}});
  EXPECT_EQ(table.text(kPlain), "ID  DESCRIPTION\nb1  a?[2J b?c? ?\n");
}

TEST(Table, ColoursDoNotCountAsColumns) {
  Table table({"A", "B"});
  table.add({{"ok", Style::good}, {"x"}});
  EXPECT_EQ(table.text(Colours::on),
            "\x1b[1mA\x1b[0m   \x1b[1mB\x1b[0m\n"
            "\x1b[32mok\x1b[0m  x\n");
}

TEST(Facts, LabelsArePaddedToOneColumn) {
  EXPECT_EQ(
      facts_text({{"Id", {"b1"}}, {"Description", {"two\nlines"}}, {"Release", {""}}}, kPlain),
      "Id           b1\nDescription  two?lines\nRelease\n");
}

TEST(Colours, AreForTerminalsUnlessAskedFor) {
  struct Case {
    ColourFacts facts;
    Colours expected;
  };
  const Case cases[] = {
      {{.is_terminal = true}, Colours::on},
      {{.is_terminal = false}, Colours::off},
      {{.is_terminal = true, .no_color = "1"}, Colours::off},
      {{.is_terminal = true, .term = "dumb"}, Colours::off},
      {{.mode = ColourMode::always, .is_terminal = false, .no_color = "1"}, Colours::on},
      {{.mode = ColourMode::never, .is_terminal = true}, Colours::off},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(choose_colours(each.facts), each.expected) << &each - cases;
  }
}

}  // namespace
}  // namespace cooper::cli
