#pragma once
// Who waits for a turn, and whose turn it is. No I/O.

#include "base/time.h"
#include "model/names.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::build {

/// What a ticket is for: a build of images, of which so many run at once; or another deploy, which
/// waits for the app's deploy lock alone, and has no ticket any more once it has that.
enum class TicketFor : std::uint8_t { build, deploy };

/// `lost`: it waits, but its process is gone; that of a deploy may just have been stopped.
enum class TicketState : std::uint8_t { waiting, running, lost };

/// A place in the queue.
struct QueueTicket {
  AppName app;
  BuildId id;
  TicketFor what = TicketFor::build;
  TicketState state = TicketState::waiting;
  std::uint64_t turn = 0;  ///< see next_turn
  Time since;              ///< when it came, or when the first came whose place it took
  std::int64_t pid = 0;    ///< of who waits or runs; 0: it is about to
  std::string branch;
  std::string key;        ///< what a newer one must have, too, to take its place; empty: none can
  bool overtook = false;  ///< it has stopped a running one
  unsigned resumed = 0;   ///< how often its process was started anew
  std::string superseded_by = {};  ///< id of the one that has its place now; it goes
};

/// How far those are that run: no new ticket gets a turn that is not later. Of two waiting ones the
/// one with the earlier turn comes first, of two with the same the one that came first. Each
/// further build of one app has a later turn, so that apps take turns; and once one of some turn
/// has run nobody new gets that turn, so that everybody's comes.
std::uint64_t next_turn(std::span<const QueueTicket> tickets, const AppName& app, TicketFor what);

/// What waits, lost ones among it, in the order of its turns.
std::vector<const QueueTicket*> line_of(std::span<const QueueTicket> tickets);

/// The builds whose turn it is while `most` may run at once. Asks `is_locked` of few apps only:
/// does somebody have the deploy lock?
std::vector<const QueueTicket*> may_start(std::span<const QueueTicket> tickets, std::size_t most,
                                          const std::function<bool(const AppName&)>& is_locked);

/// Is it this deploy's turn to have the app's deploy lock?
bool is_first_of_app(std::span<const QueueTicket> tickets, const QueueTicket& deploy);

/// Where a queued build stands.
struct QueuePlace {
  std::size_t position = 0;  ///< 1: it is next
  std::size_t waiting = 0;   ///< so many wait
  std::string why;           ///< in one line
  bool operator==(const QueuePlace&) const = default;
};

/// `holder`: the build that has the app's deploy lock, if it can be told. nullopt: the ticket does
/// not wait.
std::optional<QueuePlace> place_of(std::span<const QueueTicket> tickets, const QueueTicket& ticket,
                                   std::size_t most, std::string_view holder);

/// "position 2 of 3: why"
std::string to_text(const QueuePlace& place);

/// A ticket, and where it stands unless it runs.
struct QueueEntry {
  QueueTicket ticket;
  std::optional<QueuePlace> place;
};

}  // namespace cooper::build
