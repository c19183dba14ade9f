#pragma once
// JSON of webhooks, in and out, and of the audit log; see builds.h.

#include "model/json_values.h"
#include "rack/rack.h"

namespace cooper::api {

/// `id`, `url`, `app`, `events` (none: all) and `created_at`. No secret.
boost::json::object to_object(const store::Webhook& webhook);
[[nodiscard]] Result<store::Webhook> parse_webhook_object(const boost::json::object& object);

/// `url`, `app`, `events` and `secret`.
boost::json::object to_object(const rack::NewWebhook& wanted);
/// Error{invalid}.
[[nodiscard]] Result<rack::NewWebhook> parse_new_webhook(const boost::json::object& object);

/// As its file has it (docs/formats.md), and `id`.
boost::json::object to_object(const store::WebhookMessage& message);
[[nodiscard]] Result<store::WebhookMessage> parse_webhook_message(
    const boost::json::object& object);

/// As its file has it.
boost::json::object to_object(const store::HookDelivery& delivery);
[[nodiscard]] Result<store::HookDelivery> parse_hook_delivery(const boost::json::object& object);

/// As its line has it.
boost::json::object to_object(const store::AuditEntry& entry);
[[nodiscard]] Result<store::AuditEntry> parse_audit_entry(const boost::json::object& object);

}  // namespace cooper::api
