#include "model/retention.h"

#include <algorithm>
#include <tuple>

namespace cooper {

std::vector<const Build*> newest_first(std::span<const Build> builds, Time now) {
  std::vector<const Build*> sorted;
  for (const Build& build : builds) sorted.push_back(&build);
  std::ranges::sort(sorted, [&](const Build* a, const Build* b) {
    const bool a_believable = a->started_at.at <= now;
    const bool b_believable = b->started_at.at <= now;
    return std::tie(a_believable, a->started_at.at, a->id) >
           std::tie(b_believable, b->started_at.at, b->id);
  });
  return sorted;
}

std::vector<BuildId> beyond_retention(std::span<const Build> builds, std::size_t keep,
                                      const std::set<std::string>& kept, Time now) {
  std::vector<const Build*> finished = newest_first(builds, now);
  std::erase_if(finished, [](const Build* build) { return !is_terminal(build->status); });
  std::vector<BuildId> removed;
  for (std::size_t i = finished.size(); i > keep; --i) {
    if (!kept.contains(finished[i - 1]->id.str())) removed.push_back(finished[i - 1]->id);
  }
  return removed;
}

}  // namespace cooper
