#include "api/build_query.h"

#include "api/cursor.h"
#include "base/ascii.h"
#include "base/text.h"

#include <algorithm>

namespace cooper::api {

namespace {

Error wrong(std::string_view name, std::string_view expected) {
  return {Errc::invalid, std::string(name) + " is " + std::string(expected)};
}

Result<std::optional<Time>> take_time(QueryEntries& entries, std::string_view name) {
  const std::string text = take_entry(entries, name);
  if (text.empty()) return std::optional<Time>();
  const auto time = parse_rfc3339(text);
  if (!time) return wrong(name, "no RFC 3339 time, such as 2026-11-21T03:19:38Z");
  return std::optional<Time>(time->at);
}

}  // namespace

std::string query_text(const QueryEntries& entries) {
  std::string text;
  for (const auto& [name, value] : entries) {
    text += (text.empty() ? "?" : "&") + percent_encoded(name) + "=" + percent_encoded(value);
  }
  return text;
}

std::string take_entry(QueryEntries& entries, std::string_view name) {
  std::string value;
  for (const auto& entry : entries) {
    if (entry.first == name) value = entry.second;
  }
  std::erase_if(entries, [&](const auto& entry) { return entry.first == name; });
  return value;
}

std::optional<std::uint64_t> take_count(QueryEntries& entries, std::string_view name) {
  const std::string text = take_entry(entries, name);
  if (text.empty()) return std::nullopt;
  const auto count = parse_number(text);
  if (!count) throw Error(Errc::invalid, std::string(name) + " is no whole number");
  return count;
}

bool take_flag(QueryEntries& entries, std::string_view name) {
  const auto is_named = [&](const auto& entry) { return entry.first == name; };
  if (std::ranges::none_of(entries, is_named)) return false;
  const std::string text = take_entry(entries, name);
  if (text != "true" && text != "false") {
    throw Error(Errc::invalid, std::string(name) + " is neither true nor false");
  }
  return text == "true";
}

Result<std::size_t> take_limit(QueryEntries& entries) {
  const std::string text = take_entry(entries, "limit");
  if (text.empty()) return kDefaultLimit;
  const auto limit = parse_number(text);
  if (!limit || *limit == 0 || *limit > kMostLimit) {
    return wrong("limit", "no whole number from 1 to " + std::to_string(kMostLimit));
  }
  return static_cast<std::size_t>(*limit);
}

void require_none(const QueryEntries& entries) {
  if (entries.empty()) return;
  throw Error(Errc::invalid,
              "there is no parameter " + shorten(printable(entries.front().first), 60) + " here");
}

QueryEntries to_query(const BuildQuery& query) {
  const rack::BuildFilter& filter = query.filter;
  QueryEntries entries;
  for (const DisplayStatus status : filter.statuses) {
    entries.emplace_back("status", to_string(status));
  }
  if (filter.kind) entries.emplace_back("kind", to_string(*filter.kind));
  if (!filter.source.empty()) entries.emplace_back("source", filter.source);
  if (filter.since) entries.emplace_back("since", to_rfc3339({*filter.since}));
  if (filter.until) entries.emplace_back("until", to_rfc3339({*filter.until}));
  if (filter.before) entries.emplace_back("before", filter.before->str());
  const std::size_t limit = filter.limit == 0 ? kMostLimit : std::min(filter.limit, kMostLimit);
  entries.emplace_back("limit", std::to_string(limit));
  if (!query.cursor.empty()) entries.emplace_back("cursor", query.cursor);
  return entries;
}

Result<BuildQuery> parse_build_query(QueryEntries& entries) {
  BuildQuery query;
  rack::BuildFilter& filter = query.filter;
  for (const auto& [name, value] : entries) {
    if (name != "status") continue;
    const auto status = parse_display_status(value);
    if (!status) {
      return wrong("status", "none of queued, running, succeeded, failed, canceled and abandoned");
    }
    filter.statuses.push_back(*status);
  }
  take_entry(entries, "status");
  if (const std::string kind = take_entry(entries, "kind"); !kind.empty()) {
    filter.kind = parse_kind(kind);
    if (!filter.kind) return wrong("kind", "neither build nor deploy");
  }
  filter.source = take_entry(entries, "source");
  const auto since = take_time(entries, "since");
  if (!since) return since.error();
  const auto until = take_time(entries, "until");
  if (!until) return until.error();
  filter.since = *since;
  filter.until = *until;
  if (const std::string before = take_entry(entries, "before"); !before.empty()) {
    const auto id = BuildId::parse(before);
    if (!id) return id.error();
    filter.before = *id;
  }
  const auto limit = take_limit(entries);
  if (!limit) return limit.error();
  filter.limit = *limit;
  query.cursor = take_entry(entries, "cursor");
  return query;
}

}  // namespace cooper::api
