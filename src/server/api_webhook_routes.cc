// /v1/webhooks, which go out, and /v1/apps/{app}/hooks: what those said that came in.

#include "api/webhooks.h"
#include "server/api_answers.h"
#include "server/routes.h"

#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

constexpr auto kToObject = [](const auto& element) { return api::to_object(element); };

store::WebhookId id_of(const Request& request) {
  return store::WebhookId::parse(request.argument("webhook")).value();
}

Answer list_hook_deliveries(Services& services, const Request& request) {
  api::require_none(query_of(request));
  const api::List<store::HookDelivery> list{.items =
                                                services.rack.list_hook_deliveries(request.app())};
  return list_answer(request, list, kToObject);
}

Answer list_webhooks(Services& services, const Request& request) {
  api::require_none(query_of(request));
  require_all_apps(request);
  api::List<store::Webhook> list;
  list.items = services.rack.list_webhooks(list.warnings);
  return list_answer(request, list, kToObject);
}

/// The secret is told this once, and only if it was made here.
Answer create_webhook(Services& services, const Request& request) {
  const rack::NewWebhook wanted = api::parse_new_webhook(body_object(request)).value();
  const store::Webhook made = services.rack.add_webhook(wanted);
  json::object object = api::to_object(made);
  if (wanted.secret.empty()) object["secret"] = made.secret;
  Answer answer = created_answer(object, "/v1/webhooks/" + made.id.str());
  answer.kept_body = object_answer(api::to_object(made)).body;
  return answer;
}

Answer remove_webhook(Services& services, const Request& request) {
  services.rack.remove_webhook(id_of(request));
  return no_content();
}

Answer test_webhook(Services& services, const Request& request) {
  require_empty_body(request);
  return object_answer(api::to_object(services.rack.test_webhook(id_of(request))), 202);
}

/// Oldest first.
Answer list_deliveries(Services& services, const Request& request) {
  api::require_none(query_of(request));
  require_all_apps(request);
  const api::List<store::WebhookMessage> list{
      .items = services.rack.list_webhook_messages(id_of(request))};
  return list_answer(request, list, kToObject);
}

// URLs of webhooks are often secrets themselves.
constexpr std::array kRoutes = {
    Route{Method::get, "/v1/apps/{app}/hooks", Role::read, list_hook_deliveries},
    Route{Method::get, "/v1/webhooks", Role::admin, list_webhooks},
    Route{Method::post, "/v1/webhooks", Role::admin, create_webhook, Body::json, Speed::quick,
          Keyed::yes},
    Route{Method::del, "/v1/webhooks/{webhook}", Role::admin, remove_webhook},
    Route{Method::post, "/v1/webhooks/{webhook}/test", Role::admin, test_webhook, Body::json},
    Route{Method::get, "/v1/webhooks/{webhook}/deliveries", Role::admin, list_deliveries}};

}  // namespace

std::span<const Route> api_webhook_routes() { return kRoutes; }

}  // namespace cooper::server
