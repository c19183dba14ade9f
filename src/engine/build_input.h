#pragma once
// What engines check and prepare before they build.

#include "engine/engine.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace cooper::engine {

/// A file as a user knows it: relative to the context if it is in there. Printable.
std::string shown_path(const std::filesystem::path& file, const std::filesystem::path& context);

/// What can't even start to build, in one line; empty if nothing is missing.
std::string missing_input(const ImageRequest& request);

/// May it be a label's key or value? Printable ASCII that needs no quoting in any
/// Dockerfile's syntax: no blank, quote, `$`, backslash or backtick.
bool is_label_text(std::string_view text);

/// Writes a file for a moment, in the build's own folder; nobody else may read it.
void write_scratch(const std::filesystem::path& path, std::string_view text);

}  // namespace cooper::engine
