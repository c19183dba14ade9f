#pragma once
// Flags as Dokku's commands take them: the rules and texts of Go's pflag.

#include "base/error.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::plugin {

/// A flag of a command. Only long names are in use.
struct FlagSpec {
  std::string_view name;   ///< without dashes
  std::string_view value;  ///< what the usage calls its value ("string"); empty: a switch
  std::string_view usage;
};

/// The words of a command line, sorted out.
struct Parsed {
  std::vector<std::string> words;  ///< what is no flag, in order
  std::map<std::string, std::string, std::less<>> flags;
  bool help = false;  ///< -h or --help: the rest was not looked at

  /// Empty if it was not given.
  std::string flag(std::string_view name) const;
  bool is_set(std::string_view name) const { return flag(name) == "true"; }
  /// The word at `index`; empty if there are fewer.
  std::string word(std::size_t index) const;
};

/// Flags may stand before and after words, `--flag value` and `--flag=value` are
/// the same, `--` ends them. Error{invalid} in pflag's words.
[[nodiscard]] Result<Parsed> parse_flags(std::span<const FlagSpec> specs,
                                         std::span<const std::string> words);

/// "Usage of builds:list:" and a line for each flag.
std::string usage_text(std::string_view command, std::span<const FlagSpec> specs);

}  // namespace cooper::plugin
