// What `cooper` sends from afar: /v1/apps/{app}/uploads, a source of which it sends what is not
// here (rack/uploads.h), and bundles.

#include "api/body.h"
#include "api/build_query.h"
#include "api/builds.h"
#include "api/requests.h"
#include "base/fd.h"
#include "base/text.h"
#include "rack/starting.h"
#include "rack/uploads.h"
#include "server/api_answers.h"
#include "server/clients_bytes.h"
#include "server/routes.h"
#include "server/services.h"
#include "source/git_facts.h"
#include "store/layout.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace cooper::server {

namespace json = boost::json;

namespace {

/// For the client, beside the build.
class Notices : public rack::StartProgress {
 public:
  void phase(std::string_view /*name*/) override {}
  void phase_done() override {}
  void notice(std::string_view text) override { texts_.emplace_back(text); }

  json::array to_json() const {
    json::array texts;
    for (const std::string& text : texts_) texts.push_back(json::string(valid_utf8(text)));
    return texts;
  }

 private:
  std::vector<std::string> texts_;
};

std::string required_text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value) return {};
  if (!value->is_string()) throw Error(Errc::invalid, std::string(name) + " is no text");
  return std::string(value->get_string());
}

/// The build, and `notices`: what a person at the server would have been told.
Answer build_answer(Services& services, const Build& build, const Notices& notices) {
  json::object object = api::to_object(services.rack.get_build(build.app, build.id));
  if (json::array texts = notices.to_json(); !texts.empty()) object["notices"] = std::move(texts);
  return created_answer(object, "/v1/apps/" + build.app.str() + "/builds/" + build.id.str());
}

rack::UploadPlan plan_in(const Services& services, const Request& request) {
  const json::object body = body_object(request);
  const json::value* listed = body.if_contains("pieces");
  if (!listed || !listed->is_array()) throw Error(Errc::invalid, "pieces is no list");
  std::vector<source::ArchivePiece> pieces;
  for (const json::value& each : listed->get_array()) {
    if (!each.is_object()) throw Error(Errc::invalid, "a piece is no object");
    const json::value* bytes = each.get_object().if_contains("bytes");
    boost::system::error_code failure;
    const auto count = bytes ? bytes->to_number<std::uint64_t>(failure) : 0;
    if (failure) throw Error(Errc::invalid, "a piece's bytes are no number");
    pieces.push_back({.bytes = count, .digest = required_text(each.get_object(), "digest")});
  }
  return rack::make_upload_plan(required_text(body, "archive"), std::move(pieces),
                                services.limits.file_bytes)
      .value();
}

/// A first build makes its app; that is for those who may.
void require_maker(Services& services, const Request& request, const AppName& app) {
  if (services.rack.find_app(app)) return;
  if (request.principal.role == Role::admin && !request.principal.app) return;
  throw Error(Errc::not_found, "there is no app " + app.str() + ", and this token may not make one",
              "who has an admin's token makes it: cooper apps create " + app.str());
}

Answer begin_upload(Services& services, const Request& request) {
  const AppName app = request.app();
  rack::require_image_names(app);
  require_maker(services, request, app);
  const rack::UploadPlan plan = plan_in(services, request);
  if (!services.rack.find_app(app)) services.rack.create_app(app);
  json::array missing;
  for (const std::string& digest : rack::Uploads(services.layout).begin(app, plan, request.stop)) {
    missing.push_back(json::string(digest));
  }
  return object_answer({{"id", plan.archive.str()}, {"missing", std::move(missing)}});
}

rack::Digest upload_of(const Request& request) {
  return rack::Digest::parse(request.argument("upload")).value();
}

Answer put_piece(Services& services, const Request& request) {
  rack::Uploads(services.layout)
      .add(services.rack.get_app(request.app()).name, upload_of(request),
           rack::Digest::parse(request.argument("piece")).value(), request.file);
  return no_content();
}

Answer build_upload(Services& services, const Request& request) {
  const AppName app = services.rack.get_app(request.app()).name;
  const rack::Digest upload = upload_of(request);
  const json::object object = body_object(request);
  api::Body body(object);
  rack::BuildArchive wanted{.app = app, .shown = "the uploaded source"};
  api::read_build_options(body, wanted.request, wanted.secrets, wanted.if_locked);
  if (const auto problem = body.problem()) throw Error(*problem);
  wanted.request.git_url = source::public_url(wanted.request.git_url);
  rack::Uploads uploads(services.layout);
  const Fd archive = uploads.finish(app, upload);
  wanted.archive = archive.get();
  Notices notices;
  const Build build =
      of_clients_bytes([&] { return services.rack.build_archive(wanted, notices, request.stop); });
  uploads.remove(app, upload);
  return build_answer(services, build, notices);
}

Answer import_bundle(Services& services, const Request& request) {
  api::QueryEntries query = query_of(request);
  const std::string source = api::take_entry(query, "source");
  const std::string if_locked = api::take_entry(query, "if_locked");
  const std::string image = api::take_entry(query, "image");
  api::require_none(query);
  if (!source.empty() && source != "import" && source != "git:load-image") {
    throw Error(Errc::invalid, "source is neither import nor git:load-image");
  }
  if (!if_locked.empty() && if_locked != "wait" && if_locked != "fail") {
    throw Error(Errc::invalid, "if_locked is neither wait nor fail");
  }
  Notices notices;
  const Build build = of_clients_bytes([&] {
    return services.rack.import_build(
        {.app = services.rack.get_app(request.app()).name,
         .in = request.file.get(),
         .image = image,
         .source = source.empty() ? "import" : source,
         .if_locked = if_locked == "fail" ? rack::IfLocked::fail : rack::IfLocked::wait},
        notices, request.stop);
  });
  return build_answer(services, build, notices);
}

Answer export_bundle(Services& services, const Request& request) {
  api::QueryEntries query = query_of(request);
  const std::string form = api::take_entry(query, "form");
  api::require_none(query);
  if (!form.empty() && form != "convox" && form != "oci") {
    throw Error(Errc::invalid, "form is neither convox nor oci");
  }
  rack::Rack& rack = services.rack;
  const rack::BuildView view = rack.get_build(request.app(), build_of(services, request));
  Answer answer;
  answer.type = "application/octet-stream";
  answer.producer = [&rack, app = view.build.app, id = view.build.id,
                     form = form == "oci" ? bundle::Form::oci : bundle::Form::convox](
                        int out, std::stop_token stop) {
    rack.export_build({.app = app, .build = id, .form = form, .out = out}, std::move(stop));
  };
  return answer;
}

rack::ContainerLogQuery log_query_of(api::QueryEntries& query, const AppName& app) {
  rack::ContainerLogQuery wanted{
      .app = app, .service = api::take_entry(query, "service"), .since = {}};
  wanted.tail = api::take_count(query, "tail").value_or(wanted.tail);
  if (const std::string since = api::take_entry(query, "since"); !since.empty()) {
    const auto time = parse_rfc3339(since);
    if (!time) throw Error(Errc::invalid, "since is no RFC 3339 time");
    wanted.since = time->at;
  }
  return wanted;
}

/// A line for each: whose it is ("web.1"), a blank, and what was printed.
Answer container_logs(Services& services, const Request& request) {
  api::QueryEntries query = query_of(request);
  const bool follows = api::take_flag(query, "follow");
  const rack::ContainerLogQuery wanted = log_query_of(query, request.app());
  api::require_none(query);
  if (follows) {  // what keeps us from it must be known before the headers are sent
    const auto all = services.rack.list_containers(request.app());
    const bool is_any = std::ranges::any_of(all, [&](const rack::ServiceContainer& container) {
      return wanted.service.empty() || container.service == wanted.service;
    });
    if (!is_any) {  // throws: it says why
      services.rack.read_container_logs(wanted, [](std::string_view, std::string_view) {});
    }
  }
  Answer answer;
  answer.type = "text/plain";
  answer.is_endless = follows;
  rack::Rack& rack = services.rack;
  answer.producer = [&rack, wanted, follows](int out, std::stop_token stop) {
    const rack::Rack::ContainerLine line = [out](std::string_view container,
                                                 std::string_view text) {
      write_all(out, std::string(container) + " " + std::string(text) + "\n");
    };
    if (follows) {
      rack.follow_container_logs(wanted, line, std::move(stop));
    } else {
      rack.read_container_logs(wanted, line);
    }
  };
  return answer;
}

constexpr std::array kRoutes = {
    Route{Method::post, "/v1/apps/{app}/uploads", Role::build, begin_upload, Body::json,
          Speed::slow},
    Route{Method::put, "/v1/apps/{app}/uploads/{upload}/pieces/{piece}", Role::build, put_piece,
          Body::file, Speed::slow},
    Route{Method::post, "/v1/apps/{app}/uploads/{upload}/build", Role::build, build_upload,
          Body::json, Speed::slow, Keyed::yes},
    Route{Method::post, "/v1/apps/{app}/bundles", Role::build, import_bundle, Body::file,
          Speed::slow, Keyed::yes},
    Route{Method::get, "/v1/apps/{app}/builds/{build}/bundle", Role::build, export_bundle},
    Route{Method::get, "/v1/apps/{app}/containers/logs", Role::read, container_logs, Body::none,
          Speed::slow}};

}  // namespace

std::span<const Route> upload_routes() { return kRoutes; }

}  // namespace cooper::server
