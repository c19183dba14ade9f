#pragma once
// How build secrets get from who knows them to the supervisor: in memory, never in a
// file, on a command line or in the environment.

#include "base/fd.h"
#include "engine/build_secrets.h"

namespace cooper::build {

/// Puts them into a file that exists in memory only, for a child to inherit; none if
/// there is nothing to hand on. Throws Error.
Fd to_memory(const engine::BuildSecrets& secrets);

/// Reads what to_memory made, as often as asked; nothing if `memory` is none. Throws
/// Error{corrupt}.
engine::BuildSecrets from_memory(const Fd& memory);

}  // namespace cooper::build
