#pragma once
// Platforms: what an image is made for, and what runs here. "linux/amd64",
// "linux/arm/v7".

#include "base/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine {

/// One platform in its usual spelling (linux/aarch64 and linux/arm64/v8 are
/// linux/arm64). Error{invalid}.
[[nodiscard]] Result<std::string> parse_platform(std::string_view text);

/// What programs of can run on this host: its own, and those that the kernel has an
/// emulator for which works in containers, too.
std::vector<std::string> host_platforms();

}  // namespace cooper::engine
