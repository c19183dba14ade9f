#pragma once
// Reaps abandoned builds and trims an app to its retention.

#include "build/settings.h"
#include "model/retention.h"
#include "store/file_store.h"

namespace cooper::build {

/// The build's recorded process is there and is that build's.
bool process_lives(const Build& build);

/// Finalizes abandoned builds as failed and removes what they left (processes,
/// working containers, images, scratch files); removes the oldest finished
/// builds beyond retention with log, steps, source, release and images; removes
/// what a crash left (temporary files, sources without a record). Never touches
/// a live build, the newest successful one, nor that of the active release.
/// Reading never does any of this. `just_ended` is kept in any case: what a person
/// has just built must not be gone when the command returns. Throws Error.
Pruned prune(store::FileStore& store, const AppName& app, const Settings& settings,
             const BuildId* just_ended = nullptr);

/// Before an app is deleted: reaps, then removes all of its builds. Error{conflict}
/// if one lives.
void remove_builds(store::FileStore& store, const AppName& app);

/// What prune does for one abandoned build; false if it was finalized before. It
/// is finalized even if some of what it left can't be removed: its log tells.
bool reap(store::FileStore& store, const Build& seen);

}  // namespace cooper::build
