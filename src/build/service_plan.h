#pragma once
// From a release to what is to run.

#include "build/settings.h"
#include "engine/containers.h"
#include "manifest/service_run.h"
#include "model/release.h"

#include <map>
#include <string>
#include <vector>

namespace cooper::build {

/// How one service of a release is run.
struct ServicePlan {
  manifest::ServiceRun run;
  std::string image;   ///< its name where it was built
  std::string pushed;  ///< repository@digest in a registry; empty: it is in none
  Environment environment;
  /// At fixed ports of the host; `container` may be 0, for the first one of its protocol.
  std::vector<engine::PortMapping> fixed;
};

/// In the manifest's order. The environment of a service is what its list and the manifest's
/// ask for, with their defaults, or all of the release's if there is no list; besides APP,
/// BUILD, RELEASE, SERVICE and PORT, unless the release has its own. `pushed`: service ->
/// reference@digest. Throws Error{invalid} for what can't run: a mistake in the manifest, a
/// variable that is required and not set, a property that does not fit.
std::vector<ServicePlan> plan_services(const Release& release,
                                       const std::map<std::string, std::string>& pushed,
                                       const Settings& settings);

}  // namespace cooper::build
