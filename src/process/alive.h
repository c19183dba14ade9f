#pragma once
// Is the process that a record names still that process?

#include "base/time.h"

#include <functional>
#include <string_view>
#include <sys/types.h>

namespace cooper::process {

/// True if `pid` exists, is no zombie, and is the process that ran at
/// `seen_at`: it started no later than that, or its command line holds `mark`
/// as a whole argument (which a stepped clock can't fake away). A reused pid,
/// or any pid after a reboot, is another process; so is the caller, if it
/// started later, whatever it was asked about.
bool is_same_process(pid_t pid, Time seen_at, std::string_view mark);

/// True if `pid` runs the program of that base name (as its command line names it)
/// with `option` and, behind it, `value`.
bool runs_with(pid_t pid, std::string_view program, std::string_view option,
               std::string_view value);

/// Signals `pid` if `is_it` says so, asked when no later process of that pid can be
/// hit any more; a `value` comes with the signal. False if it is not, or is gone. Throws
/// Error{denied} if it is another user's.
bool signal_process(pid_t pid, int signal_number, const std::function<bool()>& is_it,
                    int value = 0);

}  // namespace cooper::process
