#pragma once
// The usage of `builds`, and Dokku's program `commands`, which lists it.

#include "plugin/face.h"

#include <span>
#include <string>

namespace cooper::plugin {

/// What `dokku builds:help` prints.
std::string help_text();

/// Dokku's `commands builds|builds:help|help`. For anything else the exit code that
/// Dokku wants of a plugin that does not know the command.
int run_commands(const Face& face, std::span<const std::string> words);

}  // namespace cooper::plugin
