#pragma once
// What makes a release the one that runs.

#include "build/settings.h"
#include "log/log_file.h"
#include "log/redact.h"
#include "model/build.h"
#include "model/release.h"
#include "store/layout.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/types.h>

namespace cooper::build {

/// Deploys one release, once. Runs in the supervisor of the deploy, which must have called
/// block_end_signals() and be a subreaper.
class Deployer {
 public:
  virtual ~Deployer() = default;

  /// Does it all, and minds end requests and time limits (build/watch.h); a failure is an
  /// outcome, and then the release that was active before stays so. Touches no record.
  /// When it returns, no scratch file is left.
  virtual Outcome deploy() = 0;

  /// After deploy(): the log says all that there is to say of the end.
  virtual bool log_is_whole() const { return false; }
};

/// All of them must outlive the deployer.
struct DeployParts {
  const store::Layout& layout;
  const AppName& app;
  const BuildId& id;  ///< of the deploy
  const Release& release;
  const std::map<std::string, std::string>& pushed;  ///< service -> reference@digest in a registry
  std::string engine;                                ///< of the build, as its record names it
  /// Makes the release the active one, durably. A deployer that has to do more after that
  /// calls it; else whoever asked for the deploy does.
  std::function<void()> activate;
  const Settings& settings;
  mode_t umask;  ///< of whoever started it
  log::LogFile& log;
  const log::Redactor& redactor;
};

/// The deployer of `settings.deployer`. Throws as require_deployer does.
std::unique_ptr<Deployer> make_deployer(const DeployParts& parts);

/// Throws Error{invalid} if no deployer can be made with these settings of the app, and
/// Error{denied} if root would run what somebody else names: the data root is theirs.
void require_deployer(const Settings& settings, const store::Layout& layout, const AppName& app);

/// Throws Error{invalid} if the release can't be run with these settings, as far as that can be
/// told without asking anyone.
void require_runnable(const Settings& settings, const Release& release);

}  // namespace cooper::build
