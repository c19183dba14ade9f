#pragma once
// Secrets that a person types, or hands over.

#include <string>
#include <string_view>

namespace cooper::cli {

/// Asks on the terminal, which does not show what is typed. `what`: "password"; `otherwise`: the
/// hint of the Error{invalid} if there is no terminal.
std::string ask_unseen(const std::string& prompt, std::string_view what,
                       const std::string& otherwise);

/// All of an open file, as of a stream; one newline at its end is none of it. Throws Error, which
/// calls it `what`.
std::string secret_from(int in, std::string_view what);

}  // namespace cooper::cli
