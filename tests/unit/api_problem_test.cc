#include "api/problem.h"
#include "unit/api_test_support.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace cooper::api {
namespace {

constexpr std::array kCodes = {Errc::invalid, Errc::not_found,   Errc::conflict,
                               Errc::denied,  Errc::unavailable, Errc::canceled,
                               Errc::engine,  Errc::corrupt,     Errc::internal};

TEST(ApiProblem, EveryCodeArrivesAsItself) {
  std::set<std::string> kinds;
  for (const Errc code : kCodes) {
    const Problem problem{
        .status = 400, .kind = std::string(kind_of(code)), .detail = "why", .hint = "do"};
    const auto parsed = parse_problem(boost::json::serialize(to_object(problem)));
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(*parsed, problem);
    const Error error = to_error(*parsed);
    EXPECT_EQ(error.code(), code);
    EXPECT_EQ(error.message(), "why");
    EXPECT_EQ(error.hint(), "do");
    kinds.insert(problem.kind);
  }
  EXPECT_EQ(kinds.size(), kCodes.size());
}

TEST(ApiProblem, LooksLikeThis) {
  EXPECT_EQ(boost::json::serialize(
                to_object({.status = 404, .kind = "not-found", .detail = "no\nsuch app"})),
            R"({"type":"urn:cooper:problem:not-found","title":"There is no such thing",)"
            R"("status":404,"detail":"no?such app"})");
}

TEST(ApiProblem, AStatusAloneTellsWhatIsMeant) {
  EXPECT_EQ(kind_of_status(405), "method-not-allowed");
  EXPECT_EQ(kind_of_status(412), "precondition-failed");
  EXPECT_EQ(kind_of_status(418), "invalid");
  EXPECT_EQ(kind_of_status(599), "internal");
  EXPECT_EQ(to_error({.status = 503, .kind = "of-a-newer-server"}).code(), Errc::unavailable);
  EXPECT_EQ(to_error({.status = 401, .kind = "unauthorized"}).code(), Errc::denied);
}

TEST(ApiProblem, WhatIsNoneOfOursIsRefused) {
  for (const char* text :
       {"", "<html>", R"({"error":"x"})", R"({"type":"about:blank","detail":"x"})",
        R"({"type":"urn:cooper:problem:x"})",
        R"({"type":"urn:cooper:problem:x","detail":"x","status":"x"})"}) {
    const auto parsed = parse_problem(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Errc::corrupt);
  }
}

}  // namespace
}  // namespace cooper::api
