#include "build/cancel.h"

#include "base/error.h"
#include "build/prune.h"
#include "log/follow.h"

#include <chrono>
#include <csignal>
#include <thread>

namespace cooper::build {

bool signal_cancel(const Build& build) {
  if (!process_lives(build)) return false;
  // A supervisor leads its group; a pid below 2 would mean everybody.
  return build.pid > 1 && ::kill(-static_cast<pid_t>(build.pid), SIGQUIT) == 0;
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
  log::Follower follower(store.layout().build(build.app, build.id).log, {}, state);
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
