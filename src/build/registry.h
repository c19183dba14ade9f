#pragma once
// What an app's registry is used for: the names under which images and layers go there.

#include "build/plan.h"
#include "build/settings.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::build {

/// Is it `host[:port]/path`, the name of a repository without tag and digest?
bool is_repository(std::string_view text) noexcept;
/// Does the property `cache` take it?
bool is_cache_wish(std::string_view text) noexcept;

/// <repository>:<service>.<build id>
std::string pushed_reference(const std::string& repository, const ServiceName& service,
                             const BuildId& id);

/// Where the layers of all images of a build are kept; nullopt: nowhere. An entry in
/// `warnings` says why not, if they were meant to be.
std::optional<engine::LayerCache> layer_cache(const Settings& settings,
                                              std::vector<std::string>& warnings);

/// Gives each image of the plan a place in the cache: the same for all builds of the
/// app, another for each image.
void use_layer_cache(Plan& plan, const AppName& app, const engine::LayerCache& cache);

}  // namespace cooper::build
