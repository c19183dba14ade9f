#include "build/earlier_images.h"

#include "base/error.h"
#include "base/file.h"
#include "build/root_id.h"
#include "store/images_lock.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

namespace cooper::build {

namespace {

/// Builds with images that are looked at: more than retention keeps by default. An older
/// build's image is seldom the same.
constexpr std::size_t kMostBuilds = 20;
/// Statements that are read for that, those of failed builds among them.
constexpr std::size_t kMostStatements = 100;

/// Of the app's builds by id, newest first.
std::vector<std::string> statement_names(const store::Layout& layout, const AppName& app) {
  std::vector<std::string> names = list_folder(layout.builds(app));
  std::erase_if(names, [](const std::string& name) {
    return !name.ends_with(store::kStatementSuffix) || name.starts_with('.');
  });
  std::ranges::sort(names, std::ranges::greater());
  if (names.size() > kMostStatements) names.resize(kMostStatements);
  return names;
}

}  // namespace

EarlierImages::EarlierImages(const store::Layout& layout, const AppName& app,
                             engine::Engine& engine, SourceFiles source, Use use)
    : layout_(layout), engine_(engine), source_(std::move(source)) {
  if (use == Use::forbidden) return;
  const Time since = find_root_id(layout).since;
  std::size_t builds = 0;
  for (const std::string& name : statement_names(layout, app)) {
    if (builds == kMostBuilds) break;
    auto images = images_by_key(read_file(layout.builds(app) / name).value_or(""),
                                name.substr(0, name.find('.')), since);
    if (!images.empty()) ++builds;
    for (auto& [key, image] : images) {
      by_key_.try_emplace(key, std::move(image));  // of several the newest counts
    }
  }
}

std::optional<ImageOrigin> EarlierImages::origin(const engine::ImageRequest& request,
                                                 std::stop_token stop) const {
  try {
    return origin_of(request, engine_, source_, std::move(stop));
  } catch (const Error& error) {  // adapter: see above; what really hinders, the build will say
    if (error.code() == Errc::canceled) throw;
    return std::nullopt;
  }
}

std::optional<EarlierImage> EarlierImages::use(const std::string& key,
                                               const engine::ImageRequest& request,
                                               std::stop_token stop) const {
  // Longer than the removal of most images takes; then making one anew is no slower.
  constexpr std::chrono::seconds kPatience{5};
  const auto earlier = by_key_.find(key);
  if (earlier == by_key_.end()) return std::nullopt;
  const EarlierImage& image = earlier->second;
  try {
    const auto kept = store::lock_images(layout_, store::Holding::together,
                                         {.patience = kPatience, .stop = std::move(stop)});
    if (!engine_.use_again(image.reference, image.digest, request.tags)) return std::nullopt;
  } catch (const Error& error) {  // adapter: an image that can't be had again is made again
    if (error.code() == Errc::canceled) throw;
    return std::nullopt;
  }
  return image;
}

}  // namespace cooper::build
