// RemoteRack: webhooks, in and out, and the audit log.

#include "api/webhooks.h"
#include "base/error.h"
#include "remote/paths.h"
#include "remote/remote_rack.h"

#include <algorithm>

namespace cooper::remote {

namespace {

/// A server tells no more at once.
constexpr std::size_t kMostAudit = 1000;

std::string path_of(const store::WebhookId& id) { return "/v1/webhooks/" + id.str(); }

}  // namespace

std::vector<store::HookDelivery> RemoteRack::list_hook_deliveries(const AppName& app) {
  return all_pages<store::HookDelivery>(api_, path_of(app) + "/hooks", {}, api::parse_hook_delivery)
      .items;
}

std::vector<store::Webhook> RemoteRack::list_webhooks(std::vector<std::string>& warnings) {
  auto list = all_pages<store::Webhook>(api_, "/v1/webhooks", {}, api::parse_webhook_object);
  std::ranges::move(list.warnings, std::back_inserter(warnings));
  return std::move(list.items);
}

store::Webhook RemoteRack::add_webhook(const rack::NewWebhook& wanted) {
  rack::NewWebhook asked = wanted;
  // Ours, so that no answer has to bring it.
  if (asked.secret.empty()) asked.secret = store::new_webhook_secret();
  store::Webhook made = api_.understood(api::parse_webhook_object(
      api_.object_in(api_.post_once("/v1/webhooks", api::to_object(asked)))));
  made.secret = asked.secret;
  return made;
}

void RemoteRack::remove_webhook(const store::WebhookId& id) { api_.remove(path_of(id)); }

store::Webhook RemoteRack::test_webhook(const store::WebhookId& id) {
  return api_.understood(
      api::parse_webhook_object(api_.object_in(api_.post(path_of(id) + "/test", std::nullopt))));
}

std::vector<store::WebhookMessage> RemoteRack::list_webhook_messages(const store::WebhookId& id) {
  return all_pages<store::WebhookMessage>(api_, path_of(id) + "/deliveries", {},
                                          api::parse_webhook_message)
      .items;
}

rack::AuditPage RemoteRack::read_audit(const rack::AuditFilter& filter) {
  const bool is_all = filter.limit == 0 || filter.limit > kMostAudit;
  Query query{{"limit", std::to_string(is_all ? kMostAudit : filter.limit)}};
  if (filter.app) query.emplace_back("app", filter.app->str());
  if (filter.since) query.emplace_back("since", to_rfc3339({*filter.since}));
  auto list = api_.understood(api::parse_list<store::AuditEntry>(
      api_.get("/v1/audit" + api::query_text(query)), api::parse_audit_entry));
  if (is_all && list.items.size() == kMostAudit) {
    list.warnings.emplace_back("only the newest 1000 are told from afar");
  }
  return {.entries = std::move(list.items), .warnings = std::move(list.warnings)};
}

}  // namespace cooper::remote
