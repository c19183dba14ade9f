#pragma once
// One push to be built at a time.

#include "base/fd.h"
#include "rack/rack.h"

#include <filesystem>
#include <stop_token>

namespace cooper::cli {

/// Had by the hook that builds what is pushed, before git moves the branch; the next one has it
/// only once the git that ran the hook has ended, and so has moved the branch, or not. Without it
/// that one could find the branch where it was, and build what git would then refuse.
class PushTurn {
 public:
  /// Waits, with a notice. Throws Error{canceled} on a stop request; Error.
  PushTurn(const std::filesystem::path& repository, rack::StartProgress& progress,
           const std::stop_token& stop);

 private:
  Fd file_;
};

}  // namespace cooper::cli
