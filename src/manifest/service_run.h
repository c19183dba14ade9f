#pragma once
// convox.yml, as far as running its services on one host is concerned.

#include "manifest/manifest.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::manifest {

struct Port {
  std::uint16_t number = 0;
  std::string protocol = "tcp";  ///< tcp or udp
  bool operator==(const Port&) const = default;
};

/// A GET that a healthy container answers with a status from 200 to 399.
struct HealthCheck {
  std::string path = "/";         ///< begins with "/"
  std::uint16_t port = 0;         ///< never 0
  std::chrono::seconds grace{5};  ///< before a failure counts
  std::chrono::seconds timeout{4};
  bool operator==(const HealthCheck&) const = default;
};

/// How a service runs. What is not in the manifest has Convox's default, where that makes sense
/// on one host.
struct ServiceRun {
  ServiceName name;
  std::vector<Port> ports;           ///< that of `port` first, then those of `ports`
  std::vector<std::string> command;  ///< words; empty: the image's own
  std::optional<HealthCheck> health;
  unsigned count = 1;                                ///< of containers; 0: it does not run
  std::uint64_t memory = 0;                          ///< bytes; 0: no limit
  std::uint32_t cpus = 0;                            ///< thousandths of a processor; 0: no limit
  std::optional<std::chrono::seconds> stop_timeout;  ///< `termination: {grace: ...}`
  /// The manifest's, then the service's own. Empty: neither lists any.
  std::vector<EnvironmentEntry> environment;
  bool operator==(const ServiceRun&) const = default;
};

/// Reads how the services of a manifest run: `port`, `ports`, `command`, `health`, `scale`,
/// `termination` and `environment`. Error{invalid} as parse_manifest has it. An empty text is
/// default_manifest().
[[nodiscard]] Result<std::vector<ServiceRun>> parse_services_to_run(
    std::string_view text, const ParseOptions& options = {});

/// A command line's words as a shell has them: white space separates, quotes and backslashes
/// keep; nothing is expanded. nullopt if a quote is not closed.
std::optional<std::vector<std::string>> shell_words(std::string_view line);

}  // namespace cooper::manifest
