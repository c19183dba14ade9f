#pragma once
// The containers that one deploy makes in one engine.

#include "build/app_containers.h"
#include "build/deployer.h"
#include "build/service_plan.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::build {

/// Makes, watches and removes them. One thread at a time.
class ServiceContainers {
 public:
  /// What it borrows must outlive it.
  struct Parts {
    const DeployParts& deploy;
    const ContainerPlace& place;
    const engine::Containers& containers;
    std::string root;                             ///< the data root's id
    std::function<void(const std::string&)> say;  ///< a line for the log
  };
  explicit ServiceContainers(Parts parts) : parts_(std::move(parts)) {}

  /// A trial is made to be removed: none of its ports is a fixed one.
  enum class Role : std::uint8_t { lasting, trial };
  struct Started {
    std::string name;  ///< "web.1", for the log
    std::string id;
    std::optional<manifest::HealthCheck> health;
    std::chrono::steady_clock::time_point since;
  };

  /// Has the service's image in the engine, pulled if it is in a registry alone, and knows
  /// which ports that exposes. Throws Error.
  void prepare(ServicePlan& service, const std::stop_token& stop) const;
  /// Of this deploy alone, so that its services find each other and no others by their names.
  /// Throws Error.
  void make_network();
  /// Throws Error; then remove_everything() has work to do.
  Started start(const ServicePlan& service, unsigned instance, Role role);
  /// Returns when all of them answer their health checks, or have stayed up for a while. Throws
  /// Error if one can't be, after its last lines went into the log; Error{canceled}.
  void wait_until_healthy(std::vector<Started> waiting, const std::stop_token& stop) const;
  /// Throws Error.
  void remove(const Started& container);
  /// All of them, and the network. What can't be removed is said.
  void remove_everything();

 private:
  std::vector<engine::PortMapping> ports_of(const ServicePlan& service, unsigned instance,
                                            Role role) const;
  engine::NewContainer describe(const ServicePlan& service, unsigned instance, Role role) const;
  bool is_healthy(const Started& started, const std::stop_token& stop, std::string& why) const;
  [[noreturn]] void fail(const Started& started, const std::string& why) const;
  const Settings& settings() const { return parts_.deploy.settings; }

  Parts parts_;
  std::vector<std::string> made_;  // ids
  bool has_network_ = false;
};

}  // namespace cooper::build
