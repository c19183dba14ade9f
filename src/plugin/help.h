#pragma once
// The usage of `builds`, and Dokku's program `commands`, which lists it.

#include "plugin/face.h"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::plugin {

/// What `dokku builds:help` prints.
std::string help_text();

/// All commands as they are typed, `builds:help` and `apps:locked` too, and what they do.
std::vector<std::pair<std::string, std::string>> command_summaries();

/// What `cooper` tells of the command that is typed so ("builds:list"): more than Dokku's
/// usage does. Empty if there is none.
std::string long_help(std::string_view name);

/// Dokku's `commands builds|builds:help|help`. For anything else the exit code that
/// Dokku wants of a plugin that does not know the command.
int run_commands(const Face& face, std::span<const std::string> words);

}  // namespace cooper::plugin
