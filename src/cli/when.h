#pragma once
// Moments as a person types them.

#include "base/error.h"
#include "base/time.h"

#include <string_view>

namespace cooper::cli {

/// `2026-11-21` (the day's beginning, UTC), `2026-11-21T08:00:00Z`, or how long
/// ago: `90m`, `2h`, `3d`. Error{invalid}, which names `flag`, for anything else.
[[nodiscard]] Result<Time> parse_when(std::string_view flag, std::string_view text, Time now);

}  // namespace cooper::cli
