#pragma once
// The query of /v1's lists of builds: names and values, as both sides of it have them.

#include "rack/requests.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::api {

/// Names and values without any encoding.
using QueryEntries = std::vector<std::pair<std::string, std::string>>;

struct BuildQuery {
  rack::BuildFilter filter;  ///< with its limit: 1 to kMostLimit
  std::string cursor;        ///< empty: the first page
};

/// `status` (several times), `kind`, `source`, `since`, `until`, `before`, `limit` and `cursor`.
/// The app is not among them. Limits of 0 or beyond kMostLimit become that.
QueryEntries to_query(const BuildQuery& query);
/// Takes what belongs to builds out of the entries. Error{invalid}.
[[nodiscard]] Result<BuildQuery> parse_build_query(QueryEntries& entries);

/// "?a=1&b=x%20y"; empty if there are none.
std::string query_text(const QueryEntries& entries);

/// The last value of a name, which goes out of the entries; empty if there is none.
std::string take_entry(QueryEntries& entries, std::string_view name);
/// The same as a whole number; nullopt if there is none. Throws Error{invalid}.
std::optional<std::uint64_t> take_count(QueryEntries& entries, std::string_view name);
/// The same as a bool: `true` or `false`, and false if there is none. Throws Error{invalid}.
bool take_flag(QueryEntries& entries, std::string_view name);
/// `limit`, 1 to kMostLimit; kDefaultLimit if there is none. Error{invalid}.
[[nodiscard]] Result<std::size_t> take_limit(QueryEntries& entries);
/// Error{invalid} if any is left: nobody knows it, and the answer would not be what was meant.
void require_none(const QueryEntries& entries);

}  // namespace cooper::api
