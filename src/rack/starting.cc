#include "rack/starting.h"

#include "base/error.h"
#include "base/file.h"
#include "build/plan.h"
#include "build/prune.h"
#include "store/folders.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace cooper::rack {

void mark_in_use(const Fd& file) {
  using namespace std::chrono_literals;
  // Who looks for leftovers holds it alone, for a moment.
  const auto deadline = std::chrono::steady_clock::now() + 1s;
  while (::flock(file.get(), LOCK_SH | LOCK_NB) != 0) {
    if (errno != EINTR && (errno != EWOULDBLOCK || std::chrono::steady_clock::now() > deadline)) {
      throw_errno("lock the source");
    }
    std::this_thread::sleep_for(1ms);
  }
}

StoredSource::~StoredSource() {
  if (kept_) return;
  ::unlink(files_.source.c_str());
  ::unlink(files_.request.c_str());
}

void StoredSource::add_request(const build::BuildRequest& request) {
  const Fd folder = store::make_folder(layout_, files_.request.parent_path(), 0700);
  write_file_durably(folder, files_.request.filename(), build::to_json(request), 0600);
  Fd file = open_file(files_.request, O_RDONLY);
  mark_in_use(file);
  hold(std::move(file));
}

StartLock::~StartLock() {
  if (lock_.fd() < 0) return;
  try {
    std::move(lock_).release(layout_, app_);
  } catch (const Error&) {  // boundary: it is free all the same
  }
}

std::string image_manifest(const ServiceName& service, const std::string& image) {
  return "services:\n  " + service.str() + ":\n    image: " + image + "\n";
}

void require_image_names(const AppName& app) {
  if (build::can_name_images(app)) return;
  throw Error(Errc::invalid, "no image can be named after app " + app.str(),
              "to be built, an app has a name of lowercase letters and digits, between them '-' or "
              "single dots, with at most 63 characters");
}

namespace {

Error is_locked(const AppName& app, const std::string& holder) {
  return Error(
      Errc::conflict,
      "app " + app.str() + " is being deployed" + (holder.empty() ? "" : " by build " + holder),
      "without --no-wait cooper waits for its turn");
}

/// A build that waits for the one that runs it would wait for ever.
Error is_our_own(const AppName& app, const std::string& holder) {
  return Error(
      Errc::conflict,
      "build " + holder + ", which runs this command, holds the deploy lock of app " + app.str(),
      "what a deploy of an app runs can't start another one of the same app");
}

/// Its record has ended: the lock will be free in a moment.
bool is_over(const store::FileStore& store, const AppName& app, const std::string& holder) {
  const auto id = BuildId::parse(holder);
  try {
    const auto build = id ? store.find_build(app, *id) : std::nullopt;
    return build && is_terminal(build->status);
  } catch (const Error&) {  // adapter: what can't be read can't be over
    return false;
  }
}

}  // namespace

StartLock wait_for_lock(store::FileStore& store, const AppName& app, IfLocked if_locked,
                        StartProgress& progress, const std::stop_token& stop) {
  using namespace std::chrono_literals;
  const store::Layout& layout = store.layout();
  const char* around = std::getenv("COOPER_BUILD_ID");
  // Who has just taken it has not put its name in yet; who is about to free it is no obstacle.
  const auto named_by = std::chrono::steady_clock::now() + 1s;
  bool said = false;
  for (;;) {
    if (auto lock = store::DeployLock::try_acquire(layout, app)) {
      StartLock held(layout, app, std::move(*lock));
      try {
        for (const std::string& line : build::reap_before_start(store, app)) progress.notice(line);
      } catch (const Error& error) {  // boundary: what can't be read keeps no app from deploys
        progress.notice(std::string("abandoned builds can't be looked for: ") + error.what());
      }
      return held;
    }
    if (stop.stop_requested()) throw Error(Errc::canceled, "canceled before the build began");
    const std::string holder = said ? "" : store::DeployLock::holder(layout, app);
    const bool is_held = !holder.empty() && !is_over(store, app, holder);
    if (!said && (is_held || std::chrono::steady_clock::now() > named_by)) {
      if (around && holder == around) throw is_our_own(app, holder);
      if (if_locked == IfLocked::fail) throw is_locked(app, holder);
      progress.notice("app " + app.str() + " is being deployed" +
                      (holder.empty() ? "" : " by build " + holder) + ": waiting for its turn");
      said = true;
    }
    std::this_thread::sleep_for(said ? 50ms : 5ms);
  }
}

}  // namespace cooper::rack
