#pragma once
// The command line: from what a person typed to an exit code.

#include "cli/context.h"
#include "rack/rack.h"

#include <span>
#include <string>

namespace cooper::cli {

/// Runs one command line (with the program's name in front) on the standard
/// streams. Returns the exit code: 0 done, 1 the build failed or another error,
/// 2 wrong words or values, 3 not found, 4 denied, 5 a tool or disk does not
/// serve, 6 conflict, 124 the build timed out, 130 canceled.
///
/// From here on SIGPIPE is ignored: a reader that goes ends the output quietly.
int run(std::span<char*> arguments, rack::Rack& rack);

/// Where such a command line, without the program's name, works.
Runs runs_where(std::span<const std::string> arguments);

/// What run() does in given surroundings, without the program's name. Never throws
/// Error: what can't be done is said on `context.err`.
int execute(Context& context, std::span<const std::string> arguments);

}  // namespace cooper::cli
