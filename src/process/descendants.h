#pragma once
// The processes that descend from this one.

namespace cooper::process {

/// Orphans of our descendants become our children instead of init's, so that
/// none gets lost. Throws Error.
void become_subreaper();

/// Kills (SIGKILL) and reaps every descendant of this process, also those that
/// are re-parented to it meanwhile; false if some stayed after 5 s. Call it when
/// nobody else waits for a child.
bool end_descendants();

}  // namespace cooper::process
