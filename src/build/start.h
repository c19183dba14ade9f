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

namespace cooper::build {

/// Base name of the program; `--id` names its build to it, and the process to us.
inline constexpr std::string_view kSupervisorName = "cooper-supervisor";

/// Of <prefix>/bin/cooper: <prefix>/libexec/cooper/cooper-supervisor. Throws
/// Error{unavailable} if it can't be run.
std::filesystem::path supervisor_program();

/// What a supervisor writes into its `ready` descriptor once its record is durable;
/// if it can't start, an error's line (base/error_line.h).
inline constexpr std::string_view kStarted = "ok\n";

/// Starts `cooper-supervisor` for a build whose source and request are stored,
/// in a session of its own, and hands it the deploy lock and, for a tracked command,
/// copies of its streams, or a build's secrets (see secret_memory.h). Returns when its
/// running record is durable. Throws what the supervisor could not do, or
/// Error{unavailable} if it is not installed.
void start_supervisor(const store::Layout& layout, const AppName& app, const BuildId& id,
                      const store::DeployLock& lock, const CommandStreams& streams = {},
                      const Fd& secrets = Fd());

}  // namespace cooper::build
