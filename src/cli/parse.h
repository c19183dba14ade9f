#pragma once
// From words to a command and its options.

#include "base/error.h"
#include "cli/options.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::cli {

/// What was typed: which command, and all words that are not its name.
struct Split {
  const Command* command = nullptr;  ///< null: no command word at all
  std::vector<std::string> rest;
};

/// Finds the command; flags may stand before, between and after its words.
/// Error{invalid} names an unknown command and the nearest one.
[[nodiscard]] Result<Split> parse_command(std::span<const std::string> arguments);

/// Error{invalid} for a flag or value that the command does not take.
[[nodiscard]] Result<Options> parse_options(const Command& command,
                                            const std::vector<std::string>& rest);

/// "cooper builds info ID [flags]".
std::string usage(const Command& command);

/// The flag called `name` ("--limit", "-a", "--limit=3") of a command, or of
/// any command if null; nullptr if there is none.
const Flag* find_flag(const Command* command, std::string_view name);

/// Are there commands of two words that begin with the word `name`?
bool has_subcommands(std::string_view name);

}  // namespace cooper::cli
