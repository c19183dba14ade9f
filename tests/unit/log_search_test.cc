#include "base/error.h"
#include "log/search.h"
#include "unit/log_test_support.h"

#include <gmock/gmock.h>

#include <fcntl.h>

namespace cooper::log {
namespace {

using testing::ElementsAre;
using testing::Pair;

using Hits = std::vector<std::pair<std::uint64_t, std::string>>;

class SearchTest : public testing::Test {
 protected:
  Hits search(std::string_view log, std::string_view text, Case letters = Case::sensitive) {
    write_text(folder_ / "a.log", log);
    const Fd fd = open_file(folder_ / "a.log", O_RDONLY);
    Hits hits;
    TextSearch search(text, letters);
    EXPECT_TRUE(search.run(fd,
                           [&](const SearchHit& hit) {
                             hits.emplace_back(hit.line, hit.text);
                             return true;
                           },
                           {}));
    return hits;
  }
  const TempFolder folder_;
};

TEST_F(SearchTest, EachLineThatHoldsTheTextIsFoundOnce) {
  EXPECT_TRUE(search("", "x").empty());
  EXPECT_TRUE(search("abc\ndef\n", "cd").empty());
  EXPECT_TRUE(search("abc\ndef\n", "c\xFF").empty());
  EXPECT_THAT(search("x", "x"), ElementsAre(Pair(1, "x")));
  EXPECT_THAT(search("one\nxtwox x\n\nthree x", "x"),
              ElementsAre(Pair(2, "xtwox x"), Pair(4, "three x")));
  EXPECT_THAT(search("error: E\n  error\n", "error"),
              ElementsAre(Pair(1, "error: E"), Pair(2, "  error")));
  EXPECT_THAT(search("aaab\naab\n", "aab"), ElementsAre(Pair(1, "aaab"), Pair(2, "aab")));
  EXPECT_THAT(search(std::string("a\0b\n", 4), std::string_view("\0b", 2)),
              ElementsAre(Pair(1, std::string("a\0b", 3))));
}

TEST_F(SearchTest, CaseIsIgnoredWhereItIsAskedFor) {
  EXPECT_TRUE(search("FATAL Error\n", "error").empty());
  EXPECT_THAT(search("fine\nFATAL Error\n", "eRRor", Case::ignored),
              ElementsAre(Pair(2, "FATAL Error")));
  EXPECT_TRUE(search("[@`{", "{`@[", Case::ignored).empty());
  EXPECT_TRUE(search("@", "`", Case::ignored).empty());  // no letters
  EXPECT_THAT(search("Zz zZ\n zz\nzZz", "zz", Case::ignored),
              ElementsAre(Pair(1, "Zz zZ"), Pair(2, " zz"), Pair(3, "zZz")));
}

TEST_F(SearchTest, NoTextOrMoreThanALineIsRefused) {
  for (const std::string& text : {std::string(), std::string("a\nb"), std::string(5000, 'x')}) {
    EXPECT_THROW(TextSearch(text, Case::sensitive), Error);
  }
}

TEST_F(SearchTest, ALongLineIsShownAroundTheHit) {
  const std::string umlauts = [] {
    std::string text;
    for (int i = 0; i < 500; ++i) text += "ä";
    return text;
  }();
  // Odd, so that both ends fall into the middle of a character.
  write_text(folder_ / "a.log", "first\n" + umlauts + "!needle!" + umlauts + "\n");
  const Fd fd = open_file(folder_ / "a.log", O_RDONLY);
  int count = 0;
  TextSearch("needle", Case::sensitive)
      .run(fd,
           [&](const SearchHit& hit) {
             ++count;
             EXPECT_EQ(hit.line, 2U);
             EXPECT_TRUE(hit.cut_before && hit.cut_after);
             EXPECT_EQ(hit.text, umlauts.substr(0, 98) + "!needle!" + umlauts.substr(0, 198));
             return true;
           },
           {});
  EXPECT_EQ(count, 1);
}

TEST_F(SearchTest, EndsWhenItIsToldTo) {
  write_text(folder_ / "a.log", "x\nx\nx\n");
  const Fd fd = open_file(folder_ / "a.log", O_RDONLY);
  TextSearch search("x", Case::sensitive);
  int count = 0;
  EXPECT_FALSE(search.run(fd, [&](const SearchHit&) { return ++count < 2; }, {}));
  EXPECT_EQ(count, 2);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(search.run(
      fd, [&](const SearchHit&) { return ++count < 2; }, stop.get_token()));
  EXPECT_EQ(count, 2);
}

// Against the plain way, over sizes where the text and its line lie across the pieces.
TEST_F(SearchTest, FindsWhatThePlainWayFinds) {
  Random random(7);
  for (int round = 0; round < 60; ++round) {
    const std::size_t size = pick(random, 0, 3) * (std::size_t{256} << 10) + pick(random, 0, 9);
    std::string log(size, 'a');
    for (std::size_t i = 0; i < size; i += pick(random, 1, 3000)) log[i] = '\n';
    const std::string text = round % 2 == 0 ? "needle" : std::string(pick(random, 1, 4000), 'n');
    for (std::size_t at = pick(random, 0, 1000); at + text.size() < size;
         at += pick(random, 1, 90'000)) {
      log.replace(at, text.size(), text);
    }
    // Also exactly across a border.
    const std::size_t border = std::size_t{256} << 10;
    const std::size_t shift = pick(random, 0, text.size());
    if (size > border + text.size() && border > shift) {
      log.replace(border - shift, text.size(), text);
    }
    std::vector<std::uint64_t> expected;
    std::uint64_t line = 0;
    for (std::size_t at = 0; at < log.size(); ++line) {
      const std::size_t end = std::min(log.find('\n', at), log.size());
      if (std::string_view(log).substr(at, end - at).find(text) != std::string::npos) {
        expected.push_back(line + 1);
      }
      at = end + 1;
    }
    std::vector<std::uint64_t> found;
    for (const auto& [number, shown] : search(log, text)) {
      EXPECT_NE(shown.find(text), std::string::npos);
      found.push_back(number);
    }
    ASSERT_EQ(found, expected) << round;
  }
}

}  // namespace
}  // namespace cooper::log
