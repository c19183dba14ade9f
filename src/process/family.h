#pragma once
// The processes of a build that we do not supervise: no control group holds them,
// and orphans among them are not ours. They are found by what they have in common.

#include "process/proc.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace cooper::process {

/// A head, its process group if it leads one that we are not in, everybody who has
/// a mark in the environment that it was started with, and all descendants of these
/// that were seen as such. Never ourselves, our ancestors, or process 1: these
/// only lead on to others.
///
/// Two of the same build at once do no harm. What is signalled is the process that was seen, never
/// a later one of its pid. Not found are: one without the mark, in another group, whose ancestors
/// within the family had all ended when it was first looked for; the marks of processes that we may
/// not read, another user's; what another system process (a container engine, cron, systemd) runs
/// on behalf of the family.
///
/// One thread at a time. Calls may throw Error.
class Family {
 public:
  /// `head` as it is now; 0: none, the mark alone. `mark`: "NAME=value"; empty: none.
  /// After this, see whether the head is still the process that is meant: it will
  /// stay that one.
  Family(pid_t head, std::string mark);

  /// Those who live, as of now.
  std::vector<pid_t> look();

  /// Asks all to end, once: SIGQUIT to the group, as Dokku does, and SIGTERM. Who has
  /// `log` open (a `tee` that writes it) is spared, unless the head has it, too:
  /// it ends with its input, and must not lose what it has not written yet.
  void ask(const std::filesystem::path& log);

  /// Ends all: asks, after `grace` halts them, so that none can start another, and
  /// kills them; those with the log open come last. Returns who is left: another
  /// user's, or one in an uninterruptible sleep for more than 5 s.
  std::vector<pid_t> end(std::chrono::milliseconds grace, const std::filesystem::path& log);

 private:
  struct Member {
    std::uint64_t started;
    bool spared;  ///< ourselves or an ancestor
  };
  enum class Which { all, without_log };

  void add(const ProcessFacts& facts, const std::vector<pid_t>& spared);
  bool belongs(const ProcessFacts& facts) const;
  std::vector<pid_t> select(Which which, const std::filesystem::path& log);
  void signal(pid_t pid, int signal_number) const;
  void kill(Which which, const std::filesystem::path& log);
  bool wait(std::chrono::milliseconds limit, Which which, const std::filesystem::path& log);

  pid_t head_;
  std::string mark_;
  bool with_group_ = false;
  bool head_writes_log_ = false;
  std::map<pid_t, Member> members_;  // who lived when we looked last
};

}  // namespace cooper::process
