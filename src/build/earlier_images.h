#pragma once
// Images of the app's earlier builds, to use again where nothing changed.

#include "build/provenance.h"
#include "engine/engine.h"
#include "source/content_digests.h"
#include "store/layout.h"

#include <map>
#include <optional>
#include <stop_token>
#include <string>

namespace cooper::build {

/// Thread-safe.
class EarlierImages {
 public:
  enum class Use { allowed, forbidden };
  /// Reads the newest statements of the app. What is given is borrowed.
  EarlierImages(const store::Layout& layout, const AppName& app, engine::Engine& engine,
                SourceFiles source, Use use);

  /// nullopt also if the engine fails to tell: such an image is simply made.
  std::optional<ImageOrigin> origin(const engine::ImageRequest& request,
                                    std::stop_token stop) const;
  /// Gives the image of an earlier build with this key the names that `request` asks
  /// for. nullopt if there is none, or if images are being removed for too long. Throws
  /// Error{canceled} if it had to wait and `stop` was requested.
  std::optional<EarlierImage> use(const std::string& key, const engine::ImageRequest& request,
                                  std::stop_token stop) const;

 private:
  const store::Layout& layout_;
  engine::Engine& engine_;
  SourceFiles source_;
  std::map<std::string, EarlierImage> by_key_;
};

}  // namespace cooper::build
