#pragma once
// Where a page of builds or releases begins: after which of them. Clients hand it back as it is.

#include "base/error.h"
#include "base/time.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace cooper::api {

/// Items of a page, if the client does not say.
inline constexpr std::size_t kDefaultLimit = 100;
inline constexpr std::size_t kMostLimit = 1000;

/// The last one that was shown. Its time finds the place once it has been removed.
struct Cursor {
  Time at;           ///< when it was started or made, where that tells the place
  std::string id;    ///< or a name
  std::string rest;  ///< what else tells the place: of a line of a log its number
  bool operator==(const Cursor&) const = default;
};

/// Letters, digits, `-` and `_` alone.
std::string to_text(const Cursor& cursor);
/// Error{invalid}.
[[nodiscard]] Result<Cursor> parse_cursor(std::string_view text);

}  // namespace cooper::api
