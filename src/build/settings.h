#pragma once
// Properties that steer a build: `config/builds/<app>|--global/<key>`.

#include "build/publish.h"
#include "engine/choose.h"
#include "model/retention.h"
#include "process/cgroup.h"
#include "source/fetch.h"
#include "store/store.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cooper::build {

/// What becomes of a `# syntax=` line, which has BuildKit pull and run a frontend
/// from a registry: that is done; the engine's own is used; the build fails.
enum class SyntaxLines : std::uint8_t { allow, builtin, deny };

/// What deploys a release: nothing, as the release itself is the result; a command of the
/// operator's; or cooper, which runs its services as containers on this host.
enum class DeployerKind : std::uint8_t { none, command, containers };

/// What runs containers: the engine that has the images, or this one.
enum class Runtime : std::uint8_t { automatic, docker, podman };

/// Which earlier builds of the same app and branch a newer one takes the place of: none, those
/// that wait for their turn, or the one that runs as well.
enum class Supersede : std::uint8_t { off, queued, running };

/// What the properties of an app come to: its own, else the global, else the default.
struct Settings {
  std::chrono::seconds timeout{6 * 3600};   ///< of the whole build; 0: none
  std::chrono::seconds stall_timeout{0};    ///< without any output; 0: none
  process::Limits limits;                   ///< of all processes of a build
  std::uint64_t log_limit = 256ULL << 20;   ///< bytes of a build's log; 0: no limit
  std::uint64_t disk_min = 500ULL << 20;    ///< bytes that must be free before a build; 0: any
  std::uint64_t cache_limit = 20ULL << 30;  ///< bytes of an engine's build cache; 0: no limit
  unsigned concurrency = 0;  ///< builds of all apps that run at once; 0: one for each core
  Supersede supersede = Supersede::queued;
  RetentionPolicy retention;
  bool syslog = false;  ///< each line of the log goes to syslog as well
  engine::EngineWish engine;
  SyntaxLines syntax = SyntaxLines::builtin;
  std::string registry;  ///< repository that images are pushed to; empty: none
  std::string cache;     ///< as the property says (build/registry.h); empty: it does not
  DeployerKind deployer = DeployerKind::none;
  std::string deploy_command;            ///< path of the program; empty: none is named
  Runtime runtime = Runtime::automatic;  ///< this and the rest: of the deployer `containers`
  std::string network = "own";  ///< "own": one for each deploy; "host"; else an existing one's name
  std::vector<Publish> publish;
  std::chrono::seconds health_timeout{60};  ///< until a new container is healthy
  std::chrono::seconds stop_timeout{30};    ///< for a container to end by itself
  source::FetchPolicy fetch;
  std::uint64_t unpack_limit = 4ULL << 30;  ///< bytes that an archive's files may have together
  std::string webhook_secret;  ///< what webhooks of the app's are signed with; empty: none is taken
  std::string webhook_url;     ///< the repository that they are about; empty: none is taken
  std::string syslog_prefix = "dokku-";  ///< what syslog and the journal call a build: this, its id
};

/// A stored value that does not parse is skipped with a warning and the next
/// level applies.
Settings read_settings(const store::Store& store, const AppName& app,
                       std::vector<std::string>& warnings);
/// The same; null: only what holds for all apps.
Settings read_settings(const store::Store& store, const AppName* app,
                       std::vector<std::string>& warnings);

/// The app's environment: that of its newest release; empty if it has none.
std::map<std::string, std::string> environment_of(const store::Store& store, const AppName& app);

}  // namespace cooper::build
