// A log's bytes as text frames.

#include "base/text.h"
#include "server/utf8_text.h"

#include <gtest/gtest.h>

#include <string>

namespace cooper::server {
namespace {

TEST(UnfinishedTail, IsTheBeginningOfACharacter) {
  EXPECT_EQ(unfinished_tail(""), 0U);
  EXPECT_EQ(unfinished_tail("abc"), 0U);
  EXPECT_EQ(unfinished_tail("a\xc3"), 1U);
  EXPECT_EQ(unfinished_tail("a\xc3\xbc"), 0U);
  EXPECT_EQ(unfinished_tail("\xe2\x82"), 2U);
  EXPECT_EQ(unfinished_tail("\xe2\x82\xac"), 0U);
  EXPECT_EQ(unfinished_tail("\xf0\x9f\x98"), 3U);
  EXPECT_EQ(unfinished_tail("\xf0\x9f\x98\x80"), 0U);
}

TEST(UnfinishedTail, WaitsForNothingThatCantCome) {
  EXPECT_EQ(unfinished_tail("\xc0"), 0U);
  EXPECT_EQ(unfinished_tail("\xff"), 0U);
  EXPECT_EQ(unfinished_tail("\x80\x80\x80"), 0U);
  EXPECT_EQ(unfinished_tail("\xc3\xbc\xbc"), 0U);
}

/// Cut at every place, what has been sent is well-formed, and all of it together is the whole.
TEST(UnfinishedTail, CutsNoCharacter) {
  const std::string text = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::string first = text.substr(0, cut);
    const std::size_t sent = cut - unfinished_tail(first);
    EXPECT_TRUE(is_utf8(first.substr(0, sent))) << cut;
    EXPECT_TRUE(is_utf8(text.substr(sent))) << cut;
  }
}

TEST(IsUtf8, IsWhatValidUtf8LeavesAlone) {
  for (const char* text :
       {"", "abc", "\xc3\xbc", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80", "a\x80"}) {
    EXPECT_EQ(is_utf8(text), valid_utf8(text) == text) << text;
  }
}

}  // namespace
}  // namespace cooper::server
