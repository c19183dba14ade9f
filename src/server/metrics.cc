#include "server/metrics.h"

#include <algorithm>

namespace cooper::server {

Metrics::Metrics(std::span<const std::span<const Route>> tables) {
  routes_.push_back(std::make_unique<RouteMetrics>());
  for (const std::span<const Route> table : tables) {
    for (const Route& route : table) {
      routes_.push_back(std::make_unique<RouteMetrics>());
      routes_.back()->method = to_string(route.method);
      routes_.back()->pattern = route.pattern;
      by_route_.emplace(&route, routes_.back().get());
    }
  }
}

void Metrics::request_ended(const Route* route, unsigned status, std::chrono::nanoseconds took,
                            Took what) noexcept {
  const auto found = by_route_.find(route);
  RouteMetrics& metrics = found == by_route_.end() ? *routes_.front() : *found->second;
  metrics.by_class[std::min(status / 100, 5U)].fetch_add(1, std::memory_order_relaxed);
  if (what == Took::until_answered) metrics.took.observe(took);
}

}  // namespace cooper::server
