#pragma once
// A build and its steps as a trace: OTLP (opentelemetry-proto 1.x, trace/v1), as JSON. No I/O.

#include "model/build.h"
#include "model/step.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cooper::build {

/// What a build is a part of.
struct TraceParent {
  std::string trace_id;  ///< 32 lower-case hex digits, not all 0
  std::string span_id;   ///< 16
};

/// A W3C traceparent (`00-<trace>-<span>-<flags>`), as $TRACEPARENT has it; nullopt if it is none.
std::optional<TraceParent> parse_traceparent(std::string_view text);

/// More of a build's steps than so many are left out, the last ones.
inline constexpr std::size_t kMostSpans = 2'000;

/// An ExportTraceServiceRequest: a span for the build, in it one for each service, in those one for
/// each step that has ended. Ids are made from the build's id and `root`, which tells data roots
/// apart: whoever gets the same twice has it once. The build must be terminal.
std::string to_otlp(const Build& build, std::span<const Step> steps,
                    const std::optional<TraceParent>& parent, std::string_view root,
                    std::string_view version);

}  // namespace cooper::build
