#pragma once
// Files that a person has named.

#include "base/error.h"
#include "base/fd.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace cooper::cli {

/// Opens one for reading, a pipe as well; `name` is relative to `folder`. What is wrong with it is
/// said in the same words by all commands: Error{not_found} if there is none, Error{invalid} for a
/// folder or an empty name, Error{denied}.
Fd open_named_file(const std::filesystem::path& folder, const std::string& name);

/// Throws Error{invalid} if it is empty.
void require_name(const std::string& name);

/// The same words for one that is to be written, after a call that failed with `failure` (errno).
Error cant_write_named_file(const std::string& name, int failure);

}  // namespace cooper::cli
