#pragma once
// Help, written from the tables of commands.

#include "cli/options.h"
#include "cli/style.h"

#include <string>

namespace cooper::cli {

/// All commands, a line each.
std::string help_text(Colours colours);

/// One command: usage, arguments, flags, examples, and the commands below it.
std::string help_text(const Command& command, Colours colours);

/// "cooper 0.1.0" and a newline.
std::string version_text();

}  // namespace cooper::cli
