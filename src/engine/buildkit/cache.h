#pragma once
// What a BuildKit daemon of its own keeps of everybody's builds.

#include "engine/choose.h"

#include <cstdint>
#include <string>

namespace cooper::engine::buildkit {

struct CacheUse {
  std::string version;  ///< the daemon's; empty: it does not tell
  std::uint64_t bytes = 0;
};

/// Of the daemon of a choice. Throws as connect() does, and Error{engine} if it refuses.
CacheUse cache_use(const EngineChoice& choice);

/// Has the daemon remove what was not used for longest until `limit` bytes are left at
/// most. Returns how many bytes went. Throws likewise.
std::uint64_t cap_cache(const EngineChoice& choice, std::uint64_t limit);

}  // namespace cooper::engine::buildkit
