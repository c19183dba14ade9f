#pragma once
// `builds:set`, `builds:prune` and `builds:report`: what an app keeps.

#include "plugin/face.h"

namespace cooper::plugin {

/// Each does one subcommand and returns its exit code.
int set_property(const Face& face, const Parsed& parsed);
int prune_builds(const Face& face, const Parsed& parsed);
int report_builds(const Face& face, const Parsed& parsed);

}  // namespace cooper::plugin
