#pragma once
// What a data root and its images take on this host, and what of it nobody needs.

#include "build/settings.h"
#include "store/file_store.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cooper::build {

/// One line of `cooper system df`.
struct DiskItem {
  std::string where;        ///< the data root's path, or an engine: "docker 20.10.24"
  std::string what;         ///< "logs and steps"
  std::uint64_t count = 0;  ///< files or images; 0 also where nothing is counted
  std::uint64_t bytes = 0;  ///< on the disk; of images those that they share with no other
};

/// Of images those that bear this root's label, and those that are named for its builds.
/// `warnings` gets a line for each engine that can't tell. `settings`: those of all apps, which
/// name the BuildKit daemons. Throws Error.
std::vector<DiskItem> disk_use(const store::FileStore& store, const Settings& settings,
                               std::vector<std::string>& warnings);

/// What was, or would be, removed from one engine.
struct EnginePruned {
  std::string engine;
  std::vector<std::string> images;  ///< names, and ids of those that have none
  std::uint64_t image_bytes = 0;    ///< freed by that
  std::uint64_t cache_bytes = 0;    ///< freed from the build cache
  std::vector<std::string> warnings;
};

/// Removes names and images that bear this data root's label (docs/engines.md) and
/// whose build is gone, and caps build caches at `settings.cache_limit` (those of BuildKit
/// daemons, which other hosts may use, only if that was set by somebody). No
/// image without that label goes, none of a build that is there, or that a release
/// names, and no name that cooper does not give. Throws Error if the records can't be
/// listed: then nothing is removed.
std::vector<EnginePruned> prune_engines(const store::FileStore& store, const Settings& settings);

/// What prune_engines would do now. Changes nothing.
std::vector<EnginePruned> would_prune_engines(const store::FileStore& store,
                                              const Settings& settings);

}  // namespace cooper::build
