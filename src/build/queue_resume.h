#pragma once
// Builds that wait in the queue, but whose process is gone: it was killed, or the host restarted.

#include "model/build.h"
#include "store/file_store.h"

#include <optional>
#include <string>
#include <vector>

namespace cooper::build {

/// Starts a supervisor for each of them, at its place in the queue. One that can't go on (what it
/// was given is kept nowhere, or its process vanishes again and again) ends as failed. Returns a
/// line for each. Throws Error{denied} for root in another user's data root, who could have root
/// build anything; Error.
std::vector<std::string> resume_queue(store::FileStore& store);

/// The same where nobody listens, and the next one does what can't be done now. Throws nothing.
void resume_queue_quietly(store::FileStore& store);

/// Queued builds of the app, without one of all apps, that have no place any more get one, for
/// resume_queue. Throws Error.
void restore_places(store::FileStore& store, const std::optional<AppName>& app);

/// Ends a queued build whose process is gone; false if it has one, or has ended.
bool end_lost(store::FileStore& store, const Build& build, const Outcome& outcome);

}  // namespace cooper::build
