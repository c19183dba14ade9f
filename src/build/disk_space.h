#pragma once
// Refuses a build that can't fit on the disk before anything of it is kept.

#include "engine/choose.h"
#include "store/layout.h"

#include <cstdint>

namespace cooper::build {

/// Throws Error{unavailable}, which names the disk, if less than `least` bytes are free
/// where the data root is, or where the engine that `wish` leads to keeps images. 0:
/// never. An engine whose folder can't be told is not asked for it.
void require_disk_space(const store::Layout& layout, std::uint64_t least,
                        const engine::EngineWish& wish);

}  // namespace cooper::build
