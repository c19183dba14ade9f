#pragma once
// Removing one build because somebody asked for it.

#include "store/file_store.h"

namespace cooper::build {

/// Removes an ended build with log, steps, source, release and images; one whose
/// record can't be read with all that bears its id in the data root, whether or not
/// it has ended: its images can't be told. Throws Error{not_found}; Error{conflict}
/// if the build has not ended, is pinned, being deployed, or what the app runs on; Error.
void remove(store::FileStore& store, const AppName& app, const BuildId& id);

}  // namespace cooper::build
