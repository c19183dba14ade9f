#include "cli/when.h"

#include "base/text.h"

namespace cooper::cli {

Result<Time> parse_when(std::string_view flag, std::string_view text, Time now) {
  if (const auto moment = parse_rfc3339(text)) return moment->at;
  if (const auto day = parse_rfc3339(std::string(text) + "T00:00:00Z")) return day->at;
  if (const auto duration = parse_duration(text)) return now - *duration;
  return Error(Errc::invalid,
               "--" + std::string(flag) + ": \"" + shorten(text, 60) + "\" is no time",
               "a day such as 2026-11-21, a moment such as 2026-11-21T08:00:00Z, or how long ago, "
               "such as 90m or 3d");
}

}  // namespace cooper::cli
