#pragma once
// Ending a running build from outside.

#include "model/build.h"
#include "store/file_store.h"

namespace cooper::build {

/// Signals the build's process group (SIGQUIT, as Dokku does); its supervisor
/// does the rest. False if the build's process is gone. Throws Error{denied} if
/// it is another user's.
bool signal_cancel(const Build& build);

/// Cancels and waits until the record is terminal; a build whose process is gone
/// is reaped instead. Returns the record as it stands then. Throws
/// Error{unavailable} if the supervisor has not ended the build after a minute.
Build cancel(store::FileStore& store, const Build& build);

}  // namespace cooper::build
