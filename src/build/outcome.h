#pragma once
// How a build that did not succeed ends.

#include "model/build.h"

#include <string>
#include <utility>

namespace cooper::build {

/// Somebody asked for it; who watches the build says why (build/watch.h).
inline Outcome canceled() {
  return {.status = Status::canceled, .exit_code = -1, .reason = "canceled"};
}

/// `exit_code`: that of what failed.
inline Outcome failed(std::string reason, int exit_code = 1) {
  return {.status = Status::failed, .exit_code = exit_code, .reason = std::move(reason)};
}

}  // namespace cooper::build
