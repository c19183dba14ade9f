#include "build/cancel.h"

#include "base/error.h"
#include "build/prune.h"
#include "log/follow.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <thread>

namespace cooper::build {

bool signal_cancel(const Build& build) {
  const auto pid = static_cast<pid_t>(build.pid);
  // A pid below 2 would mean everybody.
  if (pid < 2 || !process_lives(build)) return false;
  if (::kill(-pid, SIGQUIT) == 0) return true;
  // One that another program recorded may lead no group.
  if (errno == ESRCH && ::kill(pid, SIGQUIT) == 0) return true;
  const int error_number = errno;
  if (!process_lives(build)) return false;
  throw_errno(error_number,
              "signal process " + std::to_string(pid) + " of build " + build.id.str());
}

Build cancel(store::FileStore& store, const Build& build) {
  if (is_terminal(build.status)) return build;
  if (!signal_cancel(build)) reap(store, build);
  constexpr std::chrono::seconds kPatience{60};
  Build latest = build;
  std::stop_source patience;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto state = [&] {
    latest = store.find_build(build.app, build.id).value_or(latest);
    if (is_terminal(latest.status)) return log::FollowState::ended;
    if (!process_lives(latest)) reap(store, latest);
    if (std::chrono::steady_clock::now() > deadline) patience.request_stop();
    return log::FollowState::live;
  };
  const std::filesystem::path log = store.layout().build(build.app, build.id).log;
  std::error_code no_log_yet;
  const std::uint64_t end = std::filesystem::file_size(log, no_log_yet);
  log::Follower follower(log, {.from = no_log_yet ? 0 : end}, state);
  follower.run([](std::string_view) {}, patience.get_token());
  // The supervisor prunes after its last word; then it is gone, too.
  while (process_lives(latest) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (!is_terminal(latest.status)) {
    throw Error(Errc::unavailable, "build " + build.id.str() + " has not ended after a minute",
                "its supervisor has pid " + std::to_string(build.pid));
  }
  return latest;
}

}  // namespace cooper::build
