// /v1/builds and /v1/apps/{app}/builds: list and look at.

#include "api/builds.h"
#include "api/cursor.h"
#include "base/fd.h"
#include "base/text.h"
#include "server/api_answers.h"
#include "server/log_feed.h"
#include "server/log_streams.h"
#include "server/routes.h"

#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

json::object view_object(const rack::BuildView& view) { return api::to_object(view); }

/// One more than the page has, to tell whether there is a next one. Where the build that the cursor
/// names has been removed since, its time tells the place.
rack::BuildPage find_after(rack::Rack& rack, rack::BuildFilter filter, const std::string& text) {
  ++filter.limit;
  if (text.empty()) return rack.find_builds(filter);
  const api::Cursor cursor = api::parse_cursor(text).value();
  rack::BuildFilter after = filter;
  after.before = BuildId::parse(cursor.id).value();
  try {
    return rack.find_builds(after);
  } catch (const Error& error) {  // adapter: see above
    if (error.code() != Errc::not_found) throw;
  }
  filter.until = std::min(filter.until.value_or(cursor.at), cursor.at);
  return rack.find_builds(filter);
}

Answer list(Services& services, const Request& request, std::optional<AppName> app) {
  api::QueryEntries entries = query_of(request);
  api::BuildQuery query = api::parse_build_query(entries).value();
  api::require_none(entries);
  query.filter.app = std::move(app);
  rack::BuildPage page = find_after(services.rack, query.filter, query.cursor);
  api::List<rack::BuildView> list{.items = std::move(page.builds),
                                  .warnings = std::move(page.warnings)};
  if (list.items.size() > query.filter.limit) {
    list.items.resize(query.filter.limit, list.items.front());
    const Build& last = list.items.back().build;
    list.next = to_text(api::Cursor{.at = last.started_at.at, .id = last.id.str(), .rest = {}});
  }
  return list_answer(request, list, view_object);
}

Answer list_builds(Services& services, const Request& request) {
  return list(services, request, request.app());
}

/// Of all apps that the principal may see.
Answer list_all_builds(Services& services, const Request& request) {
  return list(services, request, request.principal.app);
}

/// The newest build of each app, by app.
Answer newest_builds(Services& services, const Request& request) {
  api::require_none(query_of(request));
  api::List<rack::BuildView> list;
  for (auto& [app, page] : services.rack.newest_builds()) {
    if (!may_see(request, app)) continue;
    for (rack::BuildView& view : page.builds) list.items.push_back(std::move(view));
    for (std::string& warning : page.warnings) list.warnings.push_back(std::move(warning));
  }
  return list_answer(request, list, view_object);
}

Answer get_build(Services& services, const Request& request) {
  api::QueryEntries entries = query_of(request);
  const std::string text = api::take_entry(entries, "kind");
  api::require_none(entries);
  const auto kind = parse_kind(text);
  if (!text.empty() && !kind) throw Error(Errc::invalid, "kind is neither build nor deploy");
  const AppName app = request.app();
  const BuildId id = services.rack.resolve_build(app, request.argument("build"), kind);
  return tagged_answer(view_object(services.rack.get_build(app, id)));
}

Answer list_steps(Services& services, const Request& request) {
  const AppName app = request.app();
  const api::List<Step> list{.items = services.rack.list_steps(app, build_of(services, request))};
  return list_answer(request, list, [](const Step& step) { return api::to_object(step); });
}

Answer get_provenance(Services& services, const Request& request) {
  const AppName app = request.app();
  Answer answer;
  answer.type = "application/vnd.in-toto+json";
  answer.body = services.rack.provenance(app, build_of(services, request));
  return answer;
}

/// Byte by byte what there is now or, with `follow`, until the build has ended.
Answer get_log(Services& services, const Request& request) {
  api::QueryEntries entries = query_of(request);
  const auto from = api::take_count(entries, "from");
  const auto tail = api::take_count(entries, "tail");
  const bool follow = api::take_flag(entries, "follow");
  api::require_none(entries);
  if (from && tail)
    throw Error(Errc::invalid, "a log is read either `from` a byte or by its `tail`");
  rack::Rack& rack = services.rack;
  const AppName app = request.app();
  const BuildId id = build_of(services, request);
  const std::uint64_t begin = tail ? rack.log_tail(app, id, *tail) : from.value_or(0);
  Answer answer;
  answer.type = "text/plain";
  answer.headers.add("Log-From", std::to_string(begin));
  if (follow) {
    require_offset(rack, app, id, BuildFile::log, begin);
    answer.stream = build_log_stream(app, id, begin, Follow::yes, LogForm::bytes);
    return answer;
  }
  answer.producer = [&rack, app, id, begin](int out, const std::stop_token& /*stop*/) {
    rack.read_log(app, id, begin, [out](std::string_view bytes) { write_all(out, bytes); });
  };
  return answer;
}

Answer diff_builds(Services& services, const Request& request) {
  const AppName app = request.app();
  const BuildId before = build_of(services, request);
  const BuildId after = services.rack.resolve_build(app, request.argument("other"));
  return tagged_answer(
      api::to_object(before, after, services.rack.diff_builds(app, before, after)));
}

constexpr std::array kRoutes = {
    Route{Method::get, "/v1/builds", Role::read, list_all_builds},
    Route{Method::get, "/v1/builds/newest", Role::read, newest_builds},
    Route{Method::get, "/v1/apps/{app}/builds", Role::read, list_builds},
    Route{Method::get, "/v1/apps/{app}/builds/{build}", Role::read, get_build},
    Route{Method::get, "/v1/apps/{app}/builds/{build}/steps", Role::read, list_steps},
    Route{Method::get, "/v1/apps/{app}/builds/{build}/provenance", Role::read, get_provenance},
    Route{Method::get, "/v1/apps/{app}/builds/{build}/log", Role::read, get_log},
    Route{Method::get, "/v1/apps/{app}/builds/{build}/diff/{other}", Role::read, diff_builds}};

}  // namespace

std::span<const Route> api_builds_routes() { return kRoutes; }

}  // namespace cooper::server
