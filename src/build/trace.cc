#include "build/trace.h"

#include "base/sha256.h"
#include "base/text.h"

#include <boost/json.hpp>

#include <algorithm>
#include <map>

namespace cooper::build {
namespace json = boost::json;

namespace {

constexpr std::size_t kTraceDigits = 32;
constexpr std::size_t kSpanDigits = 16;
constexpr std::size_t kMostName = 100;
constexpr std::size_t kMostText = 1000;

// SpanKind and StatusCode of the protocol.
constexpr int kInternal = 1;
constexpr int kOk = 1;
constexpr int kError = 2;

/// Not all of it 0: that means none.
bool is_id(std::string_view text, std::size_t digits) {
  const bool is_hex = std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return is_hex && text.size() == digits && text.find_first_not_of('0') != std::string_view::npos;
}

std::string id_of(std::string_view what, std::size_t digits) {
  return hex(sha256(what)).substr(0, digits);
}

json::object attribute(std::string_view key, json::object value) {
  return {{"key", key}, {"value", std::move(value)}};
}

/// OTLP's list of keys and values; empty texts are left out.
class Attributes {
 public:
  Attributes& add(std::string_view key, std::string_view text) {
    if (text.empty()) return *this;
    list_.push_back(attribute(key, {{"stringValue", valid_utf8(text.substr(0, kMostText))}}));
    return *this;
  }
  Attributes& add(std::string_view key, std::int64_t number) {
    list_.push_back(attribute(key, {{"intValue", std::to_string(number)}}));  // 64 bits as a text
    return *this;
  }
  Attributes& set(std::string_view key, bool is_so) {
    list_.push_back(attribute(key, {{"boolValue", is_so}}));
    return *this;
  }
  json::array take() { return std::move(list_); }

 private:
  json::array list_;
};

struct Interval {
  Time begin;
  Time end;
};

struct Span {
  std::string id;
  std::string parent;  ///< empty: none
  std::string_view name;
  Interval when;
  json::array attributes;
  json::object status;
};

std::string nanoseconds(Time time) { return std::to_string(time.time_since_epoch().count()); }

json::object to_value(Span span, std::string_view trace_id) {
  json::object object{{"traceId", trace_id},
                      {"spanId", span.id},
                      {"name", shorten(printable(span.name), kMostName)},
                      {"kind", kInternal},
                      {"startTimeUnixNano", nanoseconds(span.when.begin)},
                      {"endTimeUnixNano", nanoseconds(std::max(span.when.begin, span.when.end))},
                      {"attributes", std::move(span.attributes)},
                      {"status", std::move(span.status)}};
  if (!span.parent.empty()) object["parentSpanId"] = span.parent;
  return object;
}

json::object status_of(bool is_ok, std::string_view message) {
  if (is_ok) return {{"code", kOk}};
  return {{"code", kError}, {"message", valid_utf8(message.substr(0, kMostText))}};
}

Span build_span(const Build& build, std::string id, const std::optional<TraceParent>& parent) {
  const Time begin = build.queued_at ? build.queued_at->at : build.started_at.at;
  Attributes attributes;
  attributes.add("cooper.app", build.app.str())
      .add("cooper.build", build.id.str())
      .add("cooper.kind", to_string(build.kind))
      .add("cooper.status", to_string(build.status))
      .add("cooper.source", build.source)
      .add("cooper.description", build.description)
      .add("cooper.engine", build.engine)
      .add("cooper.release", build.release)
      .add("vcs.ref.head.revision", build.git_sha);
  if (build.exit_code) attributes.add("process.exit.code", *build.exit_code);
  if (build.queued_at) {
    const auto waited = build.started_at.at - build.queued_at->at;
    attributes.add("cooper.queued_ms",
                   std::chrono::duration_cast<std::chrono::milliseconds>(waited).count());
  }
  return {.id = std::move(id),
          .parent = parent ? parent->span_id : "",
          .name = build.kind == Kind::build ? "build" : "deploy",
          .when = {begin, build.finished_at ? build.finished_at->at : begin},
          .attributes = attributes.take(),
          .status = status_of(build.status == Status::succeeded, build.reason)};
}

Span service_span(const Build& build, const std::string& service, Interval when) {
  Attributes attributes;
  attributes.add("cooper.service", service);
  if (const auto image = build.images.find(service); image != build.images.end()) {
    attributes.add("cooper.image", image->second);
  }
  if (const auto earlier = build.unchanged.find(service); earlier != build.unchanged.end()) {
    attributes.add("cooper.unchanged_since", earlier->second);
  }
  return {.id = {},
          .parent = {},
          .name = service,
          .when = when,
          .attributes = attributes.take(),
          .status = {}};
}

Span step_span(const Step& step) {
  Attributes attributes;
  attributes.add("cooper.service", step.service)
      .add("cooper.step", step.number)
      .add("cooper.step.text", step.text)
      .set("cooper.cached", step.cached);
  if (step.exit_code) attributes.add("process.exit.code", *step.exit_code);
  return {.id = {},
          .parent = {},
          .name = step.text,
          .when = {step.started, *step.finished},
          .attributes = attributes.take(),
          .status = status_of(step.exit_code == 0, step.exit_code ? "it failed" : "interrupted")};
}

}  // namespace

std::optional<TraceParent> parse_traceparent(std::string_view text) {
  const auto parts = split(text, '-');
  if (parts.size() < 4 || parts[0].size() != 2 || parts[0] == "ff") return std::nullopt;
  if (!is_id(parts[1], kTraceDigits) || !is_id(parts[2], kSpanDigits)) return std::nullopt;
  return TraceParent{.trace_id = std::string(parts[1]), .span_id = std::string(parts[2])};
}

std::string to_otlp(const Build& build, std::span<const Step> steps,
                    const std::optional<TraceParent>& parent, std::string_view root,
                    std::string_view version) {
  const std::string key = std::string(root) + "/" + build.app.str() + "/" + build.id.str();
  const std::string trace_id = parent ? parent->trace_id : id_of(key, kTraceDigits);
  const auto span_id = [&](const std::string& part) {
    return id_of(key + "\n" + part, kSpanDigits);
  };
  const std::string root_id = span_id("build");
  json::array spans;
  spans.push_back(to_value(build_span(build, root_id, parent), trace_id));
  std::map<std::string, Interval> services;
  for (const auto& [service, image] : build.images) {
    services[service] = {build.started_at.at, build.started_at.at};
  }
  std::map<std::string, Interval> worked;
  for (const Step& step : steps) {
    if (!step.finished) continue;
    const auto [found, is_new] =
        worked.try_emplace(step.service, Interval{step.started, *step.finished});
    if (!is_new) {
      found->second.begin = std::min(found->second.begin, step.started);
      found->second.end = std::max(found->second.end, *step.finished);
    }
  }
  for (const auto& [service, when] : worked) services[service] = when;
  for (const auto& [service, when] : services) {
    Span span = service_span(build, service, when);
    span.id = span_id("service " + service);
    span.parent = root_id;
    spans.push_back(to_value(std::move(span), trace_id));
  }
  for (const Step& step : steps) {
    if (!step.finished || spans.size() >= kMostSpans) continue;
    Span span = step_span(step);
    span.id =
        span_id("step " + step.service + "\n" + std::to_string(step.number) + "\n" + step.text);
    span.parent = span_id("service " + step.service);
    spans.push_back(to_value(std::move(span), trace_id));
  }
  Attributes resource;
  resource.add("service.name", "cooper")
      .add("service.version", version)
      .add("host.name", build.host);
  return json::serialize(json::object{
      {"resourceSpans",
       json::array{json::object{
           {"resource", json::object{{"attributes", resource.take()}}},
           {"scopeSpans", json::array{json::object{
                              {"scope", json::object{{"name", "cooper"}, {"version", version}}},
                              {"spans", std::move(spans)}}}}}}}});
}

}  // namespace cooper::build
