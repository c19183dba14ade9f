#pragma once
// Starting a supervisor, and what the two processes say to each other.

#include "base/error.h"
#include "build/command_streams.h"
#include "model/names.h"
#include "store/deploy_lock.h"
#include "store/layout.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::build {

/// Base name of the program; `--id` names its build to it, and the process to us.
inline constexpr std::string_view kSupervisorName = "cooper-supervisor";

/// Of <prefix>/bin/cooper: <prefix>/libexec/cooper/cooper-supervisor. Throws
/// Error{unavailable} if it can't be run.
std::filesystem::path supervisor_program();

/// What a supervisor writes into its `ready` descriptor once its record is durable;
/// if it can't start, an error's line (base/error_line.h).
inline constexpr std::string_view kStarted = "ok\n";

/// What is handed to a supervisor, which has copies of it then.
struct HandedOn {
  int lock = -1;    ///< the app's deploy lock; -1: the supervisor waits for its turn
  int ticket = -1;  ///< of a build that counts among those of the host (build/queue.h)
  const CommandStreams* streams = nullptr;    ///< of a tracked command
  int secrets = -1;                           ///< of a build (see secret_memory.h)
  std::vector<std::string> environment = {};  ///< changes to ours (process::own_environment)
};

/// Starts `cooper-supervisor` for a build whose source and request are stored,
/// in a session of its own. Returns when its record is durable: running, or queued. Throws what the
/// supervisor could not do, or Error{unavailable} if it is not installed.
void start_supervisor(const store::Layout& layout, const AppName& app, const BuildId& id,
                      const HandedOn& handed_on);
/// The same for a deploy.
void start_supervisor(const store::Layout& layout, const AppName& app, const BuildId& id,
                      const store::DeployLock& lock, const CommandStreams& streams = {});

}  // namespace cooper::build
