#include "rack/push_turn.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "process/proc.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace cooper::rack {

namespace {

using std::chrono::steady_clock;

/// What git does after its hooks, such as packing, is nothing to wait for.
constexpr std::chrono::seconds kMoving{5};
constexpr std::chrono::milliseconds kPause{10};

/// Is the process there that the file names, "PID STARTED"?
bool lives(std::string_view text) {
  const auto words = split(trim(text), ' ');
  const auto pid = parse_number(words[0]);
  const auto started = words.size() == 2 ? parse_number(words[1]) : std::nullopt;
  if (!pid || !started) return false;
  const auto process = process::find_process(static_cast<pid_t>(*pid));
  return process && process->lives && process->started == *started;
}

void check(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(Errc::canceled, "canceled while a push was being built");
}

}  // namespace

PushTurn::PushTurn(const std::filesystem::path& repository, StartProgress& progress,
                   const std::stop_token& stop, MovedBy mover)
    : file_(open_file(repository / "cooper-push.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600)) {
  bool said = false;
  while (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) throw_errno("lock the repository");
    check(stop);
    if (!said) progress.notice("another push is being built: waiting for its end");
    said = true;
    std::this_thread::sleep_for(kPause);
  }
  const std::string before = read_open_file(file_, "cooper-push.lock", 4096);
  const auto deadline = steady_clock::now() + kMoving;
  while (lives(before) && steady_clock::now() < deadline) {
    check(stop);
    std::this_thread::sleep_for(kPause);
  }
  const auto git = mover == MovedBy::git_above ? process::find_process(::getppid()) : std::nullopt;
  const std::string ours =
      git ? std::to_string(git->pid) + " " + std::to_string(git->started) + "\n" : "";
  if (::ftruncate(file_.get(), 0) != 0 ||
      ::pwrite(file_.get(), ours.data(), ours.size(), 0) != static_cast<ssize_t>(ours.size())) {
    throw_errno("write " + (repository / "cooper-push.lock").string());
  }
}

}  // namespace cooper::rack
