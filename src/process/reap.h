#pragma once
// Children that nobody waits for.

#include <string_view>

namespace cooper::process {

/// Reaps children of this process that have ended and whose program is called so (the first 15
/// letters count), whoever started them. For programs that run on after their children.
void reap_children_called(std::string_view program);

}  // namespace cooper::process
