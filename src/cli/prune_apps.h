#pragma once
// Retention of all apps, for the commands that do it.

#include "cli/context.h"

#include <cstdint>

namespace cooper::cli {

/// Prunes every app, or with `options.dry_run` says what that would do; adds to `freed`.
/// Returns the exit code: one app's Error does not keep the others from it.
int prune_all_apps(Context& context, const Options& options, std::uint64_t& freed);

}  // namespace cooper::cli
