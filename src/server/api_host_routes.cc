// What belongs to the host: /v1/engines, /registries, /tokens, /queue, /system, /logs/search.

#include "api/body.h"
#include "api/builds.h"
#include "api/cursor.h"
#include "api/host.h"
#include "api/requests.h"
#include "base/text.h"
#include "server/api_answers.h"
#include "server/openapi_text.h"
#include "server/routes.h"

#include <algorithm>
#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

constexpr auto kToObject = [](const auto& element) { return api::to_object(element); };

std::string_view role_name(Role role) {
  switch (role) {
    case Role::nobody:
      break;
    case Role::read:
      return "read";
    case Role::build:
      return "build";
    case Role::admin:
      return "admin";
  }
  return "nobody";
}

Answer get_description(Services& /*services*/, const Request& /*request*/) {
  Answer answer;
  answer.body = openapi_text();
  add_tag(answer);
  return answer;
}

/// Which server that is, and what it takes the client for.
Answer get_system(Services& services, const Request& request) {
  json::object object{{"version", services.version},
                      {"host", services.host_name},
                      {"role", role_name(request.principal.role)}};
  if (request.principal.app) object["app"] = request.principal.app->str();
  return tagged_answer(object);
}

Answer list_engines(Services& services, const Request& request) {
  api::QueryEntries entries = query_of(request);
  const std::string text = api::take_entry(entries, "app");
  api::require_none(entries);
  std::optional<AppName> app = request.principal.app;
  if (!text.empty()) app = AppName::parse(text).value();
  if (app && !may_see(request, *app)) require_all_apps(request);
  const api::List<engine::EngineReport> list{.items =
                                                 services.rack.list_engines(app ? &*app : nullptr)};
  return list_answer(request, list, kToObject);
}

Answer list_registries(Services& services, const Request& request) {
  require_all_apps(request);
  api::List<engine::KnownLogin> list;
  list.items = services.rack.list_registries(list.warnings);
  return list_answer(request, list, kToObject);
}

Answer add_registry(Services& services, const Request& request) {
  const auto [host, login] = api::parse_new_login(body_object(request)).value();
  services.rack.add_registry(host, login);
  json::object object{{"host", host}};
  if (!login.user.empty()) object["user"] = login.user;
  return object_answer(object, 201);
}

Answer remove_registry(Services& services, const Request& request) {
  services.rack.remove_registry(request.argument("host"));
  return no_content();
}

Answer list_tokens(Services& services, const Request& request) {
  store::TokenList tokens = services.rack.list_tokens();
  const api::List<store::Token> list{.items = std::move(tokens.tokens),
                                     .warnings = std::move(tokens.warnings)};
  return list_answer(request, list, kToObject);
}

/// The secret is told this once: not even to who asks again with the same idempotency key.
Answer create_token(Services& services, const Request& request) {
  const store::MadeToken made =
      services.rack.create_token(api::parse_new_token(body_object(request)).value());
  Answer answer = created_answer(api::to_object(made), "/v1/tokens/" + made.token.id.str());
  answer.kept_body = object_answer(api::to_object(made.token)).body;
  return answer;
}

Answer revoke_token(Services& services, const Request& request) {
  services.rack.revoke_token(store::TokenId::parse(request.argument("token")).value());
  return no_content();
}

Answer list_queue(Services& services, const Request& request) {
  api::List<build::QueueEntry> list{.items = services.rack.list_queue()};
  std::erase_if(list.items, [&](const build::QueueEntry& entry) {
    return !may_see(request, entry.ticket.app);
  });
  return list_answer(request, list, kToObject);
}

Answer lines_answer(const std::vector<std::string>& lines) {
  return object_answer({{"items", api::array_of(lines, [](const std::string& line) {
                           return json::value(printable(line));
                         })}});
}

Answer resume_queue(Services& services, const Request& request) {
  require_empty_body(request);
  return lines_answer(services.rack.resume_queue());
}

Answer disk_use(Services& services, const Request& request) {
  require_all_apps(request);
  api::List<build::DiskItem> list;
  list.items = services.rack.disk_use(list.warnings);
  return list_answer(request, list, kToObject);
}

Answer prune_engines(Services& services, const Request& request) {
  const json::object object = body_object(request);
  api::Body body(object);
  const bool is_dry = body.flag("dry_run");
  if (const auto problem = body.problem()) throw Error(*problem);
  const api::List<build::EnginePruned> list{.items = is_dry ? services.rack.would_prune_engines()
                                                            : services.rack.prune_engines()};
  return object_answer(api::to_object(list, kToObject));
}

struct Search {
  rack::LogSearch wanted;
  std::size_t limit = api::kDefaultLimit;
  std::optional<api::Cursor> after;  ///< the last line of the page before
};

Search search_of(const Request& request) {
  api::QueryEntries entries = query_of(request);
  Search search{.wanted = {.text = api::take_entry(entries, "text"), .builds = {}}, .after = {}};
  if (api::take_flag(entries, "ignore_case")) search.wanted.letters = log::Case::ignored;
  const std::string app = api::take_entry(entries, "app");
  const api::BuildQuery query = api::parse_build_query(entries).value();
  api::require_none(entries);
  search.limit = query.filter.limit;
  rack::BuildFilter& builds = search.wanted.builds;
  builds = query.filter;
  builds.limit = 0;
  builds.app = request.principal.app;
  if (!app.empty()) builds.app = AppName::parse(app).value();
  if (builds.app && !may_see(request, *builds.app)) require_all_apps(request);
  if (!query.cursor.empty()) {
    search.after = api::parse_cursor(query.cursor).value();
    // That build's log goes on.
    const Time until = search.after->at + std::chrono::nanoseconds(1);
    builds.until = std::min(builds.until.value_or(until), until);
  }
  return search;
}

/// Was it on the page before?
bool was_shown(const api::Cursor& cursor, const rack::LogHit& hit) {
  return hit.build.id.str() == cursor.id && hit.hit.line <= parse_number(cursor.rest).value_or(0);
}

Answer search_logs(Services& services, const Request& request) {
  const Search search = search_of(request);
  json::array items;
  std::string next;
  api::Cursor last;
  const auto found = [&](const rack::LogHit& hit) {
    if (search.after && was_shown(*search.after, hit)) return true;
    if (items.size() == search.limit) {
      next = to_text(last);
      return false;
    }
    items.push_back(api::to_object(hit));
    last = {.at = hit.build.started_at.at,
            .id = hit.build.id.str(),
            .rest = std::to_string(hit.hit.line)};
    return true;
  };
  const rack::SearchEnd end = services.rack.search_logs(search.wanted, found, request.stop);
  json::object page = api::to_object(
      api::List<int>{.items = {}, .warnings = end.warnings, .next = next}, [](int) { return 0; });
  page["items"] = std::move(items);
  return page_answer(request, page, next);
}

constexpr std::array kRoutes = {
    Route{Method::get, "/v1/openapi.json", Role::nobody, get_description},
    Route{Method::get, "/v1/system", Role::read, get_system},
    Route{Method::get, "/v1/engines", Role::read, list_engines, Body::none, Speed::slow},
    Route{Method::get, "/v1/registries", Role::read, list_registries},
    Route{Method::post, "/v1/registries", Role::admin, add_registry, Body::json},
    Route{Method::del, "/v1/registries/{host*}", Role::admin, remove_registry},
    Route{Method::get, "/v1/tokens", Role::admin, list_tokens},
    Route{Method::post, "/v1/tokens", Role::admin, create_token, Body::json, Speed::quick,
          Keyed::yes},
    Route{Method::del, "/v1/tokens/{token}", Role::admin, revoke_token},
    Route{Method::get, "/v1/queue", Role::read, list_queue},
    Route{Method::post, "/v1/queue/resume", Role::admin, resume_queue, Body::json, Speed::slow},
    Route{Method::get, "/v1/system/disk", Role::read, disk_use, Body::none, Speed::slow},
    Route{Method::post, "/v1/system/prune", Role::admin, prune_engines, Body::json, Speed::slow},
    Route{Method::get, "/v1/logs/search", Role::read, search_logs, Body::none, Speed::slow}};

}  // namespace

std::span<const Route> api_host_routes() { return kRoutes; }

}  // namespace cooper::server
