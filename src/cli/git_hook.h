#pragma once
// What an app's repository runs when something is pushed to it.

#include "cli/context.h"

namespace cooper::cli {

/// `cooper git-hook NAME`, in the repository, as git runs its hooks. The exit code of `pre-receive`
/// decides whether the push is accepted.
int run_git_hook(Context& context, const Options& options);

}  // namespace cooper::cli
