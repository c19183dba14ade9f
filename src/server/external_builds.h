#pragma once
// Builds of images that exist, as the convox client makes them: it creates one, gives it a
// manifest, then an image, and looks at it until it is complete. Ours begins with the image, so
// until then what is known waits in an object of the app, and afterwards that leads to it.

#include "model/names.h"
#include "rack/rack.h"
#include "server/request.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>

namespace cooper::server {

/// Such a build before it has an image. Returns it in Convox's shape.
boost::json::object create_external_build(rack::Rack& rack, const AppName& app,
                                          const Request& request);

/// The same as it is now; nullopt if there is none of that id.
std::optional<boost::json::object> find_external_build(rack::Rack& rack, const AppName& app,
                                                       const BuildId& id);

/// Keeps a manifest for it. False if there is none of that id, or it has its image.
bool set_external_manifest(rack::Rack& rack, const AppName& app, const BuildId& id,
                           std::string_view manifest);

/// Starts our build of the image for the manifest's services, as far as they name no other one.
/// Error{not_found}; Error{invalid} for what is no manifest.
void start_external_build(rack::Rack& rack, const AppName& app, const BuildId& id,
                          const Request& request);

/// The id of our build that it has become; `id` if it is none of these.
BuildId our_build(rack::Rack& rack, const AppName& app, const BuildId& id);

}  // namespace cooper::server
