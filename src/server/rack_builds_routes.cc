// /apps/{app}/builds: make, list, look at, follow, carry away and bring.

#include "base/text.h"
#include "server/build_options.h"
#include "server/clients_bytes.h"
#include "server/external_builds.h"
#include "server/log_streams.h"
#include "server/no_progress.h"
#include "server/rack_json.h"
#include "server/routes.h"
#include "server/services.h"

#include <boost/json/array.hpp>

#include <array>

namespace cooper::server {

namespace json = boost::json;

namespace {

constexpr std::size_t kDefaultLimit = 10;
constexpr std::size_t kMostListed = 10'000;

BuildId id_of(const Request& request) { return BuildId::parse(request.argument("id")).value(); }

/// The manifest that its release has; empty while it has none.
std::string manifest_of(Services& services, const Build& build) {
  if (build.release.empty()) return {};
  try {
    return services.rack.get_release(build.app, build.release).manifest;
  } catch (const Error&) {  // adapter: it was removed since, or can't be read; the build can
    return {};
  }
}

Answer build_answer(Services& services, const Build& build) {
  const rack::BuildView view = services.rack.get_build(build.app, build.id);
  return json_answer(to_convox(view, manifest_of(services, view.build)));
}

Answer create_build(Services& services, const Request& request) {
  const AppName app = services.rack.get_app(request.app()).name;
  if (request.flag("external")) {
    return json_answer(create_external_build(services.rack, app, request));
  }
  const auto [of_app, key] = parse_object_url(request.option("url")).value();
  if (of_app != app.str()) throw Error(Errc::invalid, "url is another app's object");
  const rack::ObjectKey object = rack::ObjectKey::parse(key).value();
  const Fd archive = services.rack.open_object(app, object);
  NoProgress progress;
  const Build build = of_clients_bytes([&] {
    return services.rack.build_archive({.app = app,
                                        .archive = archive.get(),
                                        .shown = "the uploaded source",
                                        .request = build_request_of(request)},
                                       progress, request.stop);
  });
  return build_answer(services, build);
}

Answer list_builds(Services& services, const Request& request) {
  const std::string_view text = request.option("limit");
  const auto limit =
      text.empty() ? std::optional<std::uint64_t>(kDefaultLimit) : parse_number(text);
  if (!limit) throw Error(Errc::invalid, "limit is no number");
  const rack::BuildPage page = services.rack.find_builds(
      {.app = request.app(),
       .kind = Kind::build,
       .limit = *limit == 0 ? kMostListed : std::min<std::size_t>(*limit, kMostListed)});
  json::array builds;
  for (const rack::BuildView& view : page.builds) builds.push_back(to_convox(view, ""));
  return json_answer(builds);
}

Answer get_build(Services& services, const Request& request) {
  if (auto external = find_external_build(services.rack, request.app(), id_of(request))) {
    return json_answer(*external);
  }
  const rack::BuildView view = services.rack.get_build(request.app(), id_of(request));
  return json_answer(to_convox(view, manifest_of(services, view.build)));
}

/// What the client would have a build say. Ours tell the truth by themselves, so it stays as it is.
Answer update_build(Services& services, const Request& request) {
  if (const auto manifest = request.form.find("manifest")) {
    set_external_manifest(services.rack, request.app(), id_of(request), *manifest);
  }
  return get_build(services, request);
}

Answer import_image(Services& services, const Request& request) {
  start_external_build(services.rack, services.rack.get_app(request.app()).name, id_of(request),
                       request);
  Answer answer;
  answer.status = 202;
  return answer;
}

Answer follow_build_log(Services& services, const Request& request) {
  const BuildId id = our_build(services.rack, request.app(), id_of(request));
  services.rack.get_build(request.app(), id);
  Answer answer;
  const bool follow = request.header_flag("follow").value_or(true);
  answer.stream =
      build_log_stream(request.app(), id, 0, follow ? Follow::yes : Follow::no, LogForm::text);
  return answer;
}

Answer export_build(Services& services, const Request& request) {
  const rack::BuildView view = services.rack.get_build(request.app(), id_of(request));
  Answer answer;
  answer.type = "application/x-gzip";
  rack::Rack& rack = services.rack;
  answer.producer = [&rack, app = view.build.app, id = view.build.id](int out,
                                                                      std::stop_token stop) {
    rack.export_build({.app = app, .build = id, .out = out}, std::move(stop));
  };
  return answer;
}

Answer import_build(Services& services, const Request& request) {
  const AppName app = services.rack.get_app(request.app()).name;
  NoProgress progress;
  const Build build = of_clients_bytes([&] {
    return services.rack.import_build({.app = app, .in = request.file.get()}, progress,
                                      request.stop);
  });
  return build_answer(services, build);
}

constexpr std::array kRoutes = {
    Route{Method::get, "/apps/{app}/builds", Role::read, list_builds},
    Route{Method::post, "/apps/{app}/builds", Role::build, create_build, Body::form, Speed::slow},
    Route{Method::post, "/apps/{app}/builds/import", Role::build, import_build, Body::file,
          Speed::slow},
    Route{Method::post, "/apps/{app}/builds/{id}/image", Role::build, import_image, Body::form,
          Speed::slow},
    Route{Method::get, "/apps/{app}/builds/{id}.tgz", Role::build, export_build},
    Route{Method::get, "/apps/{app}/builds/{id}", Role::read, get_build},
    Route{Method::put, "/apps/{app}/builds/{id}", Role::build, update_build, Body::form},
    Route{Method::socket, "/apps/{app}/builds/{id}/logs", Role::read, follow_build_log}};

}  // namespace

std::span<const Route> rack_builds_routes() { return kRoutes; }

}  // namespace cooper::server
