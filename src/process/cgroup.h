#pragma once
// The control group of one build: finds, limits and kills every process of it,
// whatever it forked or which session it fled to.

#include "base/fd.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cooper::process {

/// What the processes of a group may use together; 0: no limit.
struct Limits {
  std::uint64_t memory = 0;  ///< bytes
  std::uint32_t cpus = 0;    ///< thousandths of a processor: 1500 is one and a half
  bool any() const { return memory != 0 || cpus != 0; }
  bool operator==(const Limits&) const = default;
};

/// "the memory limit of 64 MiB is not enforced", for limits of which there is one.
std::string not_enforced(const Limits& limits);

/// The time that `cpus` (see Limits) are in each 100 ms, in microseconds: what cgroups
/// and engines call a quota.
std::uint64_t cpu_quota(std::uint32_t cpus);

/// `/cooper/<name>` in cgroup v2, or in the v1 hierarchies `freezer` and, for
/// limits, `memory` and `cpu` (a hybrid host has both versions; v1 is used where it
/// has the controllers).
/// Processes live in sub-groups: `engine` (see join_folders) and whatever the
/// engine makes beneath parent_path().
class Cgroup {
 public:
  /// Makes it; nullopt where cgroups can't be written (no privilege, read-only).
  static std::optional<Cgroup> create(const std::string& name, const Limits& limits);
  /// The same for a name that others may use, too: nullopt while another process has
  /// it, which it has until its object goes. What was limited before, is as now asked.
  static std::optional<Cgroup> claim(const std::string& name, const Limits& limits);
  /// One that an earlier process made; nullopt if there is none.
  static std::optional<Cgroup> find(const std::string& name);

  /// Folders whose cgroup.procs an engine process writes itself into.
  const std::vector<std::filesystem::path>& join_folders() const { return join_folders_; }
  /// Those limits that the kernel did not take.
  const Limits& unkept() const { return unkept_; }
  /// "/cooper/<name>": the path to give an engine as the parent of what it runs.
  std::string parent_path() const { return "/cooper/" + name_; }

  /// Kills every process in it until none is left; false if some stayed after
  /// 5 s (uninterruptible sleep).
  bool kill_all() const;
  /// Moves what still runs in `engine` to the group that we are in ourselves: it is
  /// nobody's concern any more. Best effort.
  void let_go() const noexcept;
  /// Removes the emptied groups. Best effort: an empty group costs nothing.
  void remove() const noexcept;

 private:
  explicit Cgroup(std::string name) : name_(std::move(name)) {}
  void make(const Limits& limits);
  std::string name_;
  std::vector<std::filesystem::path> folders_;       ///< .../cooper/<name> in each hierarchy
  std::vector<std::filesystem::path> join_folders_;  ///< .../cooper/<name>/engine
  Limits unkept_;
  Fd claim_;  ///< locked
};

/// Do other programs have groups beside each of these join_folders()? So it is once
/// parent_path() was used as the parent of one, also when that has gone.
bool others_joined(const std::vector<std::filesystem::path>& join_folders);

/// Processes that the kernel killed for memory since boot, on the whole host.
std::uint64_t host_out_of_memory_kills();

}  // namespace cooper::process
