#pragma once
// Names and values as HTTP has them: headers, query, forms, the parts of a URL's path.

#include "base/error.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::server {

/// In the order in which they came; a name may come several times.
class Fields {
 public:
  void add(std::string name, std::string value) {
    entries_.emplace_back(std::move(name), std::move(value));
  }
  /// The first one's value; nullopt if there is none.
  std::optional<std::string_view> find(std::string_view name) const;
  /// The same, empty if there is none.
  std::string_view get(std::string_view name) const { return find(name).value_or(""); }
  /// All values of a name, in order.
  std::vector<std::string_view> all(std::string_view name) const;

  using Entries = std::vector<std::pair<std::string, std::string>>;
  const Entries& entries() const { return entries_; }
  bool operator==(const Fields&) const = default;

 private:
  Entries entries_;
};

/// More names and values in one query or form are refused.
inline constexpr std::size_t kMaxFields = 4096;

/// A query, or the body of an application/x-www-form-urlencoded request: `a=1&b=x+y%2F`. Values
/// are UTF-8 without NUL. Error{invalid} for anything else; it repeats no value.
[[nodiscard]] Result<Fields> parse_form(std::string_view text);

/// What a request's first line asks for.
struct Target {
  std::vector<std::string> path;  ///< its parts between slashes, %XX resolved; none for "/"
  Fields query;
};

/// `/apps/web/builds?limit=3`, or a whole URL as proxies get it. Error{invalid} for what is no
/// such thing: parts that are empty (but for the last one), `.` or `..`, control characters,
/// half a %XX, bytes that are no UTF-8.
[[nodiscard]] Result<Target> parse_target(std::string_view text);

}  // namespace cooper::server
