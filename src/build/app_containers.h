#pragma once
// All containers of one app on this host, wherever they run.

#include "build/container_place.h"
#include "store/file_store.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::build {

// Labels of a container, besides those that an image of ours has, too.
inline constexpr const char* kDeployLabel = "cooper.deploy";  ///< which one made it
inline constexpr const char* kReleaseLabel = "cooper.release";
inline constexpr const char* kServiceLabel = "cooper.service";
inline constexpr const char* kInstanceLabel = "cooper.instance";  ///< from 1
inline constexpr const char* kHealthLabel = "cooper.health";      ///< path that is asked for ...
inline constexpr const char* kHealthPortLabel = "cooper.health-port";  ///< ... at this port
inline constexpr const char* kStopLabel = "cooper.stop-timeout";       ///< seconds

/// "web.1": which of the app's it is.
std::string instance_name(const engine::Container& container);

/// How long it may take to end.
std::chrono::seconds stop_timeout_of(const engine::Container& container);

/// A container, and the engine that has it.
struct OwnedContainer {
  const engine::Containers* containers = nullptr;
  ContainerPlace place;
  engine::Container container;
};

/// The open engines of an app, as its note has them.
class AppContainers {
 public:
  /// Asks nobody. Throws Error{corrupt}, and Error{unavailable} if Podman can't be started.
  AppContainers(const store::Layout& layout, const AppName& app);

  /// nullopt: the app never had containers.
  const std::optional<ContainerNote>& note() const noexcept { return note_; }
  /// Of one of the note's places.
  const engine::Containers& at(const ContainerPlace& place) const;
  /// Those that this data root made for the app, of all deploys. Throws Error.
  std::vector<OwnedContainer> list() const;
  /// Removes the networks of deploys that `is_over` says. Throws Error.
  void remove_networks(const std::function<bool(const std::string& deploy)>& is_over) const;

 private:
  struct Open {
    ContainerPlace place;
    std::unique_ptr<ContainerHost> host;
  };
  AppName app_;
  std::string root_;
  std::optional<ContainerNote> note_;
  std::vector<Open> open_;
};

/// Of the network of one deploy.
std::string network_name(const AppName& app, const std::string& deploy);

/// Labels that tell the containers of this root and app from all others.
std::map<std::string, std::string> own_labels(const std::string& root, const AppName& app);

/// Why the container does not answer its health check in time; empty: it does; nullopt: it has
/// none. Throws Error{canceled} on a stop request.
std::optional<std::string> health_problem(const engine::Container& container,
                                          std::chrono::milliseconds limit,
                                          const std::stop_token& stop = {});

/// Removes the containers and networks of deploys that are over and did not make their release
/// the active one, or whose release is that no more; starts those of the active release that a
/// deploy had stopped which is over. Does nothing for an app without containers. Throws Error.
void settle_containers(const store::FileStore& store, const AppName& app);

/// Stops the containers of the active release until the next deploy. Returns how many ran.
/// The caller holds the deploy lock. Throws Error.
std::size_t stop_containers(const store::FileStore& store, const AppName& app);

/// Removes all containers of the app, which is to be deleted. Throws Error.
void remove_containers(const store::FileStore& store, const AppName& app);

}  // namespace cooper::build
