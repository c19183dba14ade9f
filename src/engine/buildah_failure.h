#pragma once
// Why a buildah build failed, in one line for the record. Pure.

#include "engine/buildah_output.h"
#include "process/child.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cooper::engine {

struct Failure {
  int exit_code = 1;
  std::string reason;  ///< one printable line
};

/// From what buildah printed and how it ended. Call it for a build that failed.
/// `memory_kills`: processes that the kernel killed for memory meanwhile.
Failure explain_failure(const BuildahOutput& output, const process::ExitStatus& status,
                        std::uint64_t memory_kills);

/// The cause of a failed pull of `image`, from buildah's error text.
std::string explain_pull(std::string_view image, std::string_view error);

}  // namespace cooper::engine
