#pragma once
// What an image is made from, as one digest: two builds whose images have the same
// key would make the same image.

#include "engine/engine.h"
#include "source/content_digests.h"

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace cooper::build {

/// An image that another is made from: its reference as written, and "sha256:<64 hex>".
using BaseImage = std::pair<std::string, std::string>;

/// What an image is made from.
struct ImageOrigin {
  std::string context;           ///< digest of the files that the build sees, 64 hex
  std::string dockerfile;        ///< of the Dockerfile, 64 hex
  std::vector<BaseImage> bases;  ///< by reference
  std::string key;  ///< of all this and of how it is built, 64 hex; empty: told too late
};

/// The build's source as files.
struct SourceFiles {
  std::filesystem::path folder;
  std::string tree;                       ///< digest of all of it, 64 hex; empty: not known
  const source::ContentDigests& digests;  ///< of the files, as far as they are known; borrowed
};

/// The origin of an image that `engine` would make now. nullopt if it can't be told:
/// a base whose digest is not known without pulling it, a variable in FROM without a
/// value, an ADD from the network, another platform, a frontend from a registry; and for
/// services with `image:` and images that are imported, which are never made. The context is seen
/// as the `.dockerignore` beside it says; a
/// `.containerignore` or an ignore file of the Dockerfile's own, which engines read
/// differently, makes every file count.
///
/// `source` tells what need not be read. Throws Error.
std::optional<ImageOrigin> origin_of(const engine::ImageRequest& request, engine::Engine& engine,
                                     const SourceFiles& source, std::stop_token stop);

}  // namespace cooper::build
