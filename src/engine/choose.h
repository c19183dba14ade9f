#pragma once
// Which engine makes a build's images, and why that one.

#include "engine/engine.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine {

enum class EngineKind { buildah, docker, buildkit };

std::string_view to_string(EngineKind kind) noexcept;

/// What was asked for: a flag's or property's words.
struct EngineWish {
  std::string engine = "auto";           ///< auto, buildah, docker or buildkit
  std::vector<std::string> buildkit;     ///< where BuildKit daemons listen (daemons.h)
  std::filesystem::path buildkit_certs;  ///< folder with ca.pem, cert.pem and key.pem for tcp
  std::string app;  ///< whose build it is: it stays with one of several daemons
};

struct EngineChoice {
  EngineKind kind = EngineKind::buildah;
  std::string address;          ///< docker: the socket's path; buildkit: unix:///... or tcp://...
  std::filesystem::path certs;  ///< of buildkit, as in the wish
  std::string why;              ///< "nothing answers at /var/run/docker.sock"
  std::vector<std::string> others;  ///< daemons to try, in this order, if that one can't be reached
};

/// What makes the engine of a choice: the program's door wires it, so that only
/// programs that build images link what all engines need.
using EngineMaker =
    std::function<std::unique_ptr<Engine>(const EngineChoice& choice, BuildContext context)>;

/// Does `text` name one (auto included)?
bool is_engine_name(std::string_view text) noexcept;
/// The Docker Engine's socket: DOCKER_HOST if set, else /var/run/docker.sock, else
/// a user's own. Throws Error{invalid} if DOCKER_HOST names no unix socket.
std::filesystem::path docker_socket();

/// `auto`: a configured BuildKit daemon, else a Docker Engine that answers, else
/// buildah. A named engine, or a daemon, is taken without a look at it. Throws
/// Error{invalid} if `buildkit` is asked for and none is configured.
EngineChoice choose_engine(const EngineWish& wish);

/// Is it reached without a network, so that what it runs may be limited by this host's
/// control groups?
bool may_run_on_this_host(const EngineChoice& choice) noexcept;

/// One engine as `cooper engines` shows it.
struct EngineReport {
  EngineKind kind = EngineKind::buildah;
  std::string version;  ///< empty: not known
  std::string place;    ///< program or address
  std::string missing;  ///< why it can't be used; empty: it can
  std::string chosen;   ///< why `wish` leads to it; empty: it does not
};

/// Looks at all engines, each daemon on its own. `cache`: BuildContext::cache.
std::vector<EngineReport> survey_engines(const EngineWish& wish,
                                         const std::filesystem::path& cache);

/// Where a build's images are, by the engine's name in its record. A remote
/// BuildKit daemon keeps none: nullptr. Throws Error if buildah is needed and not
/// there.
std::unique_ptr<ImageKeeper> keeper_of(std::string_view recorded_engine, BuildContext context);

}  // namespace cooper::engine
