#pragma once
// `--build-args NAME=VALUE` of the commands that build.

#include "base/error.h"
#include "cli/options.h"

#include <string>
#include <utility>
#include <vector>

namespace cooper::cli {

inline constexpr Flag kBuildArgsFlag{
    .name = "build-args",
    .value = "NAME=VALUE",
    .summary = "a build argument for Dockerfiles that declare it; may be repeated",
    .target = &Options::build_args};

/// As they were given. The text of a bad one is not repeated: it may be a secret.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> build_args_of(
    const Options& options);

}  // namespace cooper::cli
