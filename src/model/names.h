#pragma once
// Checked names. Paths and image names are built from these types only, so no
// text of a user's can hold `/` or `..` by the time it names a file.

#include "base/error.h"

#include <compare>
#include <string>
#include <string_view>

namespace cooper {

/// A text that has passed `Rule::check`. Comparable, hashable by its text.
template <class Rule>
class CheckedName {
 public:
  /// Error{invalid} says what is allowed.
  [[nodiscard]] static Result<CheckedName> parse(std::string_view text) {
    if (!Rule::check(text)) return Rule::refuse(text);
    return CheckedName(std::string(text));
  }
  const std::string& str() const noexcept { return text_; }
  auto operator<=>(const CheckedName&) const = default;

 private:
  explicit CheckedName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// Lowercase letter or digit first, then those, `-` and `.`, as Dokku has it; 1 to 255.
struct AppNameRule {
  static bool check(std::string_view text) noexcept;
  static Error refuse(std::string_view text);
};
using AppName = CheckedName<AppNameRule>;

/// An id that names files: 1 to 64 letters, digits, `-`, `_`. Ours are 14
/// base36 digits (see new_build_id); other writers' (`pid-4711`) pass too.
struct BuildIdRule {
  static bool check(std::string_view text) noexcept;
  static Error refuse(std::string_view text);
};
using BuildId = CheckedName<BuildIdRule>;

struct ReleaseIdRule {
  static bool check(std::string_view text) noexcept;
  static Error refuse(std::string_view text);
};
/// `r` + the same digits as a build id.
using ReleaseId = CheckedName<ReleaseIdRule>;

/// A letter first, then letters, digits, `_` and `-`, which is not last; at most 63
/// characters: part of an image's tag. (Convox validates more strictly when it deploys.)
struct ServiceNameRule {
  static bool check(std::string_view text) noexcept;
  static Error refuse(std::string_view text);
};
using ServiceName = CheckedName<ServiceNameRule>;

struct PropertyKeyRule {
  static bool check(std::string_view text) noexcept;
  static Error refuse(std::string_view text);
};
/// Lowercase letters, digits and `-`, a letter first; at most 63 characters.
using PropertyKey = CheckedName<PropertyKeyRule>;

/// 8 base36 digits of the Unix time in milliseconds, then 6 random ones: sorts
/// by start, strictly growing within a process. Thread-safe.
BuildId new_build_id();
ReleaseId new_release_id();

}  // namespace cooper
