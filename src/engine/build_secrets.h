#pragma once
// What RUN instructions may use and no image, cache, log or command line may hold.

#include <filesystem>
#include <string>
#include <vector>

namespace cooper::engine {

/// For `RUN --mount=type=secret,id=...`.
struct Secret {
  std::string id;
  std::string value;  ///< any bytes
  bool operator==(const Secret&) const = default;
};

/// An ssh agent for `RUN --mount=type=ssh,id=...`.
struct SshAgent {
  std::string id;                ///< "default" is what a mount without one gets
  std::filesystem::path socket;  ///< absolute
  bool operator==(const SshAgent&) const = default;
};

struct BuildSecrets {
  std::vector<Secret> secrets;
  std::vector<SshAgent> agents;

  bool empty() const noexcept { return secrets.empty() && agents.empty(); }
  bool operator==(const BuildSecrets&) const = default;
};

}  // namespace cooper::engine
