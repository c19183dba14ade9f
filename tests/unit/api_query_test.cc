#include "api/build_query.h"
#include "api/cursor.h"
#include "unit/api_test_support.h"

#include <limits>

namespace cooper::api {
namespace {

TEST(ApiCursor, ComesBackAsItWas) {
  for (const Cursor& cursor :
       {Cursor{.at = kTime, .id = kId.str(), .rest = "12"}, Cursor{.at = {}, .id = "", .rest = ""},
        Cursor{.at = Time::min() + std::chrono::nanoseconds{1},
        .id = std::string(64, '_'),
        .rest = ""},
        Cursor{.at = Time::max(), .id = "a-b", .rest = "0"}}) {
    const std::string text = to_text(cursor);
    EXPECT_EQ(text.find_first_of("+/=&?% "), std::string::npos) << text;
    EXPECT_EQ(parse_cursor(text).value(), cursor);
  }
}

TEST(ApiCursor, WhatIsNoneIsRefused) {
  for (const std::string& text : {std::string(), std::string("x"), std::string("!!!!"),
                                  std::string("MTI"), std::string(5000, 'A')}) {
    const auto parsed = parse_cursor(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Errc::invalid);
  }
}

TEST(ApiQuery, AFilterComesBackAsItWas) {
  const BuildQuery query{.filter = {.statuses = {DisplayStatus::failed, DisplayStatus::abandoned},
                                    .kind = Kind::deploy,
                                    .source = "git:sync",
                                    .since = kTime,
                                    .until = kTime + std::chrono::nanoseconds{1},
                                    .before = kId,
                                    .limit = 7},
                         .cursor = "abc"};
  QueryEntries entries = to_query(query);
  entries.emplace_back("other", "x");
  const BuildQuery parsed = parse_build_query(entries).value();
  EXPECT_EQ(parsed.filter.statuses, query.filter.statuses);
  EXPECT_EQ(parsed.filter.kind, query.filter.kind);
  EXPECT_EQ(parsed.filter.source, query.filter.source);
  EXPECT_EQ(parsed.filter.since, query.filter.since);
  EXPECT_EQ(parsed.filter.until, query.filter.until);
  EXPECT_EQ(parsed.filter.before, query.filter.before);
  EXPECT_EQ(parsed.filter.limit, 7U);
  EXPECT_EQ(parsed.cursor, "abc");
  EXPECT_EQ(entries, (QueryEntries{{"other", "x"}}));
  EXPECT_EQ(code_of([&] { require_none(entries); }), Errc::invalid);
}

TEST(ApiQuery, LimitsAreBounded) {
  EXPECT_EQ(to_query({}), (QueryEntries{{"limit", std::to_string(kMostLimit)}}));
  QueryEntries none;
  EXPECT_EQ(parse_build_query(none)->filter.limit, kDefaultLimit);
  for (const char* limit : {"0", "1001", "-1", "x", "1.5", "99999999999999999999"}) {
    QueryEntries entries = {{"limit", limit}};
    EXPECT_FALSE(take_limit(entries)) << limit;
  }
}

TEST(ApiQuery, WhatIsWrongIsNamed) {
  for (const char* name : {"status", "kind", "since", "until", "limit"}) {
    QueryEntries entries = {{name, "x y"}};
    const auto parsed = parse_build_query(entries);
    ASSERT_FALSE(parsed) << name;
    EXPECT_EQ(parsed.error().code(), Errc::invalid);
    EXPECT_TRUE(parsed.error().message().starts_with(name)) << parsed.error().message();
  }
  QueryEntries entries = {{"before", "../x"}};
  EXPECT_FALSE(parse_build_query(entries));
}

}  // namespace
}  // namespace cooper::api
