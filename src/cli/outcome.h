#pragma once
// How a build ended, for people and for scripts.

#include "cli/context.h"

namespace cooper::cli {

/// Says on stderr why a build did not succeed, and returns what the command ends
/// with: 0 succeeded, 1 failed or abandoned, 124 timed out, 130 canceled.
int report_outcome(const Context& context, const rack::BuildView& view);

}  // namespace cooper::cli
