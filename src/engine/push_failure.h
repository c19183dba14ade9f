#pragma once
// Why a push failed, and whether trying again can help. Pure.

#include "engine/engine.h"

#include <string_view>

namespace cooper::engine {

/// From what an engine says is wrong. Only what is known to pass may pass: faults of
/// the network and of servers (5xx, 429), never a refusal (401, 403, 404) or a
/// certificate.
PushResult failed_push(std::string_view error);

/// Says the error that there is nothing of this name? So it is with the layer cache
/// of a first build.
bool is_absent(std::string_view error);

}  // namespace cooper::engine
