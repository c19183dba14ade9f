#pragma once
// `builds:output`, `builds:cancel` and `apps:locked|unlock`: the build that runs.

#include "plugin/face.h"

namespace cooper::plugin {

/// Each does one subcommand and returns its exit code.
int show_output(const Face& face, const Parsed& parsed);
int cancel_build(const Face& face, const Parsed& parsed);
int say_whether_locked(const Face& face, const Parsed& parsed);
int unlock_app(const Face& face, const Parsed& parsed);

}  // namespace cooper::plugin
