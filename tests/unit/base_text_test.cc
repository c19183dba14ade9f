#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "unit/test_support.h"

#include <cerrno>
#include <set>

namespace cooper {
namespace {

using std::string_literals::operator""s;

TEST(Text, TrimTakesAsciiBlanksOffBothEnds) {
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim(" \t\r\n\v\f"), "");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim(" \n a b\t \r"), "a b");
  EXPECT_EQ(trim("\u00a0a"), "\u00a0a");         // no-break space is not ASCII
  EXPECT_EQ(trim("\0 a"s.substr(0, 1)), "\0"s);  // NUL is no blank
}

TEST(Text, SplitKeepsEveryPart) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(split("", ','), Parts{""});
  EXPECT_EQ(split(",", ','), (Parts{"", ""}));
  EXPECT_EQ(split("a,,b,", ','), (Parts{"a", "", "b", ""}));
  EXPECT_EQ(split("abc", ','), Parts{"abc"});
}

TEST(Text, JoinIsSplitBackwards) {
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join(std::vector<std::string>{"a"}, ", "), "a");
  EXPECT_EQ(join(std::vector<std::string>{"", "b", ""}, ", "), ", b, ");
  EXPECT_EQ(join(std::vector<std::string>{"a", "a"}, ""), "aa");
}

TEST(Text, NormalPathStaysBeneath) {
  for (const auto& [path, normal] :
       std::vector<std::pair<std::string, std::string>>{{"a/b", "a/b"},
                                                        {"./a//b/", "a/b"},
                                                        {"a/../b", "b"},
                                                        {"", ""},
                                                        {".", ""},
                                                        {"a/..", ""}}) {
    EXPECT_EQ(normal_path(path), normal) << path;
  }
  for (const char* out : {"..", "a/../..", "/", "/a", "../a"}) {
    EXPECT_EQ(normal_path(out), std::nullopt) << out;
  }
}

TEST(Text, ParseNumberTakesDigitsOnly) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("007"), 7U);
  EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", " 1", "1 ", "-1", "+1", "0x10", "1e3", "1.0", "18446744073709551616",
                          "99999999999999999999999", "a", "1a", "\u0661"}) {
    EXPECT_EQ(parse_number(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(parse_number("1\0"s), std::nullopt);
}

struct Printed {
  std::string text;
  std::string printed;
};

class PrintableTest : public testing::TestWithParam<Printed> {};

TEST_P(PrintableTest, CanNotDriveATerminal) {
  EXPECT_EQ(printable(GetParam().text), GetParam().printed);
  EXPECT_EQ(printable(GetParam().printed), GetParam().printed);  // nothing is left to replace
}

INSTANTIATE_TEST_SUITE_P(
    Table, PrintableTest,
    testing::Values(Printed{"", ""}, Printed{"plain ~", "plain ~"},
                    Printed{"caf\u00e9 \u65e5\u672c \U0001F600",
                            "caf\u00e9 \u65e5\u672c \U0001F600"},
                    Printed{"a\nb\tc\r\0\x7f"s, "a?b?c???"},
                    Printed{"a\u202eb\u2066c\u200f", "a?b?c?"},  // would show in another order
                    Printed{"\x1b[2J\x1b]0;x\x07", "?[2J?]0;x?"},
                    Printed{"\u0080\u009f\u00a0", "??\u00a0"},  // C1: 8-bit escape sequences
                    Printed{"\x9b"
                            "31m",
                            "?31m"},  // the same as a bare byte
                    Printed{"\xff\xfe", "??"}, Printed{"\xc3", "?"}, Printed{"\xe2\x82", "??"},
                    Printed{"\xc0\xaf", "??"},  // overlong `/`
                    Printed{"\xe0\x80\xaf", "???"}, Printed{"\xf0\x80\x80\xaf", "????"},
                    Printed{"\xed\xa0\x80", "???"},       // a lone surrogate
                    Printed{"\xf4\x90\x80\x80", "????"},  // beyond U+10FFFF
                    Printed{"\xf5\x80\x80\x80", "????"}, Printed{"\xc3(", "?("}));

TEST(Text, ValidUtf8ReplacesOnlyWhatIsNoUtf8) {
  EXPECT_EQ(valid_utf8(""), "");
  EXPECT_EQ(valid_utf8("a\n\x1b caf\u00e9 \U0001F600"), "a\n\x1b caf\u00e9 \U0001F600");
  EXPECT_EQ(valid_utf8("a\xff"
                       "b\xc3"),
            "a\ufffdb\ufffd");
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");
}

TEST(Text, ShortenCountsCharactersNotBytes) {
  EXPECT_EQ(shorten("", 3), "");
  EXPECT_EQ(shorten("abc", 3), "abc");
  EXPECT_EQ(shorten("abcd", 3), "ab\u2026");
  EXPECT_EQ(shorten("\u00e4\u00f6\u00fc", 3), "\u00e4\u00f6\u00fc");
  EXPECT_EQ(shorten("\u00e4\u00f6\u00fc!", 3), "\u00e4\u00f6\u2026");
  EXPECT_EQ(shorten("a\nb\nc", 4), "a?b\u2026");
  EXPECT_EQ(shorten("ab", 1), "\u2026");
  EXPECT_EQ(shorten(std::string(100000, 'x'), 80).size(), 79 + std::string("\u2026").size());
}

TEST(Text, NearestIsWhatWasProbablyMeant) {
  const std::vector<std::string> verbs = {"build", "builds", "releases", "apps"};
  EXPECT_EQ(nearest("biuld", verbs), "build");
  EXPECT_EQ(nearest("build", verbs), "build");
  EXPECT_EQ(nearest("bulids", verbs), "builds");
  EXPECT_EQ(nearest("release", verbs), "releases");
  const std::vector<std::string> short_names = {"m", "ml", "app"};
  EXPECT_EQ(nearest("w", short_names), std::nullopt);  // any letter is as near
  EXPECT_EQ(nearest("mf", short_names), std::nullopt);
  EXPECT_EQ(nearest("apo", short_names), "app");
  EXPECT_EQ(nearest("deploy", verbs), std::nullopt);
  EXPECT_EQ(nearest("build", {}), std::nullopt);
}

TEST(Text, HumanBytes) {
  const std::pair<std::uint64_t, const char*> cases[] = {
      {0, "0 B"},
      {1, "1 B"},
      {1023, "1023 B"},
      {1024, "1 KiB"},
      {1536, "1.5 KiB"},
      {12ULL << 20, "12 MiB"},
      {(1ULL << 20) - 1, "1023 KiB"},
      {1ULL << 30, "1 GiB"},
      {UINT64_MAX / 10 + 1, "1.5 EiB"},
      {UINT64_MAX, "15 EiB"},
  };
  for (const auto& [bytes, text] : cases) EXPECT_EQ(human_bytes(bytes), text) << bytes;
}

TEST(Random, Base36) {
  EXPECT_EQ(random_base36(0), "");
  const std::string text = random_base36(100'000);
  EXPECT_EQ(text.size(), 100'000U);
  EXPECT_EQ(text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz"), std::string::npos);
  EXPECT_EQ(std::set<char>(text.begin(), text.end()).size(), 36U);
  EXPECT_NE(random_base36(20), random_base36(20));
}

TEST(ErrorTest, ErrnoBecomesACode) {
  const std::pair<int, Errc> cases[] = {{EACCES, Errc::denied},      {EPERM, Errc::denied},
                                        {EROFS, Errc::denied},       {ENOENT, Errc::not_found},
                                        {ENOSPC, Errc::unavailable}, {EIO, Errc::unavailable}};
  for (const auto& [number, code] : cases) {
    const Error error = error_of([number = number] { throw_errno(number, "open /a/b"); });
    EXPECT_EQ(error.code(), code) << number;
    EXPECT_TRUE(error.message().starts_with("open /a/b: ")) << error.message();
  }
  EXPECT_NE(error_of([] { throw_errno(ENOSPC, "x"); }).hint().find("disk is full"),
            std::string::npos);
  EXPECT_NE(error_of([] { throw_errno(EDQUOT, "x"); }).hint(), "");
  const std::string hint = error_of([] { throw_errno(EROFS, "x"); }).hint();
  EXPECT_NE(hint.find("read-only"), std::string::npos) << hint;
  EXPECT_EQ(hint.find("owner"), std::string::npos) << "no other user has access either: " << hint;
}

TEST(ErrorTest, ContextIsAddedInFront) {
  const Error error =
      Error(Errc::corrupt, "bad", "mend it").while_doing("reading").while_doing("a");
  EXPECT_EQ(error.message(), "a: reading: bad");
  EXPECT_EQ(error.hint(), "mend it");
  EXPECT_EQ(error.code(), Errc::corrupt);
}

TEST(ErrorTest, ABadResultThrowsItsError) {
  const Result<int> bad = Error(Errc::conflict, "no");
  EXPECT_EQ(code_of([&] { static_cast<void>(bad.value()); }), Errc::conflict);
}

TEST(ErrorTest, ExitCodesAreThoseOfTheManual) {
  const std::pair<Errc, int> cases[] = {
      {Errc::invalid, 2}, {Errc::not_found, 3},   {Errc::conflict, 6},
      {Errc::denied, 4},  {Errc::unavailable, 5}, {Errc::canceled, 130},
      {Errc::engine, 1},  {Errc::corrupt, 1},     {Errc::internal, 1},
  };
  for (const auto& [code, exit] : cases) EXPECT_EQ(exit_code(code), exit);
}

}  // namespace
}  // namespace cooper
