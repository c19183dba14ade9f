// RemoteRack: builds of what is here, and bundles.

#include "api/builds.h"
#include "api/requests.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/random.h"
#include "base/text.h"
#include "rack/folder_source.h"
#include "rack/starting.h"
#include "remote/remote_rack.h"
#include "remote/source_upload.h"

#include <array>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::remote {
namespace json = boost::json;

namespace {

/// What can't be done from afar is said before anything is packed.
void require_remote(const rack::StartBuild& start) {
  if (!start.request.output.empty()) {
    throw Error(Errc::invalid, "--output works on the server's host alone",
                "carry the build with its images here: cooper builds export ID -f FILE");
  }
  if (!start.secrets.agents.empty()) {
    throw Error(Errc::invalid, "--ssh works on the server's host alone: agents stay where they are",
                "give a deploy key as a secret: --secret id=key,src=FILE");
  }
}

/// A body that comes from a file or a stream.
HttpRequest body_from(int in, std::stop_token stop) {
  HttpRequest request{.type = "application/octet-stream", .stop = std::move(stop)};
  struct stat info {};
  const off_t at = ::lseek(in, 0, SEEK_CUR);
  if (at >= 0 && ::fstat(in, &info) == 0 && S_ISREG(info.st_mode) && at <= info.st_size) {
    request.file = in;
    request.offset = static_cast<std::uint64_t>(at);
    request.bytes = static_cast<std::uint64_t>(info.st_size - at);
  } else {
    request.stream = in;
  }
  return request;
}

}  // namespace

Build RemoteRack::start_build(const rack::StartBuild& start, rack::StartProgress& progress,
                              std::stop_token stop) {
  rack::require_image_names(start.app);
  require_remote(start);
  rack::require_something_to_build(start);
  progress.phase("Packaging source");
  const PackedSource source = pack_for_upload(cache_, start, stop);
  progress.phase_done();
  for (const std::string& warning : source.warnings) progress.notice("warning: " + warning);

  progress.phase("Uploading source");
  const std::string upload = upload_source(api_, start.app, source, uploads_, progress, stop);
  progress.phase_done();

  progress.phase("Starting build");
  json::object body;
  build::BuildRequest request = rack::completed_request(start);
  api::add_build_options(body, request, start.secrets, start.if_locked);
  const std::string answer =
      api_.post_once("/v1/apps/" + start.app.str() + "/uploads/" + upload + "/build", body, stop);
  Build build = started(answer, progress);
  progress.phase_done();
  return build;
}

Build RemoteRack::build_archive(const rack::BuildArchive& wanted, rack::StartProgress& progress,
                                std::stop_token stop) {
  if (wanted.type) {
    throw Error(Errc::invalid, "--archive-type works on the server's host alone",
                "leave it out: the archive's kind is found out");
  }
  ensure_app(wanted.app);
  const std::string app = "/v1/apps/" + wanted.app.str();
  api::NewBuild build{.url = wanted.url,
                      .request = wanted.request,
                      .secrets = wanted.secrets,
                      .if_locked = wanted.if_locked};
  if (wanted.url.empty()) {
    progress.phase("Reading archive");
    build.object = "tmp/" + random_base36(24);
    HttpRequest request = body_from(wanted.archive, stop);
    request.method = "PUT";
    request.path = app + "/objects/" + build.object;
    api_.send(request);
    progress.phase_done();
  }
  return started(api_.post_once(app + "/builds", api::to_object(build), stop), progress);
}

Build RemoteRack::start_image(const rack::StartImage& start, rack::StartProgress& progress,
                              std::stop_token stop) {
  ensure_app(start.app);
  const api::NewBuild build{.image = start.image,
                            .service = start.manifest.empty() ? start.service.str() : "",
                            .image_manifest = start.manifest,
                            .request = start.request,
                            .if_locked = start.if_locked};
  return started(
      api_.post_once("/v1/apps/" + start.app.str() + "/builds", api::to_object(build), stop),
      progress);
}

Build RemoteRack::import_build(const rack::ImportBuild& start, rack::StartProgress& progress,
                               std::stop_token stop) {
  ensure_app(start.app);
  Query query{{"source", start.source}};
  if (!start.image.empty()) query.emplace_back("image", start.image);
  if (start.if_locked == rack::IfLocked::fail) query.emplace_back("if_locked", "fail");
  HttpRequest request = body_from(start.in, std::move(stop));
  request.method = "POST";
  request.path = "/v1/apps/" + start.app.str() + "/bundles" + api::query_text(query);
  // What comes from a stream can't be sent again.
  HttpAnswer answer = request.file >= 0 ? api_.send_once(std::move(request)) : api_.send(request);
  return started(answer.body, progress);
}

void RemoteRack::export_build(const rack::ExportBuild& wanted, std::stop_token stop) {
  const bool is_oci = wanted.form == bundle::Form::oci;
  api_.send({.path = "/v1/apps/" + wanted.app.str() + "/builds/" + wanted.build.str() + "/bundle" +
                     (is_oci ? "?form=oci" : ""),
             .stop = std::move(stop),
             .sink = [&](std::string_view bytes) { write_all(wanted.out, bytes); }});
}

}  // namespace cooper::remote
