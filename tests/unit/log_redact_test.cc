#include "log/redact.h"
#include "unit/log_test_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cooper::log {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The plain, textbook way, to check ours against.
std::string base64(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (unsigned k = 0; k < 4; ++k)
      out += i + k > bytes.size() ? '=' : kBase64[(group >> (18 - 6 * k)) & 63];
  }
  return out;
}

TEST(Redactor, HidesWhatItMustAndNothingElse) {
  struct Case {
    std::vector<std::string> secrets;
    std::string text;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {{}, "anything", "anything"},
      {{"hunter2"}, "", ""},
      {{"hunter2"}, "hunter2", "[redacted]"},
      {{"hunter2"}, "a hunter2 b hunter2\n", "a [redacted] b [redacted]\n"},
      {{"hunter2"}, "hunterhunter2hunter", "hunter[redacted]hunter"},
      {{"hunter2"}, "hunter2hunter2", "[redacted]"},
      {{"hunter2"}, "Hunter2 hunter3", "Hunter2 hunter3"},
      {{"abc"}, "abc abcd", "abc abcd"},  // too short to hide
      {{"abcd"}, "abc abcd", "abc [redacted]"},
      {{"abcd", "abcdefgh"}, "abcdefgh abcdefg", "[redacted] [redacted]efg"},
      {{"abcd", "abcdefgh"}, "abcdef", "[redacted]ef"},
      {{"abcdef", "defghi"}, "xabcdefghix", "x[redacted]x"},
      {{"aaaa"}, "aaaaaaa", "[redacted]"},
      {{std::string("a\0b\xFF", 4)}, std::string("-a\0b\xFF-", 6), "-[redacted]-"},
      {{"p@ss w/rd"}, "u=p%40ss%20w%2Frd&", "u=[redacted]&"},
      {{"p@ss w/rd"}, "u=p%40ss%20w%2frd&", "u=[redacted]&"},
      {{"say \"hi\"\\"}, R"({"k":"say \"hi\"\\"})", R"({"k":"[redacted]"})"},
      {{"a<b>&c\x01"}, R"("a\u003cb\u003e\u0026c\u0001")", "\"[redacted]\""},
      {{"a\tb\r\nc"}, R"(a\tb\r\nc)", "[redacted]"},
      {{"first line\r\nxy\nthird line\n"},
       "third line, first line, xy",
       "[redacted], [redacted], xy"},
      {{"first line\nxy\nthird line"}, "<first line\nxy\nthird line>", "<[redacted]>"},
  };
  for (const Case& c : cases) EXPECT_EQ(Redactor(c.secrets).redact(c.text), c.expected) << c.text;
}

TEST(Redactor, FindsBase64AtEveryAlignment) {
  const std::string secret = "s3cr3t?>>~\xFB\xEF";
  const Redactor redactor({secret});
  for (std::size_t before = 0; before < 7; ++before)
    for (std::size_t after = 0; after < 7; ++after) {
      const std::string data = std::string(before, 'x') + secret + std::string(after, 'y');
      const std::string encoded = base64(data);
      // Characters that hold bits of the secret alone (zero bits at the end count).
      const std::size_t first = (8 * before + 5) / 6;
      const std::size_t end_bit = 8 * (before + secret.size());
      const std::size_t end = after == 0 ? (end_bit + 5) / 6 : end_bit / 6;
      std::string expected =
          encoded.substr(0, first) + std::string(kRedacted) + encoded.substr(end);
      EXPECT_EQ(redactor.redact(encoded), expected) << data;
      const auto url = [](std::string text) {
        for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
        return text;
      };
      EXPECT_EQ(redactor.redact(url(encoded)), url(expected)) << data;
    }
}

TEST(Redactor, ShortSecretsAndShortFormsAreLeftOut) {
  EXPECT_TRUE(Redactor({"", "abc"}).empty());
  for (const std::string& form : forms_of_secret("a\nbcde\nxy")) EXPECT_GE(form.size(), 4U) << form;
}

TEST(Redactor, SecretsOfTheEnvironment) {
  EXPECT_EQ(secrets_from_lines("one two\n\nthree\n"),
            (std::vector<std::string>{"one two", "three"}));
  EXPECT_TRUE(secrets_from_lines("").empty());
}

TEST(RedactStream, HoldsBackOnlyWhatMayBecomeASecret) {
  const Redactor redactor({"hunter2", "ntxx"});
  RedactStream stream(redactor);
  EXPECT_EQ(stream.filter("my hunt"), "my ");
  EXPECT_EQ(stream.filter(""), "");
  EXPECT_EQ(stream.filter("ing nt"), "hunting ");
  EXPECT_EQ(stream.filter("."), "nt.");
  EXPECT_EQ(stream.filter("hunter"), "");
  EXPECT_EQ(stream.filter("2"), "[redacted]");
  EXPECT_EQ(stream.filter(" hunter"), " ");
  EXPECT_EQ(stream.flush(), "hunter");
}

TEST(RedactStream, ASecretThatMayStillGrowIsWrittenOnceAndWhole) {
  const Redactor redactor({"abcdef", "efghij"});
  RedactStream stream(redactor);
  EXPECT_EQ(stream.filter("abcdef"), "[redacted]");  // "ef" is held, and hidden already
  EXPECT_EQ(stream.filter("gh"), "");
  EXPECT_EQ(stream.filter("ij."), ".");
  EXPECT_EQ(stream.filter("abcdef"), "[redacted]");
  EXPECT_EQ(stream.filter("gh."), "gh.");
  EXPECT_EQ(stream.filter("abcdef"), "[redacted]");
  EXPECT_EQ(stream.flush(), "");
}

struct Corpus {
  const char* name;
  std::string_view alphabet;  // few characters: many overlaps
  std::size_t longest_secret;
};

void PrintTo(const Corpus& corpus, std::ostream* out) { *out << corpus.name; }

class RedactProperty : public testing::TestWithParam<Corpus> {};

TEST_P(RedactProperty, EqualsTheNaiveWayWhateverTheChunks) {
  const Corpus& corpus = GetParam();
  Random random(20261121);
  const auto word = [&](std::size_t shortest, std::size_t longest) {
    std::string text;
    for (std::size_t n = pick(random, shortest, longest); n > 0; --n)
      text += corpus.alphabet[pick(random, 0, corpus.alphabet.size() - 1)];
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> secrets;
    std::vector<std::string> forms;
    for (std::size_t n = pick(random, 1, 8); n > 0; --n) {
      secrets.push_back(word(1, corpus.longest_secret));
      for (std::string& form : forms_of_secret(secrets.back())) forms.push_back(std::move(form));
    }
    std::string text;
    for (std::size_t n = pick(random, 0, 30); n > 0; --n) {
      if (!forms.empty() && pick(random, 0, 1) == 0) {
        const std::string& form = forms[pick(random, 0, forms.size() - 1)];
        text +=
            form.substr(0, pick(random, 0, 2) == 0 ? pick(random, 0, form.size()) : form.size());
      } else {
        text += word(0, 12);
      }
    }
    const Redactor redactor(secrets);
    const std::string expected = redacted_naively(secrets, text);
    EXPECT_EQ(redactor.redact(text), expected) << text;
    RedactStream stream(redactor);
    std::string streamed;
    for (const std::string& piece : random_pieces(random, text, round % 2 == 0 ? 3 : 40))
      streamed += stream.filter(piece);
    streamed += stream.flush();
    ASSERT_EQ(streamed, expected) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Corpora, RedactProperty,
                         testing::Values(Corpus{"two", "ab", 9}, Corpus{"one", "a", 12},
                                         Corpus{"lines", "ab\n\"", 20},
                                         Corpus{"wide", "abcdefghijkl0123456789/+-_ %<&\\", 40}),
                         [](const auto& corpus) { return std::string(corpus.param.name); });

}  // namespace
}  // namespace cooper::log
