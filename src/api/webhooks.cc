#include "api/webhooks.h"

#include "api/body.h"
#include "api/list.h"
#include "base/text.h"

#include <boost/json.hpp>

namespace cooper::api {
namespace json = boost::json;

namespace {

json::array events_of(const std::vector<store::EventKind>& events) {
  return array_of(events, [](store::EventKind kind) { return json::string(to_string(kind)); });
}

}  // namespace

json::object to_object(const store::Webhook& webhook) {
  json::object object{{"id", webhook.id.str()}, {"url", webhook.url}};
  if (webhook.app) object["app"] = webhook.app->str();
  object["events"] = events_of(webhook.events);
  object["created_at"] = to_rfc3339(webhook.created_at);
  return object;
}

Result<store::Webhook> parse_webhook_object(const json::object& object) {
  JsonReader reader(object);
  store::Webhook webhook{.id = reader.name<store::WebhookId>("id", "0000000000"),
                         .url = reader.required_text("url"),
                         .app = std::nullopt,
                         .events = {},
                         .secret = {},
                         .created_at = reader.required_time("created_at")};
  if (object.contains("app")) webhook.app = reader.name<AppName>("app", "unknown");
  for (const std::string& name : reader.list_of_texts("events")) {
    const auto kind = store::parse_event_kind(name);
    if (!kind) reader.fail("events", "has one that is not known");
    webhook.events.push_back(kind.value_or(store::EventKind::test));
  }
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return webhook;
}

json::object to_object(const rack::NewWebhook& wanted) {
  json::object object{{"url", wanted.url}};
  if (wanted.app) object["app"] = wanted.app->str();
  if (!wanted.events.empty()) object["events"] = events_of(wanted.events);
  if (!wanted.secret.empty()) object["secret"] = wanted.secret;
  return object;
}

Result<rack::NewWebhook> parse_new_webhook(const json::object& object) {
  Body body(object);
  rack::NewWebhook wanted{.url = body.required_text("url"),
                          .app = std::nullopt,
                          .events = {},
                          .secret = body.text("secret")};
  if (const std::string text = body.text("app"); !text.empty()) {
    if (auto app = AppName::parse(text)) {
      wanted.app = *std::move(app);
    } else {
      body.fail(app.error());
    }
  }
  auto events = rack::parse_events(body.texts("events"));
  if (!events) body.fail(events.error());
  if (const auto problem = body.problem()) return Error(*problem);
  wanted.events = *std::move(events);
  return wanted;
}

json::object to_object(const store::WebhookMessage& message) {
  json::object object = json::parse(to_json(message)).as_object();
  object["id"] = message.id;
  return object;
}

Result<store::WebhookMessage> parse_webhook_message(const json::object& object) {
  JsonReader reader(object);
  return store::parse_webhook_message(json::serialize(object), reader.text("id"));
}

json::object to_object(const store::HookDelivery& delivery) {
  return json::parse(to_json(delivery)).as_object();
}

Result<store::HookDelivery> parse_hook_delivery(const json::object& object) {
  return store::parse_hook_delivery(json::serialize(object), "");
}

json::object to_object(const store::AuditEntry& entry) {
  return json::parse(to_json_line(entry)).as_object();
}

Result<store::AuditEntry> parse_audit_entry(const json::object& object) {
  return store::parse_audit_entry(json::serialize(object), store::AuditKind::change);
}

}  // namespace cooper::api
