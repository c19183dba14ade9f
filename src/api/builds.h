#pragma once
// JSON of builds and of what is told about them: /v1 and `--format json` show the same names
// (docs/formats.md). Each parse_... reads what its to_object writes; Error{corrupt} names the field
// that is wrong. What is unknown is ignored.

#include "model/json_values.h"
#include "rack/rack.h"

#include <string>
#include <utility>

namespace cooper::api {

// The model's own to_object (model/json_values.h) belongs to these: App, Step.
using cooper::to_object;

/// The record's fields, `display_status`, and of a queued one `position`, `waiting` and `why`.
boost::json::object to_object(const rack::BuildView& view);
[[nodiscard]] Result<rack::BuildView> parse_build_view(const boost::json::object& object);

[[nodiscard]] Result<Step> parse_step_object(const boost::json::object& object);

/// `before`, `after` (ids) and the lists of a BuildDiff; `missing` is absent if nothing is.
boost::json::object to_object(const BuildId& before, const BuildId& after,
                              const build::BuildDiff& diff);
[[nodiscard]] Result<build::BuildDiff> parse_diff(const boost::json::object& object);

/// `app`, `build`, `started_at`, `line`, `text`, and `cut_before`, `cut_after` if they are true.
boost::json::object to_object(const rack::LogHit& found);
/// A line of a log, and whose it is.
struct FoundLine {
  AppName app;
  BuildId build;
  Timestamp started_at;  ///< the build
  log::SearchHit hit;
};
[[nodiscard]] Result<FoundLine> parse_found_line(const boost::json::object& object);

/// `reaped`, `removed` (`id`, `beyond`, `bytes`), `releases`, `leftovers` (`path`, `bytes`),
/// `warnings`.
boost::json::object to_object(const Pruned& pruned);
[[nodiscard]] Result<Pruned> parse_pruned(const boost::json::object& object);

/// `app`, `kind`, `id` (of a build), `status`, `since`, `branch`, and of what waits `position`,
/// `waiting` and `why`.
boost::json::object to_object(const build::QueueEntry& entry);
/// What only the queue itself needs (turn, key, ...) is not told.
[[nodiscard]] Result<build::QueueEntry> parse_queue_entry(const boost::json::object& object);

}  // namespace cooper::api
