#include "rack/starting.h"

#include "base/error.h"
#include "base/file.h"
#include "build/plan.h"
#include "build/prune.h"
#include "build/queue_resume.h"
#include "build/secret_memory.h"
#include "build/settings.h"
#include "build/start.h"
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
  build::BuildRequest kept = request;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* redact = std::getenv("COOPER_REDACT");
  kept.has_redact_variable = redact && *redact;
  write_file_durably(folder, files_.request.filename(), build::to_json(kept), 0600);
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

namespace {

/// Among all that wait for a turn of the app. Under a Dokku root there is no such order.
class PlaceInLine {
 public:
  PlaceInLine(const store::FileStore& store, const AppName& app) : queue_(store), app_(app) {
    if (!store.layout().is_dokkus()) is_wanted_ = queue_.is_wanted(app);
  }
  ~PlaceInLine() {
    if (!ticket_) return;
    try {
      queue_.leave(std::move(*ticket_));
    } catch (const Error&) {  // boundary: who is gone has no place
    }
  }
  PlaceInLine(const PlaceInLine&) = delete;
  PlaceInLine& operator=(const PlaceInLine&) = delete;

  bool may_try() { return ticket_ ? queue_.is_turn_of(*ticket_) : !is_wanted_; }
  /// Comes behind those who wait.
  void enter(const store::Layout& layout) {
    if (ticket_ || layout.is_dokkus()) return;
    ticket_ = queue_.enter({.app = app_, .id = new_build_id(), .what = build::TicketFor::deploy});
  }

  /// Why it waits; empty: there is no line.
  std::string why() { return ticket_ ? queue_.why(*ticket_) : ""; }

 private:
  build::Queue queue_;
  AppName app_;
  bool is_wanted_ = false;
  std::optional<build::HeldTicket> ticket_;
};

std::string why_it_waits(const store::Layout& layout, const AppName& app, const std::string& holder,
                         PlaceInLine& place) {
  const bool is_held = !holder.empty() || store::DeployLock::look(layout, app).held;
  const std::string why = is_held ? "" : place.why();
  if (!why.empty()) return "the deploy of app " + app.str() + " waits: " + why;
  return "app " + app.str() + " is being deployed" + (holder.empty() ? "" : " by build " + holder) +
         ": waiting for its turn";
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
  PlaceInLine place(store, app);
  for (;;) {
    // Who does not wait stands in no line.
    const bool may_try = if_locked == IfLocked::fail || place.may_try();
    if (auto lock = may_try ? store::DeployLock::try_acquire(layout, app) : std::nullopt) {
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
      progress.notice(why_it_waits(layout, app, holder, place));
      said = true;
    }
    if (if_locked == IfLocked::wait) place.enter(layout);
    std::this_thread::sleep_for(said ? 50ms : 5ms);
  }
}

namespace {

Error as_many_as_may(const AppName& app) {
  return Error(Errc::conflict,
               "app " + app.str() + " can't be built now: as many builds run as may, or it waits",
               "`cooper queue` lists them; without --no-wait cooper waits for its turn");
}

void require_not_ours(const store::Layout& layout, const AppName& app) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* around = std::getenv("COOPER_BUILD_ID");
  const std::string holder = around ? store::DeployLock::holder(layout, app) : "";
  if (!holder.empty() && holder == around) throw is_our_own(app, holder);
}

}  // namespace

BuildStart::BuildStart(store::FileStore& store, const AppName& app, IfLocked if_locked,
                       StartProgress& progress, std::stop_token stop)
    : store_(store), app_(app), progress_(progress), stop_(std::move(stop)) {
  if (if_locked == IfLocked::wait) return;
  lock_.emplace(wait_for_lock(store_, app_, if_locked, progress_, stop_));
  if (store_.layout().is_dokkus()) return;
  ticket_ = build::Queue(store_).enter_at_once({.app = app_, .id = id_});
  if (!ticket_) throw as_many_as_may(app_);
}

BuildStart::~BuildStart() {
  if (!ticket_) return;
  try {
    build::Queue(store_).leave(std::move(*ticket_));
  } catch (const Error&) {  // boundary: who is gone has no place
  }
}

void BuildStart::enter(const build::BuildRequest& request) {
  std::vector<std::string> warnings;  // of properties: the build's log has them
  const build::Settings settings = build::read_settings(store_, app_, warnings);
  const build::QueueWish wish{.app = app_,
                              .id = id_,
                              .branch = request.branch,
                              .key = build::supersede_key(request),
                              .supersede = settings.supersede};
  build::Queue queue(store_);
  if (ticket_) return queue.describe(*ticket_, wish);
  require_not_ours(store_.layout(), app_);
  ticket_ = queue.enter(wish);
}

void BuildStart::run(const build::BuildRequest& request, const engine::BuildSecrets& secrets,
                     const std::function<void()>& last_check) {
  const store::Layout& layout = store_.layout();
  if (!lock_ && layout.is_dokkus()) {
    lock_.emplace(wait_for_lock(store_, app_, IfLocked::wait, progress_, stop_));
  }
  if (last_check) last_check();
  if (stop_.stop_requested()) throw Error(Errc::canceled, "canceled before the build began");
  if (!layout.is_dokkus()) enter(request);
  const Fd memory = build::to_memory(secrets);
  build::start_supervisor(layout, app_, id_,
                          {.lock = lock_ ? lock_->lock().fd() : -1,
                           .ticket = ticket_ ? ticket_->file.get() : -1,
                           .secrets = memory.get()});
  if (lock_) lock_->handed_on();
  ticket_.reset();  // the supervisor has it
  after_start();
}

void BuildStart::after_start() {
  try {
    for (const std::string& line : build::resume_queue(store_)) progress_.notice(line);
  } catch (const Error& error) {  // boundary: this build has begun; others are not its matter
    if (error.code() != Errc::denied) progress_.notice(error.message());
  }
}

}  // namespace cooper::rack
