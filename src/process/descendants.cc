#include "process/descendants.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace cooper::process {

void become_subreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    throw_errno("prctl(PR_SET_CHILD_SUBREAPER)");
}

std::vector<pid_t> children_of(pid_t pid) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  std::string children;
  try {
    for (const std::string& task : list_folder(tasks)) {
      children += read_file(tasks + "/" + task + "/children").value_or("");
    }
  } catch (const Error&) {  // adapter: it ended meanwhile, its children are ours now
  }
  std::vector<pid_t> pids;
  for (const std::string_view word : split(children, ' ')) {
    if (const auto child = parse_number(trim(word))) pids.push_back(static_cast<pid_t>(*child));
  }
  return pids;
}

namespace {

/// Kills the whole tree below `pid`; parents first, so that none can start more.
void kill_below(pid_t pid) {
  for (const pid_t child : children_of(pid)) {
    ::kill(child, SIGKILL);
    kill_below(child);
  }
}

}  // namespace

std::vector<pid_t> descendants_of(pid_t pid) {
  std::vector<pid_t> all = children_of(pid);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<pid_t> more = children_of(all[i]);
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

bool end_descendants() {
  using namespace std::chrono_literals;
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  for (;;) {
    kill_below(::getpid());
    for (;;) {
      siginfo_t info{};
      if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0) {
        if (errno == ECHILD) return true;
        if (errno != EINTR) throw_errno("waitid");
      } else if (info.si_pid == 0) {
        break;  // children are there, none has ended yet
      }
    }
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
}

}  // namespace cooper::process
