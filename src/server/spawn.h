#pragma once
// Tasks that nobody waits for: each belongs to a loop, and ends with it.

#include "server/log_line.h"
#include "server/task.h"

#include <string_view>

namespace cooper::server {

struct Loop;

/// Runs a task on the loop. What it throws is told on stderr as `doing`, but for what only says
/// that a peer has gone or that the loop ends.
void spawn(Loop& loop, Task<void> task, std::string_view doing);

}  // namespace cooper::server
