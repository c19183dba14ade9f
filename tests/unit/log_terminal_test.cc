#include "log/terminal.h"
#include "unit/log_test_support.h"

#include <gtest/gtest.h>

namespace cooper::log {
namespace {

struct Case {
  const char* name;
  std::string input;
  std::string expected;
};

// `finish` is part of it, so a colour that is left on ends with a reset.
std::string shown(std::string_view input, Colour colour = Colour::kept) {
  TerminalFilter filter(colour);
  std::string out = filter.filter(input);
  return out + filter.finish();
}

std::vector<Case> cases() {
  const std::string long_title = "\x1B]0;" + std::string(5000, 't');
  const std::string bad = "\xEF\xBF\xBD";
  return {
      {"plain", "a\tb\nc", "a\tb\nc"},
      {"utf8", "grün ✓ 🎉 \u00A0x", "grün ✓ 🎉 \u00A0x"},
      {"colour", "\x1B[1;31merror\x1B[0m x", "\x1B[1;31merror\x1B[0m x"},
      {"colour_256", "\x1B[38;5;8mx\x1B[m", "\x1B[38;5;8mx\x1B[m"},
      {"colour_colons", "\x1B[38:2::1:2:3mx\x1B[0m", "\x1B[38:2::1:2:3mx\x1B[0m"},
      {"colour_left_on", "\x1B[31mx", "\x1B[31mx\x1B[0m"},
      {"keyboard_mode", "a\x1B[>4;2mb\x1B[?4mc\x1B[1 md", "abcd"},
      {"huge_sgr", "a\x1B[" + std::string(200, '1') + "mb", "ab"},
      {"cursor", "a\x1B[2Ab\x1B[10;10Hc\x1B[sd\x1B[u", "abcd"},
      {"erase", "a\x1B[2Jb\x1B[Kc\x1B[1Pd", "abcd"},
      {"alternate_screen", "\x1B[?1049hx\x1B[?1049l", "x"},
      {"report", "\x1B[6nx\x1B[cy", "xy"},
      {"title_bel",
       "a\x1B]0;evil\x07"
       "b",
       "ab"},
      {"title_st", "a\x1B]2;evil\x1B\\b", "ab"},
      {"title_c1_st",
       "a\x1B]2;evil\xC2\x9C"
       "b",
       "ab"},
      {"clipboard", "\x1B]52;c;ZXZpbA==\x07ok", "ok"},
      {"hyperlink", "\x1B]8;;http://evil\x1B\\text\x1B]8;;\x1B\\.", "text."},
      {"dcs", "a\x1BP1$r0m\x1B\\b", "ab"},
      {"sos_pm_apc", "a\x1BXx\x1B\\b\x1B^y\x1B\\c\x1B_z\x1B\\d", "abcd"},
      {"c1_csi",
       "a\xC2\x9B"
       "2Jb\xC2\x9B"
       "31mc\xC2\x9B"
       "0md",
       "ab\x1B[31mc\x1B[0md"},
      {"c1_osc",
       "a\xC2\x9D"
       "0;evil\x07"
       "b",
       "ab"},
      {"c1_other",
       "a\xC2\x85"
       "b\xC2\x84"
       "c",
       "abc"},
      {"raw_c1",
       "a\x9B"
       "2Jb",
       "a" + bad + "2Jb"},
      {"controls",
       std::string("a\0b\x07"
                   "c\x08"
                   "d\x7F"
                   "e\x0B"
                   "f\x0C"
                   "g\x0E"
                   "h",
                   15),
       "abcdefgh"},
      {"charset", "a\x1B(0b\x1B)Bc", "abc"},
      {"full_reset",
       "a\x1B"
       "cb\x1B"
       "7c\x1B"
       "8d",
       "abcd"},
      {"escape_then_control", "a\x1B\nb", "a\nb"},
      {"escape_escape", "a\x1B\x1B[2Jb", "ab"},
      {"escape_then_utf8", "a\x1B✓b", "a✓b"},
      {"csi_cut_by_newline", "a\x1B[12\nb", "a\nb"},
      {"csi_cut_by_escape", "a\x1B[12\x1B[2Jb", "ab"},
      {"osc_cut_by_newline", "a\x1B]0;evil\nb", "a\nb"},
      {"dcs_cut_by_cancel",
       "a\x1BPxx\x18"
       "b",
       "ab"},
      {"unterminated_is_given_up", long_title + "\nx", std::string(5000 + 2 - 4096, 't') + "\nx"},
      {"csi_is_given_up", "\x1B[" + std::string(4096, '1') + "x", "x"},
      {"escape_at_the_end", "a\x1B", "a"},
      {"crlf", "a\r\nb\r\n", "a\nb\n"},
      {"crcrlf", "a\r\r\nb", "a\nb"},
      {"progress", "10%\r20%\rdone\n", "10%\n20%\ndone\n"},
      {"progress_erase", "\r\x1B[K10%\r\x1B[K20%\n", "10%\n20%\n"},
      {"overwrite", "FAILED\rpassed", "FAILED\npassed"},
      {"overwrite_after_colour", "\x1B[31mFAILED\r\x1B[0mok", "\x1B[31mFAILED\x1B[0m\nok"},
      {"return_at_the_end", "10%\r", "10%\n"},
      {"returns_of_empty_lines", "a\n\r\r\rb", "a\nb"},
      {"invalid_byte", "a\xFFz\xC0\xAFz", "a" + bad + "z" + bad + bad + "z"},
      {"invalid_cut_character", "a\xE2\x9Cz", "a" + bad + "z"},
      {"invalid_surrogate", "\xED\xA0\x80", bad + bad + bad},
      {"invalid_too_high", "\xF4\x90\x80\x80", bad + bad + bad + bad},
      {"invalid_overlong", "\xE0\x80\xAF", bad + bad + bad},
      {"invalid_then_newline", "\xE2\n\xF0\x9F\x1B[2Jx", bad + "\n" + bad + "x"},
      {"invalid_at_the_end", "a\xF0\x9F\x8E", "a" + bad},
      {"bidi", "a\u202Eb\u2066c\u2069d\u200Ee\u200Ff\u061Cg\u202A", "abcdefg"},
      {"near_bidi", "\u202F\u2065\u206A\u200D\u2027", "\u202F\u2065\u206A\u200D\u2027"},
  };
}

TEST(TerminalFilter, HostileAndOrdinaryOutput) {
  for (const Case& c : cases()) EXPECT_EQ(shown(c.input), c.expected) << c.name;
}

TEST(TerminalFilter, TheSameInPieces) {
  Random random(5);
  for (const Case& c : cases())
    for (const std::size_t longest : {1U, 2U, 7U}) {
      TerminalFilter filter(Colour::kept);
      std::string out;
      for (const std::string& piece : random_pieces(random, c.input, longest))
        out += filter.filter(piece);
      out += filter.finish();
      EXPECT_EQ(out, c.expected) << c.name;
    }
}

TEST(TerminalFilter, WithoutColour) {
  EXPECT_EQ(shown("\x1B[1;31merror\x1B[0m \xC2\x9B"
                  "32mok",
                  Colour::removed),
            "error ok");
}

TEST(TerminalFilter, ShowsTextAtOnce) {
  TerminalFilter filter(Colour::kept);
  EXPECT_EQ(filter.filter("10%"), "10%");
  EXPECT_EQ(filter.filter("\r"), "");
  EXPECT_EQ(filter.filter("20%"), "\n20%");
  EXPECT_EQ(filter.filter("\x1B[3"), "");
  EXPECT_EQ(filter.filter("1m!"), "\x1B[31m!");
}

// Whatever comes in, what goes out is UTF-8 text with nothing but tabs,
// newlines, and SGR sequences.
TEST(TerminalFilter, RandomBytesNeverGetControlsThrough) {
  Random random(11);
  const std::string_view spice = "\x1B[]P\\m;?0\x9B\xC2\x9D\xE2\x80\xAE\r\n\x07";
  for (int round = 0; round < 2000; ++round) {
    std::string input;
    for (std::size_t n = pick(random, 0, 60); n > 0; --n)
      input += pick(random, 0, 2) == 0 ? static_cast<char>(pick(random, 0, 255))
                                       : spice[pick(random, 0, spice.size() - 1)];
    const std::string out = shown(input);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto byte = static_cast<unsigned char>(out[i]);
      if (byte == 0x1B) {
        const std::size_t end = out.find_first_not_of("[0123456789;:", i + 1);
        ASSERT_TRUE(end != std::string::npos && out[end] == 'm' && out[i + 1] == '[') << out;
        continue;
      }
      ASSERT_TRUE(byte == '\n' || byte == '\t' || byte >= 0x20) << int{byte};
      ASSERT_NE(byte, 0x7F);
      if (byte == 0xC2) {
        ASSERT_GE(static_cast<unsigned char>(out.at(i + 1)), 0xA0);
      }
      ASSERT_FALSE(out.substr(i).starts_with("\u202E"));
    }
  }
}

}  // namespace
}  // namespace cooper::log
