#pragma once
// Reaps abandoned builds and trims an app to its retention.

#include "build/settings.h"
#include "model/retention.h"
#include "store/file_store.h"

#include <string>
#include <vector>

namespace cooper::build {

/// It is, or was, run by a supervisor of ours: what it starts has one parent and one
/// control group, and ends with it. Else another program recorded it.
bool is_supervised(const Build& build);

/// The build's recorded process is there and is that build's.
bool process_lives(const Build& build);

/// Finalizes abandoned builds as failed and removes what they left (processes,
/// working containers, images, scratch files); removes the finished builds beyond
/// a limit of `settings.retention` with log, steps, source, release and images, and
/// superseded releases (build/release_use.h); removes what crashes left (find_leftovers). Never
/// touches a live or pinned build, the newest successful one, nor those that releases need
/// (builds_in_use). Reading never does any of this. `just_ended` is kept in any case: what a person
/// has just built must not be gone when the command returns. Throws Error.
Pruned prune(store::FileStore& store, const AppName& app, const Settings& settings,
             const BuildId* just_ended = nullptr);

/// What prune would do now. Changes nothing. Throws Error.
Pruned would_prune(const store::FileStore& store, const AppName& app, const Settings& settings);

/// Removes what crashes left in the folders of an app that is none any more, or not
/// yet: records and what belongs to them stay. Throws Error.
Pruned prune_leftovers(store::FileStore& store, const AppName& app);

/// Removes what was staged for a build that ended before it ran. Throws nothing: what can't be
/// removed goes with the build.
void remove_staged(const store::FileStore& store, const AppName& app, const BuildId& id);

/// Before an app is deleted: reaps, then removes all of its builds. Error{conflict}
/// if one lives.
void remove_builds(store::FileStore& store, const AppName& app);

/// Removes an ended build with its images and releases; false if it is pinned.
/// Throws Error{conflict} if it is being deployed; Error.
bool remove_with_images(store::FileStore& store, const Build& build,
                        const std::vector<Release>& releases);

/// What prune does for one abandoned build; false if it was finalized before. It
/// is finalized even if some of what it left can't be removed: its log tells.
bool reap(store::FileStore& store, const Build& seen);

/// Before a new deploy begins, which its deploy lock says: reaps builds whose
/// supervisor vanished, so that nothing of theirs runs beside it. Other programs'
/// builds are left to the next prune. Returns a line for each build, also for one
/// that could not be reaped. Throws Error.
std::vector<std::string> reap_before_start(store::FileStore& store, const AppName& app);

/// The same as reap, for a caller that holds FileStore::lock_endings.
bool reap_locked(store::FileStore& store, const Build& seen);

}  // namespace cooper::build
