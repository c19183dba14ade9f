#pragma once
// Any engine from a choice; links all of them.

#include "engine/choose.h"

namespace cooper::engine {

/// An EngineMaker. Throws Error{unavailable} if the chosen engine is not there.
std::unique_ptr<Engine> make_engine(const EngineChoice& choice, BuildContext context);

}  // namespace cooper::engine
