#pragma once
// Whether the server can do its work, and if not, why.

#include "rack/rack.h"
#include "store/file_store.h"

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::server {

/// One thing that work needs. Problems name no paths: anybody may see them.
struct Check {
  std::string_view name;
  std::string problem;  ///< empty: all is well
};

/// Looks at most every other second. Engines are not asked: that can take long, and makes things
/// there; without one builds fail, but all that is there can be looked at. Safe to use from several
/// threads at once.
class Readiness {
 public:
  Readiness(store::Layout layout, rack::Rack& rack);

  /// As it is, or was just now. Blocks for milliseconds.
  std::vector<Check> checks();

 private:
  using Clock = std::chrono::steady_clock;

  void look();

  const store::FileStore store_;
  rack::Rack& rack_;
  std::mutex mutex_;  // guards all that follows
  std::optional<Clock::time_point> looked_;
  std::vector<Check> checks_;
};

}  // namespace cooper::server
