// LocalRack::start_command: from a command line to a running supervisor.

#include "build/start.h"
#include "rack/local_rack.h"
#include "rack/starting.h"

namespace cooper::rack {

void LocalRack::ensure_app(const AppName& name) {
  if (store_.find_app(name)) return;
  try {
    store_.create_app(name);
  } catch (const Error& error) {  // adapter: another first build was quicker
    if (error.code() != Errc::conflict) throw;
  }
}

Build LocalRack::start_command(const StartCommand& start, StartProgress& progress,
                               std::stop_token stop) {
  ensure_app(start.app);
  const BuildId id = new_build_id();
  StoredSource stored(layout_, layout_.build(start.app, id));
  stored.add_request(start.request);
  StartLock lock = wait_for_lock(store_, start.app, start.if_locked, progress, stop);
  build::start_supervisor(layout_, start.app, id, lock.lock(), start.streams);
  lock.handed_on();
  stored.keep();
  return require_build(start.app, id);
}

}  // namespace cooper::rack
