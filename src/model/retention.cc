#include "model/retention.h"

#include <algorithm>

namespace cooper {

std::vector<BuildId> beyond_retention(std::span<const Build> builds, std::size_t keep,
                                      const std::set<std::string>& kept) {
  std::vector<const Build*> finished;
  for (const Build& build : builds) {
    if (is_terminal(build.status)) finished.push_back(&build);
  }
  std::ranges::sort(finished, [](const Build* a, const Build* b) {
    return std::tie(a->started_at.at, a->id) > std::tie(b->started_at.at, b->id);
  });
  std::vector<BuildId> removed;
  for (std::size_t i = finished.size(); i > keep; --i) {
    if (!kept.contains(finished[i - 1]->id.str())) removed.push_back(finished[i - 1]->id);
  }
  return removed;
}

}  // namespace cooper
