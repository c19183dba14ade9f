#pragma once
// What metrics tell of builds and of the queue.

#include "rack/rack.h"
#include "server/metric_text.h"
#include "server/metrics.h"
#include "store/file_store.h"

#include <array>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace cooper::server {

/// Up to an hour, as most builds take.
inline constexpr std::array<double, 10> kBuildTimes = {1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600};

/// Looks at the store when it is asked, but not more often than each five seconds: at the index,
/// at builds that have begun since the last look, and at those that ran then. Blocks; safe to use
/// from several threads at once.
class BuildFigures {
 public:
  /// Of builds that end from now on the times are kept; their supervisors are other processes, and
  /// commands start builds, too, so nobody tells us.
  BuildFigures(store::Layout layout, rack::Rack& rack, Time begin);

  /// Throws Error if the store can't be read.
  void write(MetricText& text);

 private:
  using Key = std::pair<AppName, BuildId>;
  using Times = Histogram<kBuildTimes.size()>;

  void look();
  void look_at(const Build& build);
  void count_ended(const Build& build);

  const store::FileStore store_;
  rack::Rack& rack_;
  const Time begin_;
  std::mutex mutex_;  // guards all that follows
  std::optional<std::chrono::steady_clock::time_point> looked_;
  Time since_;                 ///< when the last look began
  std::set<Key> live_;         ///< queued or running then
  std::map<Key, Time> ended_;  ///< counted, and begun not long before that look: when
  std::vector<store::BuildTally> tally_;
  std::size_t waiting_ = 0, running_ = 0;
  double longest_wait_ = 0;                   ///< seconds, of what waits now
  std::array<std::array<Times, 3>, 2> took_;  ///< by Kind, then succeeded, failed, canceled
  Times waited_{kBuildTimes};
  std::uint64_t steps_ = 0, cached_steps_ = 0, unchanged_services_ = 0;
};

}  // namespace cooper::server
