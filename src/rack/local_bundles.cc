// LocalRack: builds that leave, and builds that come from elsewhere.

#include "base/error.h"
#include "base/file.h"
#include "build/export_build.h"
#include "build/plan.h"
#include "build/settings.h"
#include "bundle/stage.h"
#include "engine/platform.h"
#include "rack/local_rack.h"
#include "rack/scratch_folder.h"
#include "rack/starting.h"

#include <optional>
#include <vector>

namespace cooper::rack {

namespace {

bundle::ImportPlan stage(const ImportBuild& start, const bundle::StageOptions& options,
                         std::stop_token stop) {
  if (start.image.empty()) return bundle::stage_bundle(start.in, options, std::move(stop));
  const ServiceName web = ServiceName::parse("web").value();
  bundle::ImportPlan plan =
      bundle::stage_image(start.in, start.image, web, options, std::move(stop));
  plan.description = "image " + start.image;
  plan.manifest = image_manifest(web, start.image);
  return plan;
}

}  // namespace

void LocalRack::export_build(const ExportBuild& wanted, std::stop_token stop) {
  const Build build = require_build(wanted.app, wanted.build);
  const ScratchFolder scratch(layout_, wanted.app);
  build::export_build(store_, build, wanted.out, {.form = wanted.form, .scratch = scratch.path()},
                      std::move(stop));
}

Build LocalRack::import_build(const ImportBuild& start, StartProgress& progress,
                              std::stop_token stop) {
  require_image_names(start.app);
  require_disk_space(start.app, {});
  // With --no-wait it is refused here, not after a long reading.
  BuildStart begin(store_, start.app, start.if_locked, progress, stop);
  const BuildId& id = begin.id();
  ScratchFolder staged(layout_, start.app, id);
  const bundle::ImportFiles files(staged.path());
  make_folders(files.folder, 0700);
  std::vector<std::string> warnings;  // of properties: the build's log has them
  const build::Settings settings = build::read_settings(store_, start.app, warnings);
  const bundle::ImportPlan plan =
      stage(start,
            {.files = files,
             .platform = engine::host_platforms().front(),
             .unpacked = settings.unpack_limit,
             .time = settings.fetch.time,
             .reference_of =
                 [&](const ServiceName& service) {
                   return build::image_reference(start.app, service, id);
                 }},
            stop);
  write_file_durably(files.plan, bundle::to_json(plan), 0600);
  ensure_app(start.app);
  StoredSource stored(layout_, layout_.build(start.app, id));
  const build::BuildRequest request{.source = start.source,
                                    .description = plan.description,
                                    .git_sha = plan.git_sha,
                                    .imported_from = plan.from.empty() ? "a bundle" : plan.from};
  stored.add_request(request);
  begin.run(request);
  stored.keep();
  staged.keep();
  return require_build(start.app, id);
}

}  // namespace cooper::rack
