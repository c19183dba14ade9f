#pragma once
// Which engine runs an app's containers, and what is remembered of that.

#include "build/settings.h"
#include "engine/containers.h"
#include "engine/podman.h"
#include "model/names.h"
#include "store/layout.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::build {

/// One engine of this host.
struct ContainerPlace {
  engine::ContainerApi api = engine::ContainerApi::docker;
  std::string socket;  ///< of a Docker Engine; empty for Podman, which has none
  bool operator==(const ContainerPlace&) const = default;
};

/// "Docker Engine at /run/docker.sock", "Podman"
std::string name_of(const ContainerPlace& place);

/// Where the images are: of a build by this engine (as its record names it). Of one that left
/// them in a registry alone: a Docker Engine, if one is there. Throws Error{invalid}.
ContainerPlace choose_place(Runtime wish, std::string_view build_engine);

/// An open way to the engine.
class ContainerHost {
 public:
  /// Throws Error{unavailable} if Podman can't be started; whether a Docker Engine answers,
  /// the first call tells.
  explicit ContainerHost(const ContainerPlace& place);
  const engine::Containers& containers() const noexcept { return *containers_; }

 private:
  std::unique_ptr<engine::PodmanService> podman_;
  std::optional<engine::Containers> containers_;
};

/// What an app's folder says of its containers: `containers.json`, written before the first
/// one is made.
struct ContainerNote {
  std::vector<ContainerPlace> places;  ///< where there may be some
  bool stopped = false;                ///< by `ps:stop`: what is not running shall not be
  std::vector<std::string> stopping;   ///< ids of active ones that a deploy is stopping, or has
  bool operator==(const ContainerNote&) const = default;
};

/// nullopt: the app never had containers. Throws Error{corrupt}.
std::optional<ContainerNote> read_note(const store::Layout& layout, const AppName& app);
/// Durable. Throws Error.
void write_note(const store::Layout& layout, const AppName& app, const ContainerNote& note);

}  // namespace cooper::build
