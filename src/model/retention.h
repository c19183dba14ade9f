#pragma once
// How many finished builds an app keeps.

#include "model/build.h"

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace cooper {

inline constexpr std::size_t kDefaultRetention = 20;  ///< as Dokku's

/// The builds by their start, the newest first. One that claims to start after
/// `now` comes last: the clock was wrong then, and nobody knows when that was.
std::vector<const Build*> newest_first(std::span<const Build> builds, Time now);

/// Ids of the builds to remove so that the newest `keep` terminal ones stay,
/// oldest first. Builds that are not terminal are neither removed nor counted;
/// those named in `kept` (what the app runs on) are never removed.
std::vector<BuildId> beyond_retention(std::span<const Build> builds, std::size_t keep,
                                      const std::set<std::string>& kept, Time now);

/// What a prune did.
struct Pruned {
  std::vector<BuildId> reaped;        ///< abandoned, now failed with exit code -1
  std::vector<BuildId> removed;       ///< beyond retention
  std::vector<std::string> warnings;  ///< what could not be removed; the next prune tries again
};

}  // namespace cooper
