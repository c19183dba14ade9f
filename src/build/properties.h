#pragma once
// The properties that users may set: `config/builds/<app>|--global/<key>`.

#include "base/error.h"
#include "model/names.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cooper::build {

/// May a property's value be shown to anyone who may ask?
enum class Secrecy : std::uint8_t { open, secret };

/// What stands for a secret value.
inline constexpr std::string_view kHiddenValue = "(hidden)";

/// A property that users may set, and how its value is checked.
struct Property {
  std::string_view key;
  std::string_view summary;  ///< one line for help
  std::string_view expects;  ///< "a duration such as 30m, 1h30m or 90s; 0 means none"
  std::string_view default_value;
  bool (*accepts)(std::string_view value);
  Secrecy secrecy = Secrecy::open;
};

/// All properties, by key.
std::span<const Property> properties();
/// Of a property that there may not be.
Secrecy secrecy_of(std::string_view key);
/// Error{invalid} for an unknown key (with the nearest one) or a value that it
/// does not take; nullopt unsets, which every property takes.
[[nodiscard]] Result<PropertyKey> check_property(std::string_view key,
                                                 const std::optional<std::string>& value);
/// A value, as messages show it: short, in quotes, without credentials.
std::string shown_value(const std::string& value);

}  // namespace cooper::build
