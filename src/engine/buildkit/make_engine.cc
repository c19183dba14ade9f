#include "engine/buildkit/make_engine.h"

#include "engine/buildah.h"
#include "engine/buildkit/buildkit_engine.h"

namespace cooper::engine {

std::unique_ptr<Engine> make_engine(const EngineChoice& choice, BuildContext context) {
  switch (choice.kind) {
    case EngineKind::buildah:
      return std::make_unique<BuildahEngine>(std::move(context));
    case EngineKind::docker:
    case EngineKind::buildkit:
      return std::make_unique<buildkit::BuildkitEngine>(choice, std::move(context));
  }
  return nullptr;
}

}  // namespace cooper::engine
