// /v1/audit: who changed what, for who may do everything.

#include "api/build_query.h"
#include "api/list.h"
#include "api/webhooks.h"
#include "server/api_answers.h"
#include "server/routes.h"

#include <array>

namespace cooper::server {

namespace {

rack::AuditFilter filter_of(const Request& request) {
  api::QueryEntries entries = query_of(request);
  rack::AuditFilter filter;
  if (const std::string app = api::take_entry(entries, "app"); !app.empty()) {
    filter.app = AppName::parse(app).value();
  }
  if (const std::string since = api::take_entry(entries, "since"); !since.empty()) {
    const auto time = parse_rfc3339(since);
    if (!time) throw Error(Errc::invalid, "since is no time", "such as 2026-11-21T08:00:00Z");
    filter.since = time->at;
  }
  filter.limit = api::take_limit(entries).value();
  api::require_none(entries);
  return filter;
}

Answer list_audit(Services& services, const Request& request) {
  const rack::AuditFilter filter = filter_of(request);
  require_all_apps(request);
  rack::AuditPage page = services.rack.read_audit(filter);
  const api::List<store::AuditEntry> list{.items = std::move(page.entries),
                                          .warnings = std::move(page.warnings)};
  return list_answer(request, list,
                     [](const store::AuditEntry& entry) { return api::to_object(entry); });
}

constexpr std::array kRoutes = {
    Route{Method::get, "/v1/audit", Role::admin, list_audit, Body::none, Speed::slow}};

}  // namespace

std::span<const Route> audit_routes() { return kRoutes; }

}  // namespace cooper::server
