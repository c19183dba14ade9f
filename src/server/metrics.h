#pragma once
// What is counted while the server runs, for /metrics.

#include "server/router.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace cooper::server {

/// How long things took: how many at most so long, and all of them together. Safe to use from
/// several threads at once; a reader may see one that is half counted.
template <std::size_t N>
class Histogram {
 public:
  /// Upper limits in seconds, ascending.
  explicit Histogram(std::span<const double, N> limits) : limits_(limits) {}

  void observe(std::chrono::nanoseconds took) noexcept {
    const double seconds = std::chrono::duration<double>(took).count();
    std::size_t bucket = 0;
    while (bucket < N && seconds > limits_[bucket]) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)),
                   std::memory_order_relaxed);
  }
  std::span<const double, N> limits() const { return limits_; }
  /// Of one bucket alone; the last one, N, is that of all that took longer.
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket]; }
  double sum_seconds() const { return static_cast<double>(sum_) / 1e9; }

 private:
  std::span<const double, N> limits_;
  std::array<std::atomic<std::uint64_t>, N + 1> counts_{};
  std::atomic<std::uint64_t> sum_ = 0;  ///< nanoseconds
};

inline constexpr std::array<double, 12> kLatencies = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                      0.1,   0.25,   0.5,   1,    2.5,   10};

/// Requests of one route.
struct RouteMetrics {
  std::string method;
  std::string pattern;                                   ///< "": no route was found
  std::array<std::atomic<std::uint64_t>, 6> by_class{};  ///< [4]: 400 to 499; [0]: unanswered
  Histogram<kLatencies.size()> took{kLatencies};         ///< but of streams
};

/// Counted with relaxed atomics: it costs a request some nanoseconds. Safe to use from several
/// threads at once.
struct Metrics {
  /// The tables must outlive it.
  explicit Metrics(std::span<const std::span<const Route>> tables);

  enum class Took : std::uint8_t { until_answered, as_long_as_streamed };
  /// `route`: null if none was found; `status`: 0 if it was not answered.
  void request_ended(const Route* route, unsigned status, std::chrono::nanoseconds took,
                     Took what) noexcept;

  std::atomic<std::int64_t> connections = 0;
  std::atomic<std::int64_t> followers = 0;   ///< of logs
  std::atomic<std::uint64_t> log_bytes = 0;  ///< delivered to them
  std::atomic<std::uint64_t> engine_errors = 0;
  std::atomic<std::uint64_t> failed_logins = 0;
  std::atomic<std::uint64_t> limited_logins = 0;
  std::atomic<std::uint64_t> audit_failures = 0;

  /// The first one is that of requests without a route.
  const std::vector<std::unique_ptr<RouteMetrics>>& routes() const { return routes_; }

 private:
  std::vector<std::unique_ptr<RouteMetrics>> routes_;         // atomics don't move
  std::unordered_map<const Route*, RouteMetrics*> by_route_;  // never changes
};

}  // namespace cooper::server
