#include "build/cancel.h"

#include "base/error.h"
#include "build/containment.h"
#include "build/outcome.h"
#include "build/prune.h"
#include "build/queue_resume.h"
#include "log/follow.h"
#include "log/log_file.h"
#include "process/alive.h"
#include "process/family.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace cooper::build {

namespace {

constexpr std::chrono::milliseconds kGrace{5000};

pid_t pid_of(const Build& build) { return static_cast<pid_t>(build.pid); }

constexpr std::chrono::seconds kPatience{60};

/// The supervisor prunes after its last word; then it is gone, too.
void wait_until_gone(const Build& build, std::chrono::steady_clock::time_point deadline) {
  while (process_lives(build) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

/// Of a build whose process is gone.
void end_vanished(store::FileStore& store, const Build& build) {
  if (build.status == Status::queued) {
    end_lost(store, build, canceled());
  } else {
    reap(store, build);
  }
}

/// Waits for what the supervisor does; reaps the build if that vanishes on the way.
Build wait_for_supervisor(store::FileStore& store, const Build& build) {
  Build latest = build;
  std::stop_source patience;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto state = [&] {
    latest = store.find_build(build.app, build.id).value_or(latest);
    if (is_terminal(latest.status)) return log::FollowState::ended;
    if (!process_lives(latest)) end_vanished(store, latest);
    if (std::chrono::steady_clock::now() > deadline) patience.request_stop();
    return log::FollowState::live;
  };
  const std::filesystem::path log = store.layout().build(build.app, build.id).log;
  std::error_code no_log_yet;
  const std::uint64_t end = std::filesystem::file_size(log, no_log_yet);
  log::Follower follower(log, {.from = no_log_yet ? 0 : end}, state);
  follower.run([](std::string_view) {}, patience.get_token());
  wait_until_gone(latest, deadline);
  if (!is_terminal(latest.status)) {
    throw Error(Errc::unavailable, "build " + build.id.str() + " has not ended after a minute",
                "its supervisor has pid " + std::to_string(build.pid));
  }
  return latest;
}

/// The last line of its log, as a supervisor writes it.
void end_log(const store::BuildFiles& files) {
  try {
    log::LogFile log = log::LogFile::open_existing(files.log, files.log_tails);
    log.append("Build canceled\n");
    log.sync();
  } catch (const Error&) {  // boundary: it has none, or the disk is full: the record tells
  }
}

[[noreturn]] void throw_left(const Build& build, const std::vector<pid_t>& left) {
  if (::kill(left[0], 0) != 0 && errno == EPERM) {
    throw Error(Errc::denied, "process " + std::to_string(left[0]) + " of build " + build.id.str() +
                                  " is another user's");
  }
  std::string pids;
  for (const pid_t pid : left) pids += (pids.empty() ? "" : ", ") + std::to_string(pid);
  throw Error(Errc::unavailable,
              "some processes of build " + build.id.str() + " can't be ended: " + pids);
}

/// A build of another program, which nobody will end for us.
Build cancel_unsupervised(store::FileStore& store, const Build& build) {
  // Of two that cancel it, or one that finds its process gone, the first decides.
  const auto lock = store.lock_endings(build.app);
  const auto unchanged = store.find_build(build.app, build.id);
  if (!lock || !unchanged || is_terminal(unchanged->status)) return unchanged.value_or(build);
  const store::BuildFiles files = store.layout().build(build.app, build.id);
  process::Family family(pid_of(build), mark_of(build.id));
  const bool lives = process_lives(build);  // the head, now that it can't become another
  if (!lives) family = process::Family(0, mark_of(build.id));
  if (const auto left = family.end(kGrace, files.log); !left.empty()) throw_left(build, left);
  if (!lives) {
    reap_locked(store, build);
    return store.find_build(build.app, build.id).value_or(build);
  }
  const auto latest = store.find_build(build.app, build.id);
  if (latest && is_terminal(latest->status)) return *latest;  // it said so itself
  end_log(files);
  return store.finalize_build(build.app, build.id, canceled(), now()).build;
}

}  // namespace

bool signal_cancel(const store::FileStore& store, const Build& build, CancelFor why) {
  if (is_supervised(build)) {
    return process::signal_process(
        pid_of(build), SIGQUIT, [&] { return process_lives(build); }, static_cast<int>(why));
  }
  process::Family family(pid_of(build), mark_of(build.id));
  if (!process_lives(build)) return false;
  family.ask(store.layout().build(build.app, build.id).log);
  return true;
}

Build cancel(store::FileStore& store, const Build& seen) {
  // What was seen may have been long ago.
  const Build build = store.find_build(seen.app, seen.id).value_or(seen);
  if (is_terminal(build.status)) {
    if (is_supervised(build)) wait_until_gone(build, std::chrono::steady_clock::now() + kPatience);
    return build;
  }
  if (!is_supervised(build)) return cancel_unsupervised(store, build);
  if (!signal_cancel(store, build)) end_vanished(store, build);
  return wait_for_supervisor(store, build);
}

}  // namespace cooper::build
