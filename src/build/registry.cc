#include "build/registry.h"

#include "base/sha256.h"
#include "base/text.h"
#include "engine/registry_auth.h"

#include <algorithm>

namespace cooper::build {

namespace {

constexpr std::string_view kRegistry = "registry";
constexpr std::size_t kLongestTag = 128;  // of the distribution specification

bool is_path_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string cache_tag(const AppName& app, const std::string& service) {
  const std::string tag = app.str() + "." + service + ".cache";
  return tag.size() <= kLongestTag ? tag : hex(sha256(tag)).substr(0, 32) + ".cache";
}

}  // namespace

bool is_repository(std::string_view text) noexcept {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || text.size() > 255) return false;
  const std::string_view host = text.substr(0, slash);
  // Without a dot or a port it would be a name on Docker Hub.
  const bool names_host = host == "localhost" || host.find_first_of(".:") != std::string_view::npos;
  if (!names_host || !engine::is_registry_host(host)) return false;
  return std::ranges::all_of(split(text.substr(slash + 1), '/'), [](std::string_view part) {
    return !part.empty() && part.front() != '.' && part.back() != '.' &&
           std::ranges::all_of(part, is_path_character);
  });
}

bool is_cache_wish(std::string_view text) noexcept {
  if (text == "off" || text == "inline" || text == kRegistry) return true;
  const std::string prefix = std::string(kRegistry) + ":";
  return text.starts_with(prefix) && is_repository(text.substr(prefix.size()));
}

std::string pushed_reference(const std::string& repository, const ServiceName& service,
                             const BuildId& id) {
  return repository + ":" + service.str() + "." + id.str();
}

std::optional<engine::LayerCache> layer_cache(const Settings& settings,
                                              std::vector<std::string>& warnings) {
  using Mode = engine::LayerCache::Mode;
  const std::string& wish = settings.cache;
  if (wish == "off") return std::nullopt;
  if (const auto colon = wish.find(':'); colon != std::string::npos) {
    return engine::LayerCache{.mode = Mode::registry, .repository = wish.substr(colon + 1)};
  }
  if (settings.registry.empty()) {
    if (!wish.empty()) {
      warnings.push_back("property cache is " + wish +
                         ", but no registry is configured (property registry): there is no cache");
    }
    return std::nullopt;
  }
  return engine::LayerCache{.mode = wish == "inline" ? Mode::inlined : Mode::registry,
                            .repository = settings.registry};
}

void use_layer_cache(Plan& plan, const AppName& app, const engine::LayerCache& cache) {
  for (engine::ImageRequest& image : plan.images) {
    if (!image.base_image.empty()) continue;
    image.cache = cache;
    image.cache->tag = cache_tag(app, image.service);
  }
}

}  // namespace cooper::build
