#pragma once
// Why a buildah build failed, in one line for the record. Pure.

#include "engine/buildah_output.h"
#include "engine/memory_kills.h"
#include "process/child.h"

#include <string>
#include <string_view>

namespace cooper::engine {

struct Failure {
  int exit_code = 1;
  std::string reason;          ///< one printable line
  bool out_of_memory = false;  ///< the reason says so
};

/// From what buildah printed and how it ended. Call it for a build that failed.
/// A kill for memory somewhere on the host is its cause only if what failed was
/// killed, too. `place`: where in the Dockerfile the last step stands ("Dockerfile:5"),
/// or empty.
Failure explain_failure(const BuildahOutput& output, const process::ExitStatus& status,
                        MemoryKills kills, std::string_view place = {});

/// The cause of a failed pull of `image`, from buildah's error text.
std::string explain_pull(std::string_view image, std::string_view error);

}  // namespace cooper::engine
