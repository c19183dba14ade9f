#pragma once
// The processes that descend from this one.

#include <sys/types.h>
#include <vector>

namespace cooper::process {

/// Orphans of our descendants become our children instead of init's, so that
/// none gets lost. Throws Error.
void become_subreaper();

/// Those of all its threads, at the moment; zombies, too.
std::vector<pid_t> children_of(pid_t pid);

/// Every process that descends from `pid` at the moment; parents first.
std::vector<pid_t> descendants_of(pid_t pid);

/// Kills (SIGKILL) and reaps every descendant of this process, also those that
/// are re-parented to it meanwhile; false if some stayed after 5 s. Call it when
/// nobody else waits for a child.
bool end_descendants();

}  // namespace cooper::process
