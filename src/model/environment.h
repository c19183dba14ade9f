#pragma once
// The environment of an app: names and values as people write them, and as programs read them.

#include "base/error.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cooper {

/// Name -> value. Names are those of shell variables, values UTF-8 without NUL.
using Environment = std::map<std::string, std::string>;

/// The kernel hands a program no variable that is longer, its name included.
inline constexpr std::size_t kMaxVariableBytes = (std::size_t{128} << 10) - 2;
/// All names and values of an app together.
inline constexpr std::size_t kMaxEnvironmentBytes = std::size_t{1} << 20;

// No message of what follows repeats a value, nor a text that may be one.

/// A letter or `_` first, then letters, digits and `_`.
bool is_variable_name(std::string_view name) noexcept;

/// Why the variable can't be kept; nullopt if it can.
std::optional<Error> wrong_variable(std::string_view name, std::string_view value);

/// `NAME=VALUE`; the value is what follows the first `=`, as it is. `what` is how the
/// message calls the text ("argument 2").
[[nodiscard]] Result<std::pair<std::string, std::string>> parse_variable(std::string_view text,
                                                                         const std::string& what);

/// A file of variables: `NAME=VALUE` a line, where `export ` may come before the name. A
/// value in single quotes is literal, one in double quotes has the escapes \n, \r, \t, \",
/// \\, \$ and \`; both may have several lines. Any other value is all of its line, as it
/// is. Empty lines and those that begin with `#` do not count; the last one of a name
/// does. `what` is how messages call the file.
[[nodiscard]] Result<Environment> parse_environment(std::string_view text, const std::string& what);

/// How an environment is written down.
enum class EnvironmentForm : std::uint8_t {
  lines,            ///< what parse_environment reads: quoted where it must be
  exports,          ///< a line each: export NAME='value'
  shell,            ///< on one line: NAME='value' NAME='value'
  docker_args,      ///< on one line: --env=NAME='value' --env=NAME='value'
  docker_env_file,  ///< for --env-file of docker and podman, without values of several lines
};
/// Ended by a newline, unless it is empty.
std::string to_text(const Environment& environment, EnvironmentForm form);

}  // namespace cooper
