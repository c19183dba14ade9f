// /v1/apps/{app}/builds: start, end, keep, remove.

#include "api/body.h"
#include "api/builds.h"
#include "api/requests.h"
#include "base/fd.h"
#include "server/api_answers.h"
#include "server/clients_bytes.h"
#include "server/no_progress.h"
#include "server/routes.h"
#include "source/git_facts.h"
#include "source/url.h"

#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

json::object view_object(Services& services, const AppName& app, const BuildId& id) {
  return api::to_object(services.rack.get_build(app, id));
}

Answer started(Services& services, const Build& build) {
  return created_answer(view_object(services, build.app, build.id),
                        "/v1/apps/" + build.app.str() + "/builds/" + build.id.str());
}

Build start(Services& services, const AppName& app, api::NewBuild wanted,
            const std::stop_token& stop) {
  NoProgress progress;
  if (!wanted.image.empty()) {
    const std::string service = wanted.service.empty() ? "web" : wanted.service;
    return services.rack.start_image({.app = app,
                                      .service = ServiceName::parse(service).value(),
                                      .image = wanted.image,
                                      .manifest = wanted.image_manifest,
                                      .request = std::move(wanted.request),
                                      .if_locked = wanted.if_locked},
                                     progress, stop);
  }
  wanted.request.git_url = source::public_url(wanted.request.git_url);
  Fd archive;
  std::string shown = "the uploaded source";
  if (wanted.object.empty()) {
    const source::SourceUrl url = source::parse_source_url(wanted.url).value();
    if (url.scheme == "file") {  // whatever `fetch-schemes` lets the host's own people read
      throw Error(Errc::denied, "a server fetches none of its own files", "upload the archive");
    }
    shown = source::shown(url);
  } else {
    archive = services.rack.open_object(app, rack::ObjectKey::parse(wanted.object).value());
  }
  return services.rack.build_archive({.app = app,
                                      .url = wanted.url,
                                      .archive = archive.get(),
                                      .shown = std::move(shown),
                                      .type = {},
                                      .request = std::move(wanted.request),
                                      .secrets = std::move(wanted.secrets),
                                      .if_locked = wanted.if_locked},
                                     progress, stop);
}

Answer create_build(Services& services, const Request& request) {
  const AppName app = services.rack.get_app(request.app()).name;
  api::NewBuild wanted = api::parse_new_build(body_object(request)).value();
  return started(services, of_clients_bytes([&] {
                   return start(services, app, std::move(wanted), request.stop);
                 }));
}

Answer retry_build(Services& services, const Request& request) {
  const AppName app = request.app();
  const rack::RetryBuild wanted =
      api::parse_retry(body_object(request), app, build_of(services, request)).value();
  NoProgress progress;
  return started(services, services.rack.retry_build(wanted, progress, request.stop));
}

Answer remove_build(Services& services, const Request& request) {
  const AppName app = request.app();
  const BuildId id = build_of(services, request);
  if (request.headers.find("if-match")) {
    if (auto refusal = refuse_if_changed(request, view_object(services, app, id))) {
      return std::move(*refusal);
    }
  }
  services.rack.remove_build(app, id);
  return no_content();
}

Answer erase_log(Services& services, const Request& request) {
  require_empty_body(request);
  const AppName app = request.app();
  const BuildId id = build_of(services, request);
  services.rack.erase_log(app, id, request.principal.name);
  return tagged_answer(view_object(services, app, id));
}

/// Asks, unless the client wants to know the end.
Answer cancel_build(Services& services, const Request& request) {
  const json::object object = body_object(request);
  api::Body body(object);
  const bool waits = body.flag("wait");
  if (const auto problem = body.problem()) throw Error(*problem);
  const AppName app = request.app();
  const BuildId id = build_of(services, request);
  if (waits) return tagged_answer(api::to_object(services.rack.cancel_build(app, id)));
  services.rack.request_cancel(app, id);
  return object_answer(view_object(services, app, id), 202);
}

/// A pin, as long as the build is what the client has seen.
Answer change_pin(Services& services, const Request& request,
                  Build (rack::Rack::*change)(const AppName&, const BuildId&)) {
  require_empty_body(request);
  const AppName app = request.app();
  const BuildId id = build_of(services, request);
  if (auto refusal = refuse_if_changed(request, view_object(services, app, id))) {
    return std::move(*refusal);
  }
  (services.rack.*change)(app, id);
  return tagged_answer(view_object(services, app, id));
}

Answer pin_build(Services& services, const Request& request) {
  return change_pin(services, request, &rack::Rack::pin_build);
}

Answer unpin_build(Services& services, const Request& request) {
  return change_pin(services, request, &rack::Rack::unpin_build);
}

constexpr std::array kRoutes = {
    Route{Method::post, "/v1/apps/{app}/builds", Role::build, create_build, Body::json, Speed::slow,
          Keyed::yes},
    Route{Method::post, "/v1/apps/{app}/builds/{build}/retry", Role::build, retry_build, Body::json,
          Speed::slow, Keyed::yes},
    Route{Method::del, "/v1/apps/{app}/builds/{build}", Role::build, remove_build, Body::none,
          Speed::slow},
    Route{Method::post, "/v1/apps/{app}/builds/{build}/cancel", Role::build, cancel_build,
          Body::json, Speed::slow},
    Route{Method::post, "/v1/apps/{app}/builds/{build}/log/erase", Role::build, erase_log,
          Body::json},
    Route{Method::post, "/v1/apps/{app}/builds/{build}/pin", Role::build, pin_build, Body::json},
    Route{Method::post, "/v1/apps/{app}/builds/{build}/unpin", Role::build, unpin_build,
          Body::json}};

}  // namespace

std::span<const Route> api_build_changes_routes() { return kRoutes; }

}  // namespace cooper::server
