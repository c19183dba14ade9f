#pragma once
// The control group of one build: finds, limits and kills every process of it,
// whatever it forked or which session it fled to.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cooper::process {

/// `/cooper/<name>` in cgroup v2, or in the v1 hierarchies `freezer` and, for a
/// limit, `memory` (a hybrid host has both versions; v1 is used where it has the
/// controllers).
/// Processes live in sub-groups: `engine` (see join_folders) and whatever the
/// engine makes beneath parent_path().
class Cgroup {
 public:
  /// Makes it; nullopt where cgroups can't be written (no privilege, read-only).
  static std::optional<Cgroup> create(const std::string& name, std::uint64_t memory_limit);
  /// One that an earlier process made; nullopt if there is none.
  static std::optional<Cgroup> find(const std::string& name);

  /// Folders whose cgroup.procs an engine process writes itself into.
  const std::vector<std::filesystem::path>& join_folders() const { return join_folders_; }
  /// The kernel took the memory limit that create() was asked for.
  bool limits_memory() const { return limits_memory_; }
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
  std::string name_;
  std::vector<std::filesystem::path> folders_;       ///< .../cooper/<name> in each hierarchy
  std::vector<std::filesystem::path> join_folders_;  ///< .../cooper/<name>/engine
  bool limits_memory_ = false;
};

/// Processes that the kernel killed for memory since boot, on the whole host.
std::uint64_t host_out_of_memory_kills();

}  // namespace cooper::process
