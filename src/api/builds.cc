#include "api/builds.h"

#include "api/list.h"
#include "base/text.h"
#include "model/json.h"

#include <array>

namespace cooper::api {
namespace json = boost::json;

namespace {

constexpr std::string_view kNoId = "unknown";

void add_place(json::object& object, const build::QueuePlace& place) {
  object["position"] = place.position;
  object["waiting"] = place.waiting;
  object["why"] = place.why;
}

/// Absent: it does not wait, or nobody knows where.
std::optional<build::QueuePlace> place_in(JsonReader& reader) {
  const auto position = reader.number<std::size_t>("position");
  if (!position) return std::nullopt;
  return build::QueuePlace{.position = *position,
                           .waiting = reader.number<std::size_t>("waiting").value_or(0),
                           .why = reader.text("why")};
}

/// The value, unless the reader has found something wrong.
template <class T>
Result<T> checked(const JsonReader& reader, T value) {
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return value;
}

}  // namespace

json::object to_object(const rack::BuildView& view) {
  json::object object = to_object(view.build);
  object["display_status"] = to_string(view.status);
  if (view.place) add_place(object, *view.place);
  return object;
}

Result<rack::BuildView> parse_build_view(const json::object& object) {
  JsonReader reader(object);
  const auto app = reader.name<AppName>("app", kNoId);
  const auto id = reader.name<BuildId>("id", kNoId);
  const auto status = parse_display_status(reader.required_text("display_status"));
  if (!status) reader.fail("display_status", "is no known status");
  const auto place = place_in(reader);
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  json::object record = object;
  for (const char* added : {"display_status", "position", "waiting", "why"}) record.erase(added);
  Result<Build> build = parse_build(json::serialize(record), id, app);
  if (!build) return build.error();
  return rack::BuildView{.build = std::move(*build), .status = *status, .place = place};
}

Result<Step> parse_step_object(const json::object& object) {
  return parse_step(json::serialize(object));
}

namespace {

json::object to_value(const build::TextChange& change) {
  json::object object{{"name", change.name}};
  if (!change.before.empty()) object["before"] = change.before;
  if (!change.after.empty()) object["after"] = change.after;
  return object;
}

Result<build::TextChange> parse_text_change(const json::object& object) {
  JsonReader reader(object);
  return checked(reader, build::TextChange{.name = reader.required_text("name"),
                                           .before = reader.text("before"),
                                           .after = reader.text("after")});
}

json::object to_value(const build::NamedChange& change) {
  return {{"name", change.name}, {"change", to_string(change.change)}};
}

Result<build::NamedChange> parse_named_change(const json::object& object) {
  JsonReader reader(object);
  build::NamedChange change{.name = reader.required_text("name")};
  const std::string text = reader.required_text("change");
  bool is_known = false;
  for (const auto known : {build::Change::added, build::Change::removed, build::Change::changed}) {
    if (to_string(known) != text) continue;
    change.change = known;
    is_known = true;
  }
  if (!is_known) reader.fail("change", "is no known change");
  return checked(reader, std::move(change));
}

json::object to_value(const build::StepTimes& step) {
  json::object object{{"service", step.service}, {"text", step.text}};
  const auto add = [&](const char* key, const std::optional<build::StepTimes::Run>& run) {
    if (!run) return;
    object[key] = json::object{{"ms", run->time.count()}, {"cached", run->cached}};
  };
  add("before", step.before);
  add("after", step.after);
  return object;
}

std::optional<build::StepTimes::Run> run_in(const json::object& object, const char* key,
                                            JsonReader& outer) {
  const json::value* value = object.if_contains(key);
  if (!value) return std::nullopt;
  if (!value->is_object()) {
    outer.fail(key, "is no object");
    return std::nullopt;
  }
  JsonReader reader(value->get_object());
  const auto ms = reader.number<std::int64_t>("ms");
  if (!reader.problem().empty()) outer.fail(key, "has no time that can be right");
  return build::StepTimes::Run{.time = std::chrono::milliseconds(ms.value_or(0)),
                               .cached = reader.flag("cached")};
}

Result<build::StepTimes> parse_step_times(const json::object& object) {
  JsonReader reader(object);
  build::StepTimes step{.service = reader.required_text("service"),
                        .text = reader.required_text("text"),
                        .before = run_in(object, "before", reader),
                        .after = run_in(object, "after", reader)};
  return checked(reader, std::move(step));
}

template <class Range>
json::array to_values(const Range& range) {
  return array_of(range, [](const auto& element) { return json::value(to_value(element)); });
}

template <class Range>
json::array texts_of(const Range& range) {
  return array_of(range, [](const std::string& text) { return json::value(text); });
}

template <class Range>
json::array ids_of(const Range& range) {
  return array_of(range, [](const auto& id) { return json::value(id.str()); });
}

}  // namespace

json::object to_object(const BuildId& before, const BuildId& after, const build::BuildDiff& diff) {
  json::object object{{"before", before.str()},           {"after", after.str()},
                      {"files", to_values(diff.files)},   {"arguments", to_values(diff.arguments)},
                      {"facts", to_values(diff.facts)},   {"bases", to_values(diff.bases)},
                      {"images", to_values(diff.images)}, {"steps", to_values(diff.steps)}};
  if (!diff.missing.empty()) object["missing"] = texts_of(diff.missing);
  return object;
}

Result<build::BuildDiff> parse_diff(const json::object& object) {
  build::BuildDiff diff;
  std::optional<Error> wrong;
  const auto take = [&](auto& into, const char* key, const auto& parse) {
    using Element = typename std::remove_reference_t<decltype(into)>::value_type;
    auto elements = parse_elements<Element>(object, key, parse);
    if (elements) {
      into = std::move(*elements);
    } else if (!wrong) {
      wrong = elements.error();
    }
  };
  take(diff.files, "files", parse_named_change);
  take(diff.arguments, "arguments", parse_named_change);
  take(diff.facts, "facts", parse_text_change);
  take(diff.bases, "bases", parse_text_change);
  take(diff.images, "images", parse_text_change);
  take(diff.steps, "steps", parse_step_times);
  if (wrong) return *wrong;
  JsonReader reader(object);
  diff.missing = reader.list_of_texts("missing");
  return checked(reader, std::move(diff));
}

json::object to_object(const rack::LogHit& found) {
  json::object object{{"app", found.build.app.str()},
                      {"build", found.build.id.str()},
                      {"started_at", to_rfc3339(found.build.started_at)},
                      {"line", found.hit.line},
                      {"text", valid_utf8(found.hit.text)}};
  if (found.hit.cut_before) object["cut_before"] = true;
  if (found.hit.cut_after) object["cut_after"] = true;
  return object;
}

Result<FoundLine> parse_found_line(const json::object& object) {
  JsonReader reader(object);
  FoundLine found{.app = reader.name<AppName>("app", kNoId),
                  .build = reader.name<BuildId>("build", kNoId),
                  .started_at = reader.required_time("started_at"),
                  .hit = {.line = reader.number<std::uint64_t>("line").value_or(0),
                          .text = reader.required_text("text"),
                          .cut_before = reader.flag("cut_before"),
                          .cut_after = reader.flag("cut_after")}};
  return checked(reader, std::move(found));
}

json::object to_object(const Pruned& pruned) {
  return {
      {"reaped", ids_of(pruned.reaped)},
      {"removed", array_of(pruned.removed,
                           [](const RemovedBuild& removed) {
                             return json::object{{"id", removed.id.str()},
                                                 {"beyond", to_string(removed.beyond)},
                                                 {"bytes", removed.bytes}};
                           })},
      {"releases", ids_of(pruned.releases)},
      {"leftovers",
       array_of(
           pruned.leftovers,
           [](const Leftover& leftover) {
             return json::object{{"path", valid_utf8(leftover.path)}, {"bytes", leftover.bytes}};
           })},
      {"warnings", texts_of(pruned.warnings)}};
}

namespace {

template <class Id>
std::vector<Id> ids_in(JsonReader& reader, const char* key) {
  std::vector<Id> ids;
  for (const std::string& text : reader.list_of_texts(key)) {
    if (const auto id = Id::parse(text)) {
      ids.push_back(*id);
    } else {
      reader.fail(key, "has an element that is no id");
    }
  }
  return ids;
}

Result<RemovedBuild> parse_removed(const json::object& object) {
  JsonReader reader(object);
  const std::string text = reader.required_text("beyond");
  std::optional<RetentionLimit> beyond;
  for (const auto limit : {RetentionLimit::count, RetentionLimit::age, RetentionLimit::size}) {
    if (to_string(limit) == text) beyond = limit;
  }
  if (!beyond) reader.fail("beyond", "is no known limit");
  return checked(reader, RemovedBuild{.id = reader.name<BuildId>("id", kNoId),
                                      .beyond = beyond.value_or(RetentionLimit::count),
                                      .bytes = reader.number<std::uint64_t>("bytes").value_or(0)});
}

Result<Leftover> parse_leftover(const json::object& object) {
  JsonReader reader(object);
  return checked(reader, Leftover{.path = reader.required_text("path"),
                                  .bytes = reader.number<std::uint64_t>("bytes").value_or(0)});
}

}  // namespace

Result<Pruned> parse_pruned(const json::object& object) {
  auto removed = parse_elements<RemovedBuild>(object, "removed", parse_removed);
  if (!removed) return removed.error();
  auto leftovers = parse_elements<Leftover>(object, "leftovers", parse_leftover);
  if (!leftovers) return leftovers.error();
  JsonReader reader(object);
  Pruned pruned{.reaped = ids_in<BuildId>(reader, "reaped"),
                .removed = std::move(*removed),
                .releases = ids_in<ReleaseId>(reader, "releases"),
                .leftovers = std::move(*leftovers),
                .warnings = reader.list_of_texts("warnings")};
  return checked(reader, std::move(pruned));
}

json::object to_object(const build::QueueEntry& entry) {
  const build::QueueTicket& ticket = entry.ticket;
  const bool is_build = ticket.what == build::TicketFor::build;
  json::object object{{"app", ticket.app.str()}, {"kind", is_build ? "build" : "deploy"}};
  if (is_build) object["id"] = ticket.id.str();
  object["status"] = entry.place ? "queued" : "running";
  object["since"] = to_rfc3339({ticket.since});
  if (!ticket.branch.empty()) object["branch"] = ticket.branch;
  if (entry.place) add_place(object, *entry.place);
  return object;
}

Result<build::QueueEntry> parse_queue_entry(const json::object& object) {
  JsonReader reader(object);
  const std::string kind = reader.required_text("kind");
  if (kind != "build" && kind != "deploy") reader.fail("kind", "is neither build nor deploy");
  const bool is_build = kind == "build";
  const std::string status = reader.required_text("status");
  if (status != "queued" && status != "running") reader.fail("status", "is no status in a queue");
  const auto place = place_in(reader);
  build::QueueTicket ticket{
      .app = reader.name<AppName>("app", kNoId),
      .id = is_build ? reader.name<BuildId>("id", kNoId) : BuildId::parse(kNoId).value(),
      .what = is_build ? build::TicketFor::build : build::TicketFor::deploy,
      .state = status == "queued" ? build::TicketState::waiting : build::TicketState::running,
      .since = reader.required_time("since").at,
      .branch = reader.text("branch"),
      .key = {}};
  return checked(reader, build::QueueEntry{.ticket = std::move(ticket), .place = place});
}

}  // namespace cooper::api
