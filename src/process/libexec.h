#pragma once
// Where our other programs are.

#include <filesystem>
#include <string_view>

namespace cooper::process {

/// Of <prefix>/bin/cooper: <prefix>/libexec/cooper/NAME. Of a program that is there itself:
/// the one beside it. Throws Error{unavailable} if it can't be run.
std::filesystem::path libexec_program(std::string_view name);

}  // namespace cooper::process
