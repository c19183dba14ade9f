#pragma once
// Starting one program and waiting for it.

#include "base/fd.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <sys/types.h>
#include <vector>

namespace cooper::process {

/// How a process ended. Data, never an error.
struct ExitStatus {
  int code = 0;    ///< exit code; 128 + signal if a signal ended it
  int signal = 0;  ///< the signal that ended it, or 0
  bool ok() const noexcept { return code == 0; }
  bool operator==(const ExitStatus&) const = default;
};

/// own_terminal: a session of its own whose controlling terminal is Command::in.
enum class Group { same, own_group, own_session, own_terminal };

/// What to start. Descriptors are borrowed; -1 for the standard ones means /dev/null.
struct Command {
  std::vector<std::string> argv;  ///< argv[0] is looked up in PATH unless it holds a `/`
  std::vector<std::string>
      environment;               ///< "NAME=value"; the whole environment (see own_environment)
  std::filesystem::path folder;  ///< working folder; empty: ours
  int in = -1;
  int out = -1;
  int err = -1;
  std::vector<int> keep;  ///< further descriptors that the child inherits, same numbers
  Group group = Group::own_group;
  int death_signal = 0;  ///< sent to the child when the thread that started it dies; 0: none
  std::vector<std::filesystem::path> cgroups;  ///< folders it joins before it runs (see cgroup.h)
  std::optional<mode_t> umask;                 ///< absent: ours
};

/// Our environment as "NAME=value" texts, `changes` applied: "NAME=value"
/// replaces, a bare "NAME" removes.
std::vector<std::string> own_environment(const std::vector<std::string>& changes = {});

/// One started process. Kills nothing by itself: the owner waits for it.
class Child {
 public:
  /// Throws Error{not_found} if the program is not there, Error otherwise;
  /// errors of the child before exec come back here.
  static Child start(const Command& command);

  pid_t pid() const noexcept { return pid_; }
  /// Readable (poll) when the process has ended.
  int pidfd() const noexcept { return pidfd_.get(); }
  /// The status if it has ended; never blocks. Repeatable.
  std::optional<ExitStatus> poll();
  ExitStatus wait();
  /// Signals the process; nothing happens if it has ended.
  void signal(int signal_number) noexcept;
  /// Signals its process group (it must have its own).
  void signal_group(int signal_number) noexcept;
  /// Once it has been waited for: is nobody left in its process group? Reaps those
  /// who became our children.
  bool group_is_gone() noexcept;

 private:
  Child(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_;
  Fd pidfd_;
  std::optional<ExitStatus> status_;
};

struct Captured {
  ExitStatus status;
  std::string out;
  std::string err;
};

/// Runs a short helper program to its end and returns what it printed (at most
/// `max_bytes` of each stream are kept). It is killed after `limit`
/// (Error{unavailable}) or on a stop request (Error{canceled}).
Captured run(Command command, std::chrono::milliseconds limit = std::chrono::seconds(60),
             std::stop_token stop = {}, std::size_t max_bytes = std::size_t{4} << 20);

}  // namespace cooper::process
