#pragma once
// How much history an app keeps: which finished builds a prune may remove.

#include "model/build.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cooper {

inline constexpr std::size_t kDefaultRetention = 20;  ///< as Dokku's

/// The limits of an app's history. A build that is beyond one of them goes.
struct RetentionPolicy {
  /// Finished builds that stay, and as many finished deploys of releases: restarts and
  /// changes of the environment cost no build that could be rolled back to. As many that
  /// were superseded before they began: nor do many pushes in a row. And as many releases,
  /// besides those that are needed.
  std::size_t count = kDefaultRetention;
  /// Failed builds that stay although they are beyond `count`: the newest so many.
  std::size_t keep_failed = 0;
  std::chrono::seconds age{0};  ///< since the end; 0: no limit
  std::uint64_t size = 0;       ///< bytes of all finished builds together; 0: no limit
};

/// The limit that a build is beyond.
enum class RetentionLimit : std::uint8_t { count, age, size };
std::string_view to_string(RetentionLimit limit) noexcept;

/// What a finished build is counted as; the newest `RetentionPolicy::count` of each stay.
enum class Counted : std::uint8_t {
  builds,
  deploys,     ///< of releases
  superseded,  ///< by a newer build, before their turn came: they have made nothing
};

/// What the policy asks about a build.
struct RetentionFacts {
  BuildId id;
  Status status;
  Time started;
  Time ended;               ///< of no meaning while it is not terminal
  bool pinned = false;      ///< is neither removed nor counted, by any limit
  bool needed = false;      ///< is counted, but not removed: the app runs on it
  std::uint64_t bytes = 0;  ///< of its log, steps and source; only `policy.size` asks
  Counted counted_as = Counted::builds;
};

/// The facts in a record; `needed` and `bytes` are for the caller to add.
RetentionFacts retention_facts(const Build& build);

struct Removal {
  BuildId id;
  RetentionLimit beyond;
  bool operator==(const Removal&) const = default;
};

/// Which builds go, oldest first, and why. Builds that are not terminal are
/// neither removed nor counted. By count the oldest go, but the newest
/// `keep_failed` failed ones; by age those that ended too long ago, failed ones
/// too; by size, of what is left, the oldest until the rest fits, the failed ones
/// that `keep_failed` names last. One that claims to start after `now` is the
/// oldest, as the clock was wrong then; but as nobody knows its age, age does not
/// remove it.
std::vector<Removal> beyond_retention(std::span<const RetentionFacts> builds,
                                      const RetentionPolicy& policy, Time now);

/// A stored retention: a whole number from 1 (`5`, `+5`, `007`); else nullopt.
std::optional<std::size_t> parse_retention(std::string_view text);

/// Why the stored value `text` of `owner` (an app or `--global`) is not followed.
std::string ignored_retention(std::string_view text, std::string_view owner);

/// The builds by their start, the newest first. One that claims to start after
/// `now` comes last: the clock was wrong then, and nobody knows when that was.
std::vector<const Build*> newest_first(std::span<const Build> builds, Time now);

/// A file or folder that a crash left, and that no build owns.
struct Leftover {
  std::string path;  ///< beneath the data root
  std::uint64_t bytes;
};

/// A build that a prune removed.
struct RemovedBuild {
  BuildId id;
  RetentionLimit beyond;
  std::uint64_t bytes;  ///< of its log, steps and source
};

/// What a prune did, or would do.
struct Pruned {
  std::vector<BuildId> reaped;        ///< abandoned, now failed with exit code -1
  std::vector<RemovedBuild> removed;  ///< beyond retention, oldest first
  std::vector<ReleaseId> releases;    ///< superseded (build/release_use.h); removed, too
  std::vector<Leftover> leftovers;    ///< what crashes left; removed, too
  std::vector<std::string> warnings;  ///< what could not be removed; the next prune tries again
};

}  // namespace cooper
