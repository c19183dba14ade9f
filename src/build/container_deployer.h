#pragma once
// Runs a release's services as containers of this host.

#include "build/app_containers.h"
#include "build/deployer.h"
#include "build/service_containers.h"
#include "log/capture.h"

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::build {

/// Starts the release's containers beside those that are active, waits until they are healthy,
/// then makes the release the active one and stops the others. A container that needs a port
/// of the host which an active one holds is tried at a free port first; then the active one is
/// stopped, and the new one started in its place. If anything fails before the release is the
/// active one, what was stopped runs again, and what was made is gone.
class ContainerDeployer : public Deployer {
 public:
  explicit ContainerDeployer(const DeployParts& parts) : parts_(parts) {}

  Outcome deploy() override;

 private:
  /// A container of the release that was active before.
  struct Old {
    OwnedContainer owned;
    bool was_stopped = false;  ///< by this deploy
  };

  Outcome work(const std::stop_token& stop);
  void remove_leftovers();
  void open_engines();
  void run_new_ones(const std::stop_token& stop);
  std::vector<std::size_t> in_the_way_of(const ServicePlan& service) const;
  void replace(const std::vector<const ServicePlan*>& services, const std::stop_token& stop);
  void make_way(std::size_t index);
  void end_old_ones();
  void undo();
  void say(const std::string& line);
  void warn(const Error& error) { say("warning: " + error.message()); }
  bool on_host_network() const { return parts_.settings.network == "host"; }

  DeployParts parts_;
  log::OutputClock clock_;
  std::vector<ServicePlan> services_;
  ContainerPlace place_;
  ContainerNote note_;
  std::optional<AppContainers> engines_;
  std::optional<ServiceContainers> new_ones_;
  std::vector<Old> old_ones_;
};

}  // namespace cooper::build
