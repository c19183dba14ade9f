#pragma once
// Which of many apps a prune has to look at.

#include "store/file_store.h"

#include <vector>

namespace cooper::build {

/// Those of `apps` for which prune may have something to do or to say, in their
/// order; of the others it is known that it has not. Reads no record, however many
/// there are. Throws Error.
std::vector<AppName> apps_to_prune(const store::FileStore& store, std::vector<AppName> apps);

}  // namespace cooper::build
