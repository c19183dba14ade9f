#pragma once
// A supervisor's time in the queue, before its build runs.

#include "build/supervisor.h"
#include "store/file_store.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cooper::build {

/// What a build has when its turn has come.
struct Turn {
  Fd deploy_lock;                  ///< the app's
  bool was_queued = false;         ///< it has a queued record, and a log
  std::vector<std::string> notes;  ///< what was found when the lock was had
};

/// Waits until it is the turn of a build with a ticket. If that is not at once, the build gets a
/// queued record and a log whose lines say what it waits for, and `is_queued` is called. nullopt:
/// it was canceled, or superseded, and its record has ended. Runs in the supervisor,
/// before that has threads; block_end_signals() must have been called. Throws Error; then a
/// queued record has ended as failed.
std::optional<Turn> wait_for_turn(const SupervisorTask& task, store::FileStore& store,
                                  const std::function<void()>& is_queued);

/// What keeps a build from running: its record ends as failed. If whoever has started us still
/// listens, and so tells the person, but it was queued before, it keeps record and place, without a
/// process: then it is resumed. Throws nothing.
void end_unbegun(SupervisorTask& task, store::FileStore& store, const Error& error);

/// The place goes to the next; at the end of a deploy, which has none, those are woken who waited
/// for it. Throws nothing.
void leave_queue(SupervisorTask& task, const store::FileStore& store);

}  // namespace cooper::build
