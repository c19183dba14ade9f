#pragma once
// What root leaves to the owner of a data root.

#include "store/layout.h"

#include <string_view>

namespace cooper::store {

/// Throws Error{denied} if we are root and the data root is another user's: `what` ("run the
/// deploy command") is then for that user to do, who could have us do anything by what he
/// writes there.
void require_own_root(const Layout& layout, std::string_view what);

}  // namespace cooper::store
