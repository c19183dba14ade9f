// LocalRack's verbs about webhooks, in and out.

#include "base/error.h"
#include "base/text.h"
#include "rack/local_rack.h"
#include "source/url.h"

#include <algorithm>

namespace cooper::rack {

namespace {

std::string checked_url(const std::string& text) {
  const source::SourceUrl url = source::parse_source_url(text).value();
  if (url.scheme != "https" && url.scheme != "http") {
    throw Error(Errc::invalid, "a webhook's URL begins with https:// or http://");
  }
  if (!url.user.empty() || !url.password.empty()) {
    throw Error(Errc::invalid, "a webhook's URL has no credentials in it",
                "its receiver tells by the signature that it is ours");
  }
  return source::text_of(url);
}

}  // namespace

Result<std::vector<store::EventKind>> parse_events(const std::vector<std::string>& names) {
  std::vector<store::EventKind> events;
  for (const std::string& name : names) {
    const auto kind = store::parse_event_kind(name);
    if (!kind || *kind == store::EventKind::test) {
      return Error(Errc::invalid, "unknown event \"" + shorten(printable(name), 60) + "\"",
                   "build.started, build.finished, release.created, release.promoted");
    }
    if (std::ranges::find(events, *kind) == events.end()) events.push_back(*kind);
  }
  return events;
}

std::vector<store::HookDelivery> LocalRack::list_hook_deliveries(const AppName& app) {
  return store::HookInbox(layout_).list(require_app(app).name);
}

std::vector<store::Webhook> LocalRack::list_webhooks(std::vector<std::string>& warnings) {
  return store::Webhooks(layout_).list(warnings);
}

store::Webhook LocalRack::add_webhook(const NewWebhook& wanted) {
  store::Webhook webhook{.id = store::WebhookId::parse("0000000000").value(),
                         .url = checked_url(wanted.url),
                         .app = wanted.app,
                         .events = wanted.events,
                         .secret = wanted.secret.empty()
                                       ? store::new_webhook_secret()
                                       : store::check_webhook_secret(wanted.secret).value(),
                         .created_at = {}};
  if (webhook.app) require_app(*webhook.app);
  return store::Webhooks(layout_).add(std::move(webhook));
}

store::Webhook LocalRack::get_webhook(const store::WebhookId& id) const {
  auto webhook = store::Webhooks(layout_).find(id);
  if (webhook) return *std::move(webhook);
  throw Error(Errc::not_found, "no webhook " + id.str(), "`cooper webhooks` lists them");
}

void LocalRack::remove_webhook(const store::WebhookId& id) { store::Webhooks(layout_).remove(id); }

store::Webhook LocalRack::test_webhook(const store::WebhookId& id) {
  store::Webhook webhook = get_webhook(id);
  store::raise_event(layout_, {.kind = store::EventKind::test,
                               .app = {},
                               .id = webhook.id.str(),
                               .release = {},
                               .data = {},
                               .at = {now()}});
  return webhook;
}

std::vector<store::WebhookMessage> LocalRack::list_webhook_messages(const store::WebhookId& id) {
  return store::WebhookQueue(layout_, get_webhook(id).id).list();
}

}  // namespace cooper::rack
