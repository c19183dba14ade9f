#pragma once
// The submodules of a commit that was checked out.

#include "source/git_checkout.h"

#include <cstddef>

namespace cooper::source {

/// Fetches the submodules that .gitmodules in `folder` names, and theirs, and leaves only their
/// files in it. `repository` has the folder's index. Returns how many. Throws as check_out.
std::size_t fetch_submodules(const GitCheckout& checkout, const std::filesystem::path& repository,
                             const std::filesystem::path& folder, const std::stop_token& stop);

}  // namespace cooper::source
