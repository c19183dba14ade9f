#pragma once
// The bare repository of an app.

#include "store/layout.h"

#include <filesystem>

namespace cooper::rack {

/// The app's repository; made, or brought up to date, with the hooks that have `cooper git-hook`
/// build what is pushed. Throws Error{invalid} under a Dokku root, whose apps have Dokku's; Error.
std::filesystem::path ensure_repository(const store::Layout& layout, const AppName& app);

/// How this program is to be called by a script that outlives it: the name by which it was called,
/// which an upgrade keeps, not the file that this leads to. Absolute. Throws Error.
std::filesystem::path lasting_program();

/// For a command line of sh, ssh or git: one word, whatever is in it.
std::string shell_quoted(std::string_view text);

}  // namespace cooper::rack
