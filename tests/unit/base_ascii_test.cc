#include "base/ascii.h"

#include <gtest/gtest.h>

#include <string>

namespace cooper {
namespace {

TEST(Ascii, LettersAndDigitsAreThoseOfAsciiAlone) {
  EXPECT_TRUE(is_made_of_letters("aZ09-.", "-."));
  EXPECT_TRUE(is_made_of_letters("", ""));
  EXPECT_FALSE(is_made_of_letters("a_b", "-."));
  EXPECT_FALSE(is_made_of_letters("\xc3\xa4", ""));
  for (const char beside : std::string("@[`{/:"))
    EXPECT_FALSE(is_letter_or_digit(beside)) << beside;
}

TEST(Ascii, CaseIsThatOfAsciiAlone) {
  EXPECT_EQ(lowered("AbZ[@\xc3\x84"), "abz[@\xc3\x84");
  EXPECT_TRUE(is_same_word("Bearer", "bEARER"));
  EXPECT_FALSE(is_same_word("bearer", "bearers"));
  EXPECT_FALSE(is_same_word("@", "`"));
}

TEST(Ascii, PercentEncodingGoesBothWays) {
  EXPECT_EQ(percent_encoded("a-._~/ %\xff"), "a-._~%2F%20%25%FF");
  EXPECT_EQ(percent_encoded("localhost:5000/a\n\xC3\xA4"), "localhost%3A5000%2Fa%0A%C3%A4");
  EXPECT_EQ(percent_encoded("\xab", "0123456789abcdef"), "%ab");
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string text = percent_encoded({&c, 1});
    EXPECT_EQ(text.size() == 3 ? percent_byte(text + "41") : text[0], c) << text;
  }
  EXPECT_EQ(percent_byte("%aF"), '\xaf');
  for (const char* text : {"", "%", "%4", "41", "%4g", "%g4", "% 4", "%-1"}) {
    EXPECT_FALSE(percent_byte(text)) << text;
  }
}

}  // namespace
}  // namespace cooper
