#pragma once
// JSON of apps, releases, properties and containers; see builds.h.

#include "model/json_values.h"
#include "rack/rack.h"

#include <cstdint>
#include <string_view>

namespace cooper::api {

using cooper::to_object;

[[nodiscard]] Result<App> parse_app_object(const boost::json::object& object);

/// How much of a release is told: lists have neither manifests nor environments, which are full of
/// secrets.
enum class ReleaseDetail : std::uint8_t { brief, without_environment, whole };

/// The release's fields, and `active`: is it the one of that id, which is the app's active one?
boost::json::object to_object(const Release& release, std::string_view active,
                              ReleaseDetail detail);
[[nodiscard]] Result<Release> parse_release_object(const boost::json::object& object);

/// `key`, `value` (absent: unset on this level) and `effective`.
boost::json::object to_object(const rack::PropertyView& property);
[[nodiscard]] Result<rack::PropertyView> parse_property(const boost::json::object& object);

/// `service`, `instance`, `id`, `name`, `engine`, `release`, `deploy`, `active`, `state`,
/// `exit_code` (unless it runs), `restarts`, `health`, `started`, `network` and `ports`; what is
/// empty is absent.
boost::json::object to_object(const rack::ServiceContainer& view);
/// Labels are not told.
[[nodiscard]] Result<rack::ServiceContainer> parse_container(const boost::json::object& object);

}  // namespace cooper::api
