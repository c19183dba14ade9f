// /hooks/{app}: what GitHub, GitLab, Gitea and Forgejo call when somebody has pushed there.

#include "base/error.h"
#include "base/file.h"
#include "build/settings.h"
#include "rack/app_repository.h"
#include "rack/properties.h"
#include "server/hook_event.h"
#include "server/hook_worker.h"
#include "server/rack_json.h"
#include "server/routes.h"
#include "server/services.h"
#include "source/git_repository.h"
#include "store/file_store.h"
#include "store/hook_inbox.h"

#include <boost/json/object.hpp>

#include <algorithm>
#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

constexpr std::string_view kHeads = "refs/heads/";

Answer hook_answer(unsigned status, std::string_view what, std::string_view why = {}) {
  json::object object{{"status", what}};
  if (!why.empty()) object["reason"] = why;
  return json_answer(object, status);
}

Answer ignored(std::string_view why) { return hook_answer(200, "ignored", why); }

/// What the app takes; nothing for an app that there is not.
build::Settings settings_of(Services& services, const store::Layout& layout,
                            const Request& request) {
  const auto app = AppName::parse(request.argument("app"));
  if (!app || !services.rack.find_app(*app)) return {};
  std::vector<std::string> warnings;
  return build::read_settings(store::FileStore(layout), *app, warnings);
}

/// GitHub can send it as a form, too.
std::string payload_of(const Request& request, const std::string& body) {
  if (!request.headers.get("content-type").starts_with("application/x-www-form-urlencoded")) {
    return body;
  }
  return std::string(parse_form(body).value().get("payload"));
}

/// The ref whose pushes are built; as for a push of its owner's.
std::string wanted_ref(Services& services, const store::Layout& layout, const AppName& app,
                       const std::string& pushed) {
  const std::filesystem::path repository = layout.git(app);
  const auto exists = [&](const std::string& ref) {
    return std::filesystem::exists(repository) && source::find_ref(repository, ref);
  };
  if (auto ref = rack::present_deploy_ref(
          rack::effective_property(services.rack, &app, "deploy-branch"), exists)) {
    return *ref;
  }
  const auto& usual = rack::usual_deploy_refs();
  return std::ranges::find(usual, pushed) == usual.end() ? usual[0] : pushed;
}

Answer accept(Services& services, const store::Layout& layout, const HookHead& head,
              const PushEvent& event, const AppName& app) {
  const store::HookDelivery delivery{.key = store::hook_key(head.sender, head.delivery),
                                     .sender = head.sender,
                                     .delivery = head.delivery,
                                     .branch = event.ref.substr(kHeads.size()),
                                     .commit = event.after,
                                     .received_at = {now()}};
  if (!store::HookInbox(layout).accept(app, delivery)) {
    return hook_answer(200, "known", "this delivery has been accepted before");
  }
  services.hooks.wake(app);
  return json_answer(json::object{{"status", "accepted"},
                                  {"app", app.str()},
                                  {"branch", delivery.branch},
                                  {"commit", delivery.commit}},
                     202);
}

Answer take_hook(Services& services, const Request& request) {
  const store::Layout& layout = services.layout;
  const build::Settings settings = settings_of(services, layout, request);
  const std::string body =
      request.file ? read_open_file(request.file, "the body", services.limits.form_bytes) : "";
  const auto head = check_hook(request.headers, body, settings.webhook_secret, now());
  if (!head) {
    // The same whether there is such an app, and whether it has a secret.
    return error_answer(401, "this is not signed with a webhook secret of this app",
                        "on the host: cooper hooks add URL -a APP");
  }
  const AppName app = request.app();
  switch (kind_of(*head)) {
    case HookKind::ping:
      return hook_answer(200, "pong");
    case HookKind::other:
      return ignored("only pushes start builds");
    case HookKind::push:
      break;
  }
  const PushEvent event = parse_push_event(payload_of(request, body)).value();
  const auto is_ours = [&](const std::string& name) {
    return is_same_repository(name, settings.webhook_url);
  };
  if (std::ranges::none_of(event.repository, is_ours)) {
    return error_answer(422, "this is about another repository than the app's webhook-url",
                        "on the host: cooper hooks add URL -a " + app.str());
  }
  if (!event.ref.starts_with(kHeads)) return ignored("only pushes to branches start builds");
  if (event.deletes()) return ignored("a branch was deleted");
  const std::string wanted = wanted_ref(services, layout, app, event.ref);
  if (event.ref != wanted) {
    return ignored("pushes to " + wanted.substr(kHeads.size()) + " are built, and this is one to " +
                   event.ref.substr(kHeads.size()));
  }
  if (!source::is_branch_name(event.ref.substr(kHeads.size()))) {
    throw Error(Errc::invalid, "this is no push event: `ref` is no branch");
  }
  return accept(services, layout, *head, event, app);
}

constexpr std::array kRoutes = {
    Route{Method::post, "/hooks/{app}", Role::nobody, take_hook, Body::small_file}};

}  // namespace

std::span<const Route> hook_routes() { return kRoutes; }

}  // namespace cooper::server
