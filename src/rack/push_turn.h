#pragma once
// One push to be built at a time, and nobody else moves the branch meanwhile.

#include "base/fd.h"
#include "rack/rack.h"

#include <cstdint>
#include <filesystem>
#include <stop_token>

namespace cooper::rack {

/// Had by the hook that builds what is pushed, before git moves the branch; the next one has it
/// only once the git that ran the hook has ended, and so has moved the branch, or not. Without it
/// that one could find the branch where it was, and build what git would then refuse.
class PushTurn {
 public:
  /// Who moves the branch: the git that runs us, as its hook, or we do while we have the turn.
  enum class MovedBy : std::uint8_t { git_above, us };

  /// Waits, with a notice. Throws Error{canceled} on a stop request; Error.
  PushTurn(const std::filesystem::path& repository, StartProgress& progress,
           const std::stop_token& stop, MovedBy mover);

 private:
  Fd file_;
};

}  // namespace cooper::rack
