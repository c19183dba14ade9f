#pragma once
// Reaps abandoned builds and trims an app to its retention.

#include "build/settings.h"
#include "model/retention.h"
#include "store/file_store.h"

namespace cooper::build {

/// It is, or was, run by a supervisor of ours: what it starts has one parent and one
/// control group, and ends with it. Else another program recorded it.
bool is_supervised(const Build& build);

/// The build's recorded process is there and is that build's.
bool process_lives(const Build& build);

/// Finalizes abandoned builds as failed and removes what they left (processes,
/// working containers, images, scratch files); removes the finished builds beyond
/// a limit of `settings.retention` with log, steps, source, release and images;
/// removes what crashes left (find_leftovers). Never touches a live or pinned
/// build, the newest successful one, nor that of the active release.
/// Reading never does any of this. `just_ended` is kept in any case: what a person
/// has just built must not be gone when the command returns. Throws Error.
Pruned prune(store::FileStore& store, const AppName& app, const Settings& settings,
             const BuildId* just_ended = nullptr);

/// What prune would do now. Changes nothing. Throws Error.
Pruned would_prune(const store::FileStore& store, const AppName& app, const Settings& settings);

/// Before an app is deleted: reaps, then removes all of its builds. Error{conflict}
/// if one lives.
void remove_builds(store::FileStore& store, const AppName& app);

/// What prune does for one abandoned build; false if it was finalized before. It
/// is finalized even if some of what it left can't be removed: its log tells.
bool reap(store::FileStore& store, const Build& seen);

/// The same, for a caller that holds FileStore::lock_endings.
bool reap_locked(store::FileStore& store, const Build& seen);

}  // namespace cooper::build
