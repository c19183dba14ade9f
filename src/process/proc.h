#pragma once
// What /proc tells of a process.

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace cooper::process {

struct ProcessFacts {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  std::uint64_t started = 0;  ///< in clock ticks since boot: tells it from a later one of that pid
  bool lives = false;         ///< false: a zombie, or even less
};

/// nullopt if there is no such process.
std::optional<ProcessFacts> find_process(pid_t pid);

/// All that can be seen, in no order.
std::vector<ProcessFacts> list_processes();

/// "environ", "cmdline": the texts in it, each ended by a zero byte. Empty if it is
/// not there, has none, or is not ours to read.
std::string read_of_process(pid_t pid, const char* file);

}  // namespace cooper::process
