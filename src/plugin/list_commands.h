#pragma once
// `builds:list`, `builds:info` and `builds:report`: what only looks.

#include "plugin/face.h"

namespace cooper::plugin {

/// Each does one subcommand and returns its exit code.
int list_builds(const Face& face, const Parsed& parsed);
int show_build(const Face& face, const Parsed& parsed);

}  // namespace cooper::plugin
