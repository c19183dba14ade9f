#pragma once
// Tasks that nobody waits for: each belongs to a loop, and ends with it.

#include "server/task.h"

#include <string_view>

namespace cooper::server {

struct Loop;

/// Runs a task on the loop. What it throws is told on stderr as `doing`, but for what only says
/// that a peer has gone or that the loop ends.
void spawn(Loop& loop, Task<void> task, std::string_view doing);

/// "time level=error msg=..." on stderr, one line.
void log_error(std::string_view message);
void log_info(std::string_view message);

}  // namespace cooper::server
