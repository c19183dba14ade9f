#include "build/first_record.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "build/secret_memory.h"
#include "build/secrets.h"
#include "build/settings.h"

#include <array>
#include <unistd.h>
#include <vector>

namespace cooper::build {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// Of a tracked command that was given none: its line.
std::string description_of(const BuildRequest& request, const log::Redactor& redactor) {
  if (!request.description.empty() || !request.command) {
    return redactor.redact(request.description);
  }
  constexpr std::size_t kMost = 200;
  return shorten(redactor.redact(command_line(*request.command)), kMost);
}

}  // namespace

BuildRequest read_request(const store::BuildFiles& files) {
  const auto text = read_file(files.request);
  if (!text) throw Error(Errc::not_found, files.request.string() + " is missing");
  return parse_request(*text).value();
}

std::optional<Release> release_to_deploy(const store::FileStore& store, const AppName& app,
                                         const BuildRequest& request) {
  if (request.release.empty()) return std::nullopt;
  const ReleaseId id = ReleaseId::parse(request.release).value();
  if (auto release = store.find_release(app, id)) return release;
  throw Error(Errc::not_found, "no release " + id.str() + " of app " + app.str());
}

Build first_record(const SupervisorTask& task, const BuildRequest& request,
                   const log::Redactor& redactor) {
  return {.id = task.id,
          .app = task.app,
          .kind = request.kind.value_or(kind_of_source(request.source)),
          .pid = ::getpid(),
          .started_at = {now()},
          .status = Status::running,
          .source = known_source(request.source),
          .description = description_of(request, redactor),
          .git_sha = request.git_sha,
          .release = request.release,
          .platform = request.platform,
          .host = host_name(),
          .retry_of = request.retry_of,
          .imported_from = request.imported_from};
}

Build queued_record(const SupervisorTask& task, const store::FileStore& store) {
  std::vector<std::string> warnings;  // the build itself has them in its log
  const log::Redactor redactor(secrets_of(store, task.app, from_memory(task.secrets),
                                          environment_of(store, task.app), warnings));
  Build build = first_record(task, read_request(store.layout().build(task.app, task.id)), redactor);
  build.status = Status::queued;
  build.queued_at = build.started_at;
  return build;
}

}  // namespace cooper::build
