#pragma once
// Ending a running build from outside.

#include "model/build.h"
#include "store/file_store.h"

#include <cstdint>

namespace cooper::build {

/// Why somebody cancels a build: comes with the signal to its supervisor, whose record says it.
enum class CancelFor : std::uint8_t { asked, pusher_left };

/// Asks a build to end: a supervised one through its supervisor (SIGQUIT), another
/// program's by signals to its processes. False if the build's process is gone.
/// Throws Error{denied} if it is another user's.
bool signal_cancel(const store::FileStore& store, const Build& build,
                   CancelFor why = CancelFor::asked);

/// Cancels and waits until the record is terminal and no process of the build lives
/// (of another program's build: none that can be found, see process/family.h). A
/// build whose process is gone is reaped instead; one that is terminal is left as it
/// is. Whoever finalizes first wins, also against us. Returns the record as it stands
/// then. Throws Error{unavailable} if something of it can't be ended, Error{denied}
/// if it is another user's.
Build cancel(store::FileStore& store, const Build& seen);

}  // namespace cooper::build
