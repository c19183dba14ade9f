#pragma once
// What the verbs are asked with over /v1, as JSON. Each parse_... reads what its to_object writes;
// Error{invalid} says what is wrong with a field, and repeats no secret. A field that is not known
// is refused.

#include "model/json_values.h"
#include "rack/rack.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cooper::api {

class Body;

/// A build to be made of exactly one of these.
struct NewBuild {
  std::string object;   ///< key of an object of the app
  std::string url;      ///< of an archive, which the server fetches
  std::string image;    ///< that exists; then of `request` only `source` and `description` count
  std::string service;  ///< what the image is for; "web" if empty
  /// In its place the text of a convox.yml, whose services are the image as far as they name none.
  std::string image_manifest;
  /// All that `cooper build` has flags for, besides `output`; `source`, and git's facts.
  build::BuildRequest request;
  engine::BuildSecrets secrets;  ///< values: kept nowhere
  rack::IfLocked if_locked = rack::IfLocked::wait;
};
/// What is as it would be anyway is left out; here and below.
boost::json::object to_object(const NewBuild& wanted);
[[nodiscard]] Result<NewBuild> parse_new_build(const boost::json::object& object);

/// What may be said of any build, whatever its source: for requests that have sources of their own.
void add_build_options(boost::json::object& object, const build::BuildRequest& request,
                       const engine::BuildSecrets& secrets, rack::IfLocked if_locked);
/// What is wrong the body tells.
void read_build_options(Body& body, build::BuildRequest& request, engine::BuildSecrets& secrets,
                        rack::IfLocked& if_locked);

/// `source`, `secrets` and `if_locked`: the app and the build are in the path.
boost::json::object to_object(const rack::RetryBuild& wanted);
[[nodiscard]] Result<rack::RetryBuild> parse_retry(const boost::json::object& object,
                                                   const AppName& app, const BuildId& build);

/// `build_from`, `environment_from`, `set`, `unset`, `replace`, `description`; the app is in the
/// path.
boost::json::object to_object(const rack::NewRelease& wanted);
[[nodiscard]] Result<rack::NewRelease> parse_new_release(const boost::json::object& object,
                                                         const AppName& app);

/// `release`, `create` (a NewRelease), `source` and `description`. Nobody waits for a deploy over
/// HTTP: `if_locked` is IfLocked::fail.
boost::json::object to_object(const rack::StartDeploy& wanted);
[[nodiscard]] Result<rack::StartDeploy> parse_start_deploy(const boost::json::object& object,
                                                           const AppName& app);

/// `name`, `role`, `app`, `expires_in` (seconds).
boost::json::object to_object(const store::NewToken& wanted);
[[nodiscard]] Result<store::NewToken> parse_new_token(const boost::json::object& object);

/// `host`, `user`, `password`.
boost::json::object login_object(const std::string& host, const engine::Login& login);
[[nodiscard]] Result<std::pair<std::string, engine::Login>> parse_new_login(
    const boost::json::object& object);

/// Keys and values; null unsets.
using PropertyChanges = std::vector<std::pair<std::string, std::optional<std::string>>>;
[[nodiscard]] Result<PropertyChanges> parse_property_changes(const boost::json::object& object);

}  // namespace cooper::api
