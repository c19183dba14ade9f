#pragma once
// The queue of a data root: which builds run, and what waits for its turn. No process keeps it:
// each that waits or runs has a ticket, a file that it holds locked, so that the kernel gives
// back the place of one that is gone. See docs/queue.md.

#include "base/fd.h"
#include "build/queue_order.h"
#include "build/request.h"
#include "build/settings.h"
#include "store/deploy_lock.h"
#include "store/file_store.h"

#include <optional>
#include <string>
#include <vector>

namespace cooper::build {

/// A ticket that this process has: it counts as long as any process has its file open so.
struct HeldTicket {
  AppName app;
  BuildId id;
  Fd file;
};

/// What asks for a place.
struct QueueWish {
  AppName app;
  BuildId id;
  TicketFor what = TicketFor::build;
  std::string branch = {};
  std::string key = {};  ///< see supersede_key
  Supersede supersede = Supersede::off;
};

/// Builds that have the same one ask for the same of an app's branch at different commits. Empty:
/// no branch is known.
std::string supersede_key(const BuildRequest& request);

/// Every call is one step among those of other processes. All may throw Error: {unavailable} if
/// the queue's folder can't be locked or written.
class Queue {
 public:
  /// `store` must outlive it.
  explicit Queue(const store::FileStore& store) : store_(store) {}

  /// Takes a place in the line, or that of an older one of the same key, which learns it. Throws
  /// Error{conflict} if the build has one.
  HeldTicket enter(const QueueWish& wish);
  /// A place among those that run, for who has the app's deploy lock. nullopt: as many run as may,
  /// or another build of the app waits.
  std::optional<HeldTicket> enter_at_once(const QueueWish& wish);
  /// What a place that was had at once is for, so that newer ones can find it.
  void describe(const HeldTicket& ticket, const QueueWish& wish);

  /// How a ticket stands.
  struct Standing {
    std::optional<store::DeployLock> lock;  ///< its turn has come: it runs, and this is its app's
    std::optional<QueuePlace> place;        ///< else where it waits
    std::string superseded_by;              ///< id; it is to end
    /// The app's running build in whose place it comes: whoever waits has that end.
    std::optional<BuildId> stops = {};
    // None of them: another one takes its place that has no record yet, and may never have one.
  };
  /// Takes the turn of a waiting build if it has come. Notes that we wait for it (see wake).
  Standing try_turn(const HeldTicket& ticket);
  /// May a deploy that waits try to have the app's deploy lock? Who does not ask for ten seconds,
  /// since it was stopped, is passed.
  bool is_turn_of(const HeldTicket& deploy);
  /// Why it waits, in one line; empty: it does not.
  std::string why(const HeldTicket& ticket);
  /// Does anything wait for a turn of this app?
  bool is_wanted(const AppName& app);
  /// By whom a build was superseded; empty: by nobody, or by one that never came to be.
  std::string superseded_by(const HeldTicket& ticket);

  /// Makes the place survive a crash.
  void keep(const HeldTicket& ticket);
  /// Gives the place back, and wakes whose turn comes by that.
  void leave(HeldTicket ticket);
  /// Wakes (SIGUSR1) those whose turn it is, and the first in line, whose place may be another.
  void wake();

  /// Changes nothing. Those that run first.
  std::vector<QueueEntry> list() const;

  struct Lost {
    HeldTicket held;
    QueueTicket ticket;
  };
  /// Takes over the tickets of waiting builds whose process is gone; nobody else does meanwhile.
  std::vector<Lost> take_lost();
  /// The same of one build; nullopt: it has no ticket, or a process that holds it.
  std::optional<Lost> take_lost(const AppName& app, const BuildId& id);
  /// Before the process of a lost one is started anew.
  void resume(const HeldTicket& ticket);

 private:
  class Locked;
  void settle(Locked& queue) const;
  bool has_record(const AppName& app, const std::string& id) const;
  std::size_t most_at_once() const;
  std::optional<BuildId> to_stop(const Locked& queue, const QueueTicket& ours) const;
  std::vector<const QueueTicket*> whose_turn(const Locked& queue) const;
  void wake(const Locked& queue) const;
  std::optional<QueuePlace> place(const Locked& queue, const QueueTicket& ticket) const;

  const store::FileStore& store_;
};

}  // namespace cooper::build
