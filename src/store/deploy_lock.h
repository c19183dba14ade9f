#pragma once
// One deploy at a time per app.

#include "base/fd.h"
#include "model/names.h"
#include "store/layout.h"

#include <optional>
#include <string>

namespace cooper::store {

/// flock on `data/apps/<app>/.deploy.lock`, with the holder's build id in the
/// file. The lock belongs to the open file: handing the descriptor to a child
/// hands on the lock, and the kernel frees it when the last holder is gone, so
/// a stale lock can't be.
class DeployLock {
 public:
  /// nullopt if somebody holds it. Makes the app's folder if needed. Throws Error.
  static std::optional<DeployLock> try_acquire(const Layout& layout, const AppName& app);
  /// Takes over a lock that was handed on as an open descriptor.
  static DeployLock adopt(Fd fd) { return DeployLock(std::move(fd)); }

  /// The id that the present holder wrote; empty if nobody holds the lock.
  static std::string holder(const Layout& layout, const AppName& app);

  /// What there is of the lock: for those who only look.
  struct View {
    bool file_exists = false;
    bool held = false;
    std::string text;  ///< a build's id; of an earlier holder if nobody holds the lock
  };
  static View look(const Layout& layout, const AppName& app);

  /// Removes the lock's file if nobody holds the lock; false if somebody does.
  /// Absent is fine. Throws Error.
  static bool remove_stale(const Layout& layout, const AppName& app);

  /// Names the build that the lock is held for. Throws Error.
  void set_holder(const BuildId& id);
  /// Frees the lock and, under a Dokku root, whose own commands take the file alone for a
  /// lock, removes the file: not one that is no longer this lock's. Throws Error.
  void release(const Layout& layout, const AppName& app) &&;
  int fd() const noexcept { return fd_.get(); }

 private:
  explicit DeployLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace cooper::store
