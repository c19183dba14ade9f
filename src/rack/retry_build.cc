// LocalRack::retry_build: from a build that was to one that does it again.

#include "base/error.h"
#include "base/file.h"
#include "build/disk_space.h"
#include "build/request.h"
#include "rack/local_rack.h"
#include "rack/starting.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <unistd.h>
#include <utility>

namespace cooper::rack {

namespace {

Error cant_retry(const BuildId& id, const std::string& why, const std::string& hint) {
  return Error(Errc::invalid, "build " + id.str() + " can't be built again: " + why, hint);
}

build::BuildRequest read_request(const std::filesystem::path& file, const BuildId& id) {
  const std::optional<std::string> text = read_file(file);
  if (!text) {
    throw cant_retry(id, "what it was asked for is not kept",
                     "build from the source: cooper build");
  }
  build::BuildRequest request = build::parse_request(*text).value();
  if (request.command || !request.release.empty()) {
    throw cant_retry(id, "it is a deploy", "cooper releases promote deploys again");
  }
  return request;
}

/// What the build was given and nobody kept has to be given again.
void require_same_secrets(const BuildId& id, const build::BuildRequest& request,
                          const engine::BuildSecrets& given) {
  const auto require = [&](const auto& ids, const auto& all, const std::string& flag,
                           const std::string& form) {
    for (const std::string& wanted : ids) {
      const auto same = [&](const auto& one) { return one.id == wanted; };
      if (std::ranges::any_of(all, same)) continue;
      throw cant_retry(id, "its " + flag + " " + wanted + " is kept nowhere",
                       "give it again: " + form);
    }
  };
  require(request.secrets, given.secrets, "--secret", "--secret id=ID,src=FILE");
  require(request.agents, given.agents, "--ssh", "--ssh ID[=SOCKET]");
}

/// The source of one build becomes another's, too: it never changes, so one file does for
/// both. Returns it, marked as in use.
Fd share_source(const store::BuildFiles& from, const store::BuildFiles& to, const BuildId& id) {
  Fd source = find_regular_file(from.source, O_RDONLY);
  if (!source) {
    throw cant_retry(id, "its source is not kept", "build from the source: cooper build");
  }
  mark_in_use(source);  // before its new name, which has no record, can be seen
  if (::link(from.source.c_str(), to.source.c_str()) != 0) {
    throw_errno("link " + to.source.string());
  }
  sync_folder(to.source.parent_path());
  return source;
}

}  // namespace

Build LocalRack::retry_build(const RetryBuild& retry, StartProgress& progress,
                             std::stop_token stop) {
  const Build build = require_build(retry.app, retry.build);
  if (!is_terminal(build.status)) {
    throw Error(Errc::conflict, "build " + build.id.str() + " has not ended");
  }
  const store::BuildFiles before = layout_.build(retry.app, build.id);
  build::BuildRequest request = read_request(before.request, build.id);
  require_same_secrets(build.id, request, retry.secrets);
  if (!retry.source.empty()) request.source = retry.source;
  request.retry_of = build.id.str();
  request.output.clear();  // a folder for that one build's archives
  request.branch.clear();  // it may have newer commits by now: this one replaces none
  require_disk_space(retry.app, request);

  BuildStart begin(store_, retry.app, retry.if_locked, progress, std::move(stop));
  const BuildId& id = begin.id();
  const store::BuildFiles files = layout_.build(retry.app, id);
  StoredSource stored(layout_, files);
  stored.hold(share_source(before, files, build.id));
  stored.add_request(request);
  progress.phase("Starting build");
  begin.run(request, retry.secrets);
  stored.keep();
  progress.phase_done();
  return require_build(retry.app, id);
}

}  // namespace cooper::rack
