// A build as a trace, in OTLP's JSON.

#include "build/trace.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <set>

namespace cooper::build {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

const Time kStart = parse_rfc3339("2026-11-21T08:00:00Z")->at;

Build some_build() {
  return {.id = BuildId::parse("mwq3upiv71tsix").value(),
          .app = AppName::parse("web").value(),
          .started_at = {kStart + 5s},
          .finished_at = Timestamp{kStart + 65s},
          .status = Status::failed,
          .exit_code = 3,
          .description = "a \x1b description",
          .reason = "RUN exit 3 failed",
          .images = {{"same", "localhost/web:same@sha256:1"}},
          .unchanged = {{"same", "mwq3upiv71tsiw"}},
          .host = "vm",
          .queued_at = Timestamp{kStart}};
}

std::vector<Step> some_steps() {
  return {{.service = "api",
           .number = 1,
           .text = "FROM scratch",
           .started = kStart + 6s,
           .finished = kStart + 7s,
           .cached = true,
           .exit_code = 0},
          {.service = "api",
           .number = 2,
           .text = "RUN exit 3",
           .started = kStart + 7s,
           .finished = kStart + 9s,
           .exit_code = 3},
          {.service = "api", .number = 3, .text = "RUN never", .started = kStart + 9s}};
}

json::array spans_of(const std::string& text) {
  const json::value value = json::parse(text);
  return value.at_pointer("/resourceSpans/0/scopeSpans/0/spans").as_array();
}

const json::value& attribute(const json::value& span, std::string_view key) {
  for (const json::value& each : span.at("attributes").as_array()) {
    if (each.at("key").as_string() == key) return each.at("value");
  }
  static const json::value kNone;
  return kNone;
}

TEST(Trace, HasTheBuildItsServicesAndItsSteps) {
  const json::array spans = spans_of(to_otlp(some_build(), some_steps(), {}, "root", "1.0"));
  ASSERT_EQ(spans.size(), 5U);
  const json::value& build = spans[0];
  EXPECT_EQ(build.at("name"), "build");
  EXPECT_FALSE(build.as_object().contains("parentSpanId"));
  EXPECT_EQ(build.at("startTimeUnixNano"), "1795248000000000000");
  EXPECT_EQ(build.at("endTimeUnixNano"), "1795248065000000000");
  EXPECT_EQ(build.at_pointer("/status/code"), 2);
  EXPECT_EQ(build.at_pointer("/status/message"), "RUN exit 3 failed");
  EXPECT_EQ(attribute(build, "cooper.queued_ms").at("intValue"), "5000");
  EXPECT_EQ(attribute(build, "process.exit.code").at("intValue"), "3");
  std::set<std::string> ids;
  for (const json::value& span : spans) {
    EXPECT_EQ(span.at("traceId").as_string().size(), 32U);
    EXPECT_EQ(span.at("spanId").as_string().size(), 16U);
    EXPECT_EQ(span.at("traceId"), build.at("traceId"));
    ids.emplace(span.at("spanId").as_string());
  }
  EXPECT_EQ(ids.size(), spans.size());
  const json::value& api = spans[1];
  EXPECT_EQ(api.at("name"), "api");
  EXPECT_EQ(api.at("parentSpanId"), build.at("spanId"));
  EXPECT_EQ(api.at("endTimeUnixNano"), "1795248009000000000");
  EXPECT_EQ(attribute(spans[2], "cooper.unchanged_since").at("stringValue"), "mwq3upiv71tsiw");
  EXPECT_EQ(spans[3].at("parentSpanId"), api.at("spanId"));
  EXPECT_EQ(attribute(spans[3], "cooper.cached").at("boolValue"), true);
  EXPECT_EQ(spans[3].at_pointer("/status/code"), 1);
  EXPECT_EQ(spans[4].at_pointer("/status/code"), 2);
}

TEST(Trace, OfTheSameBuildIsTheSame) {
  const auto trace = [](const char* root) {
    return to_otlp(some_build(), some_steps(), {}, root, "1.0");
  };
  EXPECT_EQ(trace("root"), trace("root"));
  EXPECT_NE(spans_of(trace("root"))[0].at("traceId"), spans_of(trace("other"))[0].at("traceId"));
}

TEST(Trace, IsPartOfWhatItsCallerDoes) {
  const auto parent = parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  ASSERT_TRUE(parent);
  const json::array spans = spans_of(to_otlp(some_build(), {}, parent, "root", "1.0"));
  EXPECT_EQ(spans[0].at("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(spans[0].at("parentSpanId"), "00f067aa0ba902b7");
  for (const char* bad : {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                          "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                          "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"}) {
    EXPECT_FALSE(parse_traceparent(bad)) << bad;
  }
}

TEST(Trace, IsBounded) {
  std::vector<Step> steps;
  for (int i = 0; i < 2'100; ++i) {
    steps.push_back({.service = "api",
                     .number = i,
                     .text = std::string(100, 'x'),
                     .started = kStart,
                     .finished = kStart,
                     .exit_code = 0});
  }
  EXPECT_EQ(spans_of(to_otlp(some_build(), steps, {}, "root", "1.0")).size(), kMostSpans);
}

}  // namespace
}  // namespace cooper::build
