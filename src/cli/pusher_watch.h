#pragma once
// Does the person still wait who pushed?

#include "base/fd.h"

#include <thread>

namespace cooper::cli {

/// For a hook of a repository on this host. The git that runs it writes to the pusher's, and when
/// that one has gone, it neither ends nor tells the hook, and reads what the hook prints no more
/// (seen with git 2.39). While this object lives, such a git is ended instead, by SIGTERM; then
/// nobody reads our output, as Interrupts notices. Over ssh `git-shell` does it: what sshd reads
/// can't be watched here.
class PusherWatch {
 public:
  PusherWatch();
  ~PusherWatch();
  PusherWatch(const PusherWatch&) = delete;
  PusherWatch& operator=(const PusherWatch&) = delete;

 private:
  void watch() noexcept;

  Fd git_;     // its pidfd
  Fd output_;  // where it writes to
  Fd end_;     // eventfd: the watcher may go
  std::thread watcher_;
};

}  // namespace cooper::cli
