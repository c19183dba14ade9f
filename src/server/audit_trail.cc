#include "server/audit_trail.h"

#include "base/text.h"
#include "server/log_line.h"
#include "server/metrics.h"

#include <boost/json.hpp>

namespace cooper::server {
namespace json = boost::json;

namespace {

/// What is larger shows no single thing.
constexpr std::size_t kMostAnswerBytes = std::size_t{256} << 10;

}  // namespace

bool AuditTrail::is_change(const Route& route) {
  const bool reads =
      route.method == Method::get || route.method == Method::head || route.method == Method::socket;
  // Some ask with a body; webhooks, which strangers may send, have a log of their own.
  return !reads && route.role >= Role::build;
}

std::string made_by(const Answer& answer) {
  if (answer.status >= 300 || !answer.type.starts_with("application/json") ||
      answer.body.size() > kMostAnswerBytes) {
    return {};
  }
  boost::system::error_code failure;
  const json::value value = json::parse(answer.body, failure);
  if (failure || !value.is_object()) return {};
  for (const char* key : {"id", "name"}) {
    const json::value* found = value.get_object().if_contains(key);
    if (found && found->is_string()) return std::string(found->get_string());
  }
  return {};
}

store::AuditEntry audit_entry(const Route* route, const Request& request, unsigned status) {
  store::AuditEntry entry{.at = {now()},
                          .who = request.principal.name,
                          .name = request.principal.title,
                          .action = "login",
                          .app = {},
                          .about = {},
                          .made = {},
                          .status = static_cast<int>(status),
                          .from = request.remote,
                          .request = request.id};
  if (!route) return entry;
  entry.action = std::string(to_string(route->method)) + " " + std::string(route->pattern);
  for (const auto& [name, value] : request.arguments) {
    if (name == "app") {
      entry.app = value;
    } else {
      entry.about.emplace(name, value);
    }
  }
  return entry;
}

void AuditTrail::append(const store::AuditEntry& entry) {
  try {
    log_.append(entry);
  } catch (const Error& error) {  // boundary: a request, whose answer says nothing of it
    ++metrics_.audit_failures;
    log_error(std::string("the audit log can't be written: ") + error.what() +
              "; what it lacks: " + std::string(trim(store::to_json_line(entry))));
  }
}

void AuditTrail::note_change(const Route& route, const Request& request, const Answer& answer) {
  store::AuditEntry entry = audit_entry(&route, request, answer.status);
  entry.made = made_by(answer);
  // Where nobody had to come with credentials, a refusal is a stranger's.
  const bool is_strangers = route.role == Role::nobody && answer.status >= 400;
  entry.kind = is_strangers ? store::AuditKind::refusal : store::AuditKind::change;
  append(entry);
}

void AuditTrail::note_refusal(const Route* route, const Request& request, unsigned status) {
  store::AuditEntry entry = audit_entry(route, request, status);
  entry.kind = store::AuditKind::refusal;
  if (workers_.post([this, entry] { append(entry); })) return;
  ++metrics_.audit_failures;
  log_error("the audit log waits for too much; what it lacks: " +
            std::string(trim(store::to_json_line(entry))));
}

}  // namespace cooper::server
