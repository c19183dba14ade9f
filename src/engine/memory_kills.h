#pragma once
// Did the kernel kill a process of a build because there was no memory?

#include <cstdint>
#include <filesystem>
#include <vector>

namespace cooper::engine {

/// Where the kernel killed for memory. `on_host` says nothing of whose it was.
enum class MemoryKills { none, on_host, in_build };

/// Remembers the kernel's counters as they were when it was made. In cgroup v2
/// the build's group counts for itself and all beneath it, so it knows; in v1 the
/// runtime removes a RUN's group and its counter with it, and only the host's
/// counter is left, beside whether the build ran into its limit.
class MemoryWatch {
 public:
  /// `cgroups`: BuildContext::cgroups.
  explicit MemoryWatch(const std::vector<std::filesystem::path>& cgroups);
  /// Since it was made.
  MemoryKills seen() const;

 private:
  struct Counters {
    std::uint64_t on_host = 0;
    std::uint64_t in_group = 0;    // v2: kills
    std::uint64_t limit_hits = 0;  // v1: times that memory could not be had at once
  };
  Counters read() const;

  std::vector<std::filesystem::path> groups_;
  bool unified_ = false;  // v2
  Counters before_;
};

}  // namespace cooper::engine
