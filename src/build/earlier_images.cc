#include "build/earlier_images.h"

#include "base/error.h"
#include "base/file.h"
#include "build/root_id.h"
#include "store/folder_lock.h"

#include <algorithm>
#include <utility>

namespace cooper::build {

namespace {

/// More than retention keeps by default; an older build's image is seldom the same.
constexpr std::size_t kMostStatements = 20;

/// Of the app's newest builds by id, oldest first.
std::vector<std::string> newest_statements(const store::Layout& layout, const AppName& app) {
  std::vector<std::string> names = list_folder(layout.builds(app));
  std::erase_if(names, [](const std::string& name) {
    return !name.ends_with(store::kStatementSuffix) || name.starts_with('.');
  });
  std::ranges::sort(names);
  if (names.size() > kMostStatements) {
    names.erase(names.begin(), names.end() - kMostStatements);
  }
  std::vector<std::string> statements;
  for (const std::string& name : names) {
    statements.push_back(read_file(layout.builds(app) / name).value_or(""));
  }
  return statements;
}

}  // namespace

EarlierImages::EarlierImages(const store::Layout& layout, const AppName& app,
                             engine::Engine& engine, const source::ContentDigests& known, Use use)
    : layout_(layout), engine_(engine), known_(known) {
  if (use == Use::forbidden) return;
  const Time since = find_root_id(layout).since;
  for (auto& [key, image] : images_by_key(newest_statements(layout, app), since)) {
    by_key_[key].image = std::move(image);
  }
}

std::optional<ImageOrigin> EarlierImages::origin(const engine::ImageRequest& request,
                                                 std::stop_token stop) const {
  try {
    return origin_of(request, engine_, known_, std::move(stop));
  } catch (const Error& error) {  // adapter: see above; what really hinders, the build will say
    if (error.code() == Errc::canceled) throw;
    return std::nullopt;
  }
}

std::optional<EarlierImage> EarlierImages::use(const std::string& key,
                                               const engine::ImageRequest& request) const {
  const auto earlier = by_key_.find(key);
  if (earlier == by_key_.end()) return std::nullopt;
  const EarlierImage& image = earlier->second.image;
  const std::lock_guard naming(earlier->second.naming);
  try {
    const auto kept = store::lock_images(layout_, store::Holding::together);
    if (!engine_.use_again(image.reference, image.digest, request.tags)) return std::nullopt;
  } catch (const Error&) {  // adapter: an image that can't be had again is made again
    return std::nullopt;
  }
  return image;
}

}  // namespace cooper::build
