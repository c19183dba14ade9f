// LocalRack::start_build: from a folder to a running supervisor.

#include "build/disk_space.h"
#include "build/request.h"
#include "build/settings.h"
#include "rack/folder_source.h"
#include "rack/local_rack.h"
#include "rack/starting.h"
#include "rack/store_source.h"
#include "source/pack.h"
#include "store/app_lock.h"

namespace cooper::rack {

void LocalRack::require_disk_space(const AppName& app, const build::BuildRequest& request) const {
  std::vector<std::string> warnings;  // of properties: the build's log has them
  const build::Settings settings = build::read_settings(store_, app, warnings);
  engine::EngineWish wish = settings.engine;
  if (!request.engine.empty()) wish.engine = request.engine;
  build::require_disk_space(layout_, settings.disk_min, wish);
}

namespace {

/// Waits for whoever deletes it.
bool is_deleted(const store::FileStore& store, const AppName& app) {
  try {
    return !store::lock_app(store, app, store::Holding::together);
  } catch (const Error&) {  // adapter: what the build has met first is told
    return false;
  }
}

}  // namespace

Build LocalRack::start_build(const StartBuild& start, StartProgress& progress,
                             std::stop_token stop) {
  require_image_names(start.app);
  require_something_to_build(start);
  require_own_files(start);
  require_disk_space(start.app, start.request);
  const source::PackOptions options = pack_options(start, build::environment_of(store_, start.app));
  ensure_app(start.app);
  try {
    return pack_and_start(start, options, progress, std::move(stop));
  } catch (const Error& error) {  // adapter: what meets an app that goes says little
    const bool says_why = error.code() == Errc::canceled || error.code() == Errc::conflict;
    if (says_why || layout_.is_dokkus() || !is_deleted(store_, start.app)) throw;
    throw store::deleted_app(start.app);
  }
}

Build LocalRack::pack_and_start(const StartBuild& start, const source::PackOptions& options,
                                StartProgress& progress, std::stop_token stop) {
  // With --no-wait it is refused here, not after a long packing.
  BuildStart begin(store_, start.app, start.if_locked, progress, stop);
  const BuildId& id = begin.id();
  const store::BuildFiles files = layout_.build(start.app, id);
  StoredSource stored(layout_, files);

  progress.phase("Packaging source");
  SourceStored source =
      store_source(layout_, start.app, id, options,
                   start.made_from.empty() ? FilesSeen::again : FilesSeen::once, stop);
  stored.hold(std::move(source.file));
  progress.phase_done();
  for (const std::string& warning : source.warnings) progress.notice("warning: " + warning);

  progress.phase("Uploading source");
  build::BuildRequest request = completed_request(start);
  request.tree = std::move(source.tree);
  request.archive = std::move(source.archive);
  request.archive_bytes = source.bytes;
  stored.add_request(request);
  progress.phase_done();

  progress.phase("Starting build");
  begin.run(request, start.secrets, start.last_check);
  stored.keep();
  progress.phase_done();
  return require_build(start.app, id);
}

}  // namespace cooper::rack
