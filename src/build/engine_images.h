#pragma once
// What a build has in the engine that made it.

#include "engine/engine.h"
#include "model/build.h"
#include "store/file_store.h"

#include <memory>

namespace cooper::build {

/// Where the build's images are; nullptr: nowhere that we could reach.
std::unique_ptr<engine::ImageKeeper> keeper_of(const store::FileStore& store, const Build& build);

/// Removes what is named as this build's images. What its record calls them is
/// not asked: it may be unfinished, or somebody else's writing. Throws Error.
void remove_images(const store::Layout& layout, engine::ImageKeeper& keeper, const Build& build);

/// A Docker Engine pushes what bears the registry's name, and has it so for the time
/// of the push. A build that vanished did not get to take it off again. Throws Error.
void remove_pushed_names(const store::Layout& layout, engine::ImageKeeper& keeper,
                         const Build& build);

/// Did an engine work on it, or could it have begun to? There may be none for the
/// deploys of others, nor on this host.
bool has_engine(const store::FileStore& store, const Build& build);

}  // namespace cooper::build
