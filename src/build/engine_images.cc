#include "build/engine_images.h"

#include "base/error.h"
#include "base/file.h"
#include "build/plan.h"
#include "build/request.h"
#include "build/root_id.h"
#include "engine/choose.h"
#include "store/images_lock.h"

#include <algorithm>
#include <fcntl.h>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::build {

namespace {

constexpr std::size_t kMaxRequestBytes = std::size_t{16} << 20;

/// The names, among those with this prefix, that `is_builds` says are the build's: of images
/// that this data root made.
template <class IsBuilds>
void remove_names(const store::Layout& layout, engine::ImageKeeper& keeper, const Build& build,
                  std::string_view prefix, IsBuilds&& is_builds) {
  const RootId root = find_root_id(layout);
  std::vector<std::string> names;
  for (const engine::KeptImage& image : keeper.find_images(prefix)) {
    // Labels tell of the build that made the image; one that was taken over bears another's.
    const auto made_by = image.labels.find("cooper.build");
    const bool is_made_here = made_by != image.labels.end() && made_by->second == build.id.str();
    const auto& labels = is_made_here ? image.labels : std::map<std::string, std::string>();
    if (!owns(root, labels, build.started_at.at)) continue;
    std::ranges::copy_if(image.names, std::back_inserter(names), is_builds);
  }
  store::remove_each(layout, names, {},
                     [&](const std::string& name) { keeper.remove_images({name}); });
}

}  // namespace

std::unique_ptr<engine::ImageKeeper> keeper_of(const store::FileStore& store, const Build& build) {
  return engine::keeper_of(build.engine, {.build = build.id,
                                          .work = store.layout().cache(),
                                          .cgroup_parent = "/cooper/" + build.id.str(),
                                          .cache = store.layout().cache(),
                                          .since = build.started_at.at});
}

void remove_images(const store::Layout& layout, engine::ImageKeeper& keeper, const Build& build) {
  const std::string prefix = "localhost/" + build.app.str() + ":";
  remove_names(layout, keeper, build, prefix, [&](const std::string& name) {
    const std::string_view tag = std::string_view(name).substr(prefix.size());
    const auto service = ServiceName::parse(tag.substr(0, tag.find('.')));
    return service && name == image_reference(build.app, *service, build.id);
  });
}

void remove_pushed_names(const store::Layout& layout, engine::ImageKeeper& keeper,
                         const Build& build) {
  const std::string suffix = "." + build.id.str();
  remove_names(layout, keeper, build, "", [&](const std::string& name) {
    const auto colon = name.rfind(':');
    if (colon == std::string::npos || !name.ends_with(suffix)) return false;
    const std::string_view tag = std::string_view(name).substr(colon + 1);
    return ServiceName::parse(tag.substr(0, tag.size() - suffix.size())).has_value();
  });
}

bool has_engine(const store::FileStore& store, const Build& build) {
  if (!build.images.empty() || !build.engine.empty()) return true;
  if (build.status != Status::running) return false;
  // A build that vanished before its end has not said so; but it was asked for.
  const std::filesystem::path request = store.layout().build(build.app, build.id).request;
  try {
    const Fd file = find_regular_file(request, O_RDONLY);
    if (!file) return false;
    const auto asked = parse_request(read_open_file(file, request.string(), kMaxRequestBytes));
    return !asked || (!asked->command && asked->release.empty());
  } catch (const Error&) {  // adapter: it may have been a build's
    return true;
  }
}

}  // namespace cooper::build
