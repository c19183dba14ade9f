#pragma once
// The one process that runs one build.

#include "base/fd.h"
#include "build/command_streams.h"
#include "build/queue.h"
#include "engine/choose.h"
#include "model/names.h"
#include "store/layout.h"

namespace cooper::build {

/// What a supervisor is started with: for an image build or a tracked command. It leads its own
/// session; SIGQUIT, SIGTERM and SIGINT to it cancel the build.
struct SupervisorTask {
  store::Layout layout;
  AppName app;
  BuildId id;
  Fd deploy_lock;  ///< held until the build is over; empty: its turn is waited for, with a ticket
  Fd ready;  ///< gets "ok\n" once the record is durable, else "ERROR CODE MESSAGE\n"; then closed
  std::optional<HeldTicket> ticket = {};  ///< of a build that counts among those of the host
  CommandStreams streams;                 ///< of a tracked command
  Fd secrets;                             ///< see secret_memory.h
  engine::EngineMaker make_engine;
};

/// Runs the build from its stored source and request to its finalized record.
/// Returns the process's exit code: 0 if the build succeeded, else 1.
int supervise(SupervisorTask task);

}  // namespace cooper::build
