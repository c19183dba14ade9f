#pragma once
// Variables of an app's environment as a command line gives them.

#include "base/error.h"
#include "cli/options.h"
#include "model/environment.h"

#include <span>
#include <string>

namespace cooper::cli {

/// Of `words` (`NAME=VALUE`), over those of --value-file (`NAME=FILE`: the file's text is the
/// value, without a newline at its end), over those of --env-file (model/environment.h).
/// `-` is stdin, for one of them. Error{invalid} for what is wrongly written, and if there are
/// none; Error{not_found}. No message repeats a value.
[[nodiscard]] Result<Environment> read_variables(std::span<const std::string> words,
                                                 const Options& options);

}  // namespace cooper::cli
