#include "base/time.h"
#include "unit/test_support.h"

#include <random>

namespace cooper {
namespace {

using namespace std::chrono_literals;
namespace chr = std::chrono;

Time at(std::int64_t seconds, std::int64_t nanoseconds = 0) {
  return Time(chr::seconds{seconds} + chr::nanoseconds{nanoseconds});
}

struct Written {
  const char* text;
  Timestamp time;
};

class Rfc3339Test : public testing::TestWithParam<Written> {};

TEST_P(Rfc3339Test, BothWays) {
  EXPECT_EQ(parse_rfc3339(GetParam().text), GetParam().time);
  EXPECT_EQ(to_rfc3339(GetParam().time), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Rfc3339Test,
    testing::Values(Written{"1970-01-01T00:00:00Z", {at(0)}},
                    Written{"2026-11-21T03:19:38.25Z", {at(1795231178, 250'000'000)}},
                    Written{"2026-11-21T03:19:38.000000001Z", {at(1795231178, 1)}},
                    Written{"1969-12-31T23:59:59.5Z", {at(-1, 500'000'000)}},  // before the epoch
                    Written{"2024-02-29T12:00:00Z", {at(1709208000)}},
                    Written{"2026-11-21T08:49:38+05:30", {at(1795231178), 330min}},
                    Written{"2026-11-20T19:19:38-08:00", {at(1795231178), -480min}},
                    Written{"2026-11-21T00:04:38.1-03:15", {at(1795231178, 100'000'000), -195min}},
                    Written{"1678-01-01T00:00:00Z", {at(-9214560000)}},
                    Written{"2261-12-31T23:59:59.999999999Z", {at(9214646399, 999'999'999)}}));

TEST(Rfc3339, OtherSpellingsOfAMoment) {
  EXPECT_EQ(parse_rfc3339("2026-11-21T03:19:38.250000000Z"),
            (Timestamp{at(1795231178, 250'000'000)}));
  EXPECT_EQ(parse_rfc3339("2026-11-21T03:19:38-00:00"), (Timestamp{at(1795231178)}));
  EXPECT_EQ(parse_rfc3339("2261-12-31T23:59:59-23:59")->utc_offset, -1439min);
}

TEST(Rfc3339, NoFractionWhereNoneIsWanted) {
  EXPECT_EQ(to_rfc3339({at(0, 999'999'999)}, Fraction::dropped), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339({at(-1, 1)}, Fraction::dropped), "1969-12-31T23:59:59Z");
}

class NoRfc3339Test : public testing::TestWithParam<const char*> {};

TEST_P(NoRfc3339Test, IsRefused) { EXPECT_EQ(parse_rfc3339(GetParam()), std::nullopt); }

INSTANTIATE_TEST_SUITE_P(
    Table, NoRfc3339Test,
    testing::Values("", "now", "2026-11-21", "2026-11-21T03:19:38", "2026-11-21 03:19:38Z",
                    "2026-11-21t03:19:38z", "2026-11-21T03:19Z", "2026-11-21T03:19:38.Z",
                    "2026-11-21T03:19:38.1234567890Z", "2026-11-21T03:19:38,5Z",
                    "2026-11-21T24:00:00Z", "2026-11-21T03:60:00Z", "2026-11-21T03:19:60Z",
                    "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
                    "2026-11-31T00:00:00Z", "2026-11-00T00:00:00Z", "26-11-21T03:19:38Z",
                    "+026-11-21T03:19:38Z", "2026-11-21T03:19:38Zz", " 2026-11-21T03:19:38Z",
                    "2026-11-21T03:19:38+24:00", "2026-11-21T03:19:38+05:60",
                    "2026-11-21T03:19:38+0530", "2026-11-21T03:19:38+05", "2026-11-21T-3:19:38Z",
                    "1677-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "9999-12-31T23:59:59Z"));

TEST(Rfc3339, AnyMomentReadsBackTheSame) {
  std::mt19937_64 random(4711);
  std::uniform_int_distribution<std::int64_t> seconds(-9214000000, 9214000000);
  std::uniform_int_distribution<std::int64_t> nanoseconds(0, 999'999'999);
  std::uniform_int_distribution<int> minutes(-1439, 1439);
  for (int i = 0; i < 20'000; ++i) {
    const Timestamp time{at(seconds(random), nanoseconds(random)), chr::minutes{minutes(random)}};
    const std::string text = to_rfc3339(time);
    ASSERT_EQ(parse_rfc3339(text), time) << text;
  }
}

TEST(Duration, AsGoSpellsIt) {
  const std::pair<chr::seconds, const char*> cases[] = {
      {0s, "0s"},        {59s, "59s"},      {60s, "1m0s"},      {74s, "1m14s"},
      {3599s, "59m59s"}, {3600s, "1h0m0s"}, {7274s, "2h1m14s"}, {17545701s, "4873h48m21s"},
  };
  for (const auto& [duration, text] : cases) EXPECT_EQ(to_text(duration), text);
}

TEST(Duration, ForAPersonWhoWaits) {
  EXPECT_EQ(seconds_text(0ms), "0.0s");
  EXPECT_EQ(seconds_text(349ms), "0.3s");
  EXPECT_EQ(seconds_text(12s), "12.0s");
  EXPECT_EQ(seconds_text(59'999ms), "59.9s");
  EXPECT_EQ(seconds_text(60s), "1m0s");
}

TEST(Duration, Parse) {
  const std::pair<const char*, chr::seconds> good[] = {
      {"0", 0s},
      {"0s", 0s},
      {"90", 90s},
      {"90s", 90s},
      {"30m", 1800s},
      {"1h30m", 5400s},
      {"2d", 48h},
      {"1d2h3m4s", 93784s},
      {"3660d", 3660 * 24h},
      {"316224000", 316224000s},
      {"0h0m0s", 0s},
  };
  for (const auto& [text, duration] : good) EXPECT_EQ(parse_duration(text), duration) << text;
  for (const char* bad : {"",
                          "s",
                          "m5",
                          "-5",
                          "+5",
                          "1.5h",
                          "5 m",
                          " 5m",
                          "5m ",
                          "1h30",
                          "30m1h",
                          "1m1m",
                          "5x",
                          "5M",
                          "316224001",
                          "3661d",
                          "3660d1s",
                          "99999999999999999999s",
                          "18446744073709551615d",
                          "1h\n"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

TEST(Duration, WhatWeWriteWeRead) {
  for (const chr::seconds duration : {0s, 59s, 60s, 3599s, 3600s, 86399s, 86400s, 1234567s}) {
    EXPECT_EQ(parse_duration(to_text(duration)), duration);
  }
}

TEST(Duration, Ago) {
  const std::pair<chr::seconds, const char*> cases[] = {
      {-1h, "just now"},         {0s, "just now"},
      {1s, "1 second ago"},      {59s, "59 seconds ago"},
      {60s, "1 minute ago"},     {3599s, "59 minutes ago"},
      {1h, "1 hour ago"},        {23h + 59min, "23 hours ago"},
      {24h, "1 day ago"},        {6 * 24h, "6 days ago"},
      {7 * 24h, "1 week ago"},   {29 * 24h, "4 weeks ago"},
      {30 * 24h, "1 month ago"}, {364 * 24h, "12 months ago"},
      {365 * 24h, "1 year ago"}, {800 * 24h, "2 years ago"},
  };
  for (const auto& [passed, text] : cases) EXPECT_EQ(ago(at(0), at(passed.count())), text);
}

}  // namespace
}  // namespace cooper
