#include "build/queue_order.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace cooper::build {

namespace {

auto order_of(const QueueTicket& ticket) { return std::tie(ticket.turn, ticket.since, ticket.id); }

/// One that was superseded is only about to say so.
bool waits(const QueueTicket& ticket) {
  return ticket.state != TicketState::running && ticket.superseded_by.empty();
}

bool runs(const QueueTicket& ticket) {
  return ticket.state == TicketState::running && ticket.what == TicketFor::build;
}

std::size_t count_running(std::span<const QueueTicket> tickets) {
  return static_cast<std::size_t>(std::ranges::count_if(tickets, runs));
}

/// The turn that has come.
std::uint64_t present_turn(std::span<const QueueTicket> tickets) {
  std::uint64_t newest_running = 0;
  std::uint64_t first_waiting = UINT64_MAX;
  for (const QueueTicket& ticket : tickets) {
    if (runs(ticket)) newest_running = std::max(newest_running, ticket.turn);
    if (waits(ticket)) first_waiting = std::min(first_waiting, ticket.turn);
  }
  if (newest_running != 0 || first_waiting == UINT64_MAX) return newest_running;
  return first_waiting - std::min<std::uint64_t>(first_waiting, 1);
}

}  // namespace

std::uint64_t next_turn(std::span<const QueueTicket> tickets, const AppName& app, TicketFor what) {
  std::uint64_t last = present_turn(tickets);
  for (const QueueTicket& ticket : tickets) {
    // A deploy is what a build was made for, as a rule: it is not to wait for all that are queued.
    const bool counts = what == TicketFor::build && ticket.what == TicketFor::build;
    if (counts && ticket.app == app) last = std::max(last, ticket.turn);
  }
  return last + 1;
}

std::vector<const QueueTicket*> line_of(std::span<const QueueTicket> tickets) {
  std::vector<const QueueTicket*> line;
  for (const QueueTicket& ticket : tickets) {
    if (waits(ticket)) line.push_back(&ticket);
  }
  std::ranges::sort(line, {}, [](const QueueTicket* ticket) { return order_of(*ticket); });
  return line;
}

std::vector<const QueueTicket*> may_start(std::span<const QueueTicket> tickets, std::size_t most,
                                          const std::function<bool(const AppName&)>& is_locked) {
  std::vector<const QueueTicket*> chosen;
  std::size_t running = count_running(tickets);
  std::set<AppName> busy;
  for (const QueueTicket& ticket : tickets) {
    if (runs(ticket)) busy.insert(ticket.app);
  }
  for (const QueueTicket* ticket : line_of(tickets)) {
    if (running >= most) break;
    if (ticket->state == TicketState::lost || busy.contains(ticket->app)) continue;
    busy.insert(ticket->app);  // whatever it is, it comes before the app's others
    if (ticket->what != TicketFor::build || is_locked(ticket->app)) continue;
    chosen.push_back(ticket);
    ++running;
  }
  return chosen;
}

bool is_first_of_app(std::span<const QueueTicket> tickets, const QueueTicket& deploy) {
  return std::ranges::none_of(tickets, [&](const QueueTicket& other) {
    const bool same_app = other.app == deploy.app && other.id != deploy.id;
    if (!same_app || other.state == TicketState::lost) return false;
    return runs(other) || (waits(other) && order_of(other) < order_of(deploy));
  });
}

namespace {

std::string count_of_builds(std::size_t n) {
  return std::to_string(n) + (n == 1 ? " build runs" : " builds run");
}

std::string why(std::span<const QueueTicket> tickets, const QueueTicket& ticket, std::size_t most,
                std::string_view holder) {
  if (ticket.state == TicketState::lost && ticket.what == TicketFor::deploy) {
    return "its process stands still, and lets others pass";
  }
  if (ticket.state == TicketState::lost) {
    return "its process is gone; it goes on with the next build, or `cooper queue resume`";
  }
  std::string of_app(holder);
  for (const QueueTicket& other : tickets) {
    if (of_app.empty() && runs(other) && other.app == ticket.app) of_app = other.id.str();
  }
  if (!of_app.empty()) {
    return "app " + ticket.app.str() + " is being deployed by build " + of_app +
           ": waiting for its turn";
  }
  const std::size_t running = count_running(tickets);
  if (ticket.what == TicketFor::build && running >= most) {
    return count_of_builds(running) + ", as many as may at once (property concurrency)";
  }
  return "those before it come first";
}

}  // namespace

std::optional<QueuePlace> place_of(std::span<const QueueTicket> tickets, const QueueTicket& ticket,
                                   std::size_t most, std::string_view holder) {
  const std::vector<const QueueTicket*> line = line_of(tickets);
  const auto found = std::ranges::find_if(line, [&](const QueueTicket* other) {
    return other->id == ticket.id && other->app == ticket.app;
  });
  if (found == line.end()) return std::nullopt;
  return QueuePlace{.position = static_cast<std::size_t>(found - line.begin()) + 1,
                    .waiting = line.size(),
                    .why = why(tickets, **found, most, holder)};
}

std::string to_text(const QueuePlace& place) {
  return "position " + std::to_string(place.position) + " of " + std::to_string(place.waiting) +
         ": " + place.why;
}

}  // namespace cooper::build
