#pragma once
// From a source tree and a request to the images that must be made.

#include "build/request.h"
#include "build/settings.h"
#include "engine/engine.h"
#include "model/names.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace cooper::build {

struct PlannedService {
  ServiceName name;
  std::size_t image = 0;  ///< index into Plan::images: services may share one
  std::string reference;  ///< localhost/<app>:<service>.<build id>
};

struct Plan {
  std::string manifest_file;                 ///< as messages name it
  std::string manifest_text;                 ///< empty: there was only a Dockerfile
  std::vector<PlannedService> services;      ///< in the manifest's order
  std::vector<engine::ImageRequest> images;  ///< each distinct one once
  std::vector<std::string> notes;            ///< what the log should say of it, a line each
};

struct PlanInput {
  std::filesystem::path source;  ///< the unpacked source
  AppName app;
  BuildId id;
  Time began{};  ///< when the build began
  BuildRequest request;
  SyntaxLines syntax = SyntaxLines::builtin;
  std::string root;  ///< the data root's id (build/root_id.h) for labels; empty: none
  std::map<std::string, std::string> environment;  ///< the app's, for ${NAME} and bare `args`
};

/// Reads the manifest and the Dockerfiles. Error{invalid} is what the user's
/// files make impossible: no manifest, a mistake in one, a missing Dockerfile,
/// a link that leaves the source. Throws Error only if the disk fails.
[[nodiscard]] Result<Plan> make_plan(const PlanInput& input);

/// Can images be named after this app? Their names' grammar allows single dots, or any number
/// of dashes, between letters and digits.
bool can_name_images(const AppName& app) noexcept;

/// localhost/<app>:<service>.<build id>, as containers/storage names local images.
std::string image_reference(const AppName& app, const ServiceName& service, const BuildId& id);

}  // namespace cooper::build
