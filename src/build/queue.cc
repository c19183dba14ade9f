#include "build/queue.h"

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "build/queue_ticket.h"
#include "build/start.h"
#include "process/alive.h"
#include "store/folder_lock.h"
#include "store/folders.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace cooper::build {

namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 10;

store::LockName lock_name(store::Holding holding) {
  return {.holding = holding, .what = "the places in the queue"};
}

bool is_held(const Fd& file) { return ::flock(file.get(), LOCK_SH | LOCK_NB) != 0; }

void write_text(const Fd& file, const QueueTicket& ticket) {
  const std::string text = to_text(ticket);
  if (::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    throw_errno("write the ticket of build " + ticket.id.str());
  }
  // Whatever is left of a longer one does no harm (parse_ticket), but need not stay.
  if (::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0) throw_errno("cut a ticket");
}

/// A deploy says many times a second that it waits (Queue::is_turn_of). One that was stopped
/// (Ctrl-Z) holds its ticket all the same, and must not hold up the app's builds.
bool stands_still(const Fd& file) {
  constexpr std::time_t kSeconds = 10;
  struct stat info {};
  return ::fstat(file.get(), &info) == 0 && std::time(nullptr) - info.st_mtime > kSeconds;
}

/// With which newer ones find it.
std::string key_of(const QueueWish& wish) {
  return wish.supersede == Supersede::off ? "" : wish.key;
}

/// nullopt: it has just gone.
Fd find_ticket(const Fd& folder, const std::string& name, int flags) {
  try {
    return open_beneath(folder, name, flags | O_NONBLOCK);
  } catch (const Error& error) {  // adapter: absent is an answer here
    if (error.code() == Errc::not_found) return {};
    throw;
  }
}

/// Both ask for a build of one branch, and for the same: one of them is enough.
bool is_for_the_same(const QueueTicket& a, const QueueTicket& b) {
  return !a.key.empty() && a.key == b.key && a.app == b.app;
}

bool is_waiting_build(const QueueTicket& ticket) {
  return ticket.what == TicketFor::build && ticket.state != TicketState::running &&
         ticket.superseded_by.empty();
}

void wake_process(const QueueTicket& ticket) {
  const auto pid = static_cast<pid_t>(ticket.pid);
  if (pid == 0 || pid == ::getpid()) return;
  try {
    process::signal_process(pid, SIGUSR1, [&] {
      return process::runs_with(pid, kSupervisorName, "--id", ticket.id.str());
    });
  } catch (const Error&) {  // boundary: it looks by itself, too
  }
}

}  // namespace

std::string supersede_key(const BuildRequest& request) {
  if (request.branch.empty()) return {};
  BuildRequest same;
  same.branch = request.branch;
  same.manifest = request.manifest;
  same.build_args = request.build_args;
  same.development = request.development;
  same.platform = request.platform;
  same.output = request.output;
  return hex(sha256(to_json(same)));
}

/// The tickets while nobody else changes them.
class Queue::Locked {
 public:
  Locked(Fd folder, store::Holding holding)
      : folder_(std::move(folder)), lock_(folder_, lock_name(holding)) {
    for (const std::string& name : list_folder(folder_)) {
      const auto id = BuildId::parse(name);
      if (id) read(*id, holding);
    }
  }

  const Fd& folder() const { return folder_; }
  const std::vector<QueueTicket>& tickets() const { return tickets_; }
  std::vector<QueueTicket>& tickets() { return tickets_; }

  QueueTicket* find(const AppName& app, const BuildId& id) {
    const auto found = std::ranges::find_if(
        tickets_, [&](const QueueTicket& ticket) { return ticket.id == id && ticket.app == app; });
    return found == tickets_.end() ? nullptr : &*found;
  }
  /// Throws Error{conflict} if somebody has removed it.
  QueueTicket& get(const HeldTicket& held) {
    if (QueueTicket* found = find(held.app, held.id)) return *found;
    throw Error(Errc::conflict, "the place of build " + held.id.str() + " in the queue is gone",
                "somebody has removed its file; start the build again");
  }

  void write(const QueueTicket& ticket) const {
    const Fd file = find_ticket(folder_, ticket.id.str(), O_RDWR);
    if (file) write_text(file, ticket);
  }
  /// Throws Error{conflict} if it has one.
  HeldTicket add(const QueueTicket& ticket) {
    if (find(ticket.app, ticket.id)) {
      throw Error(Errc::conflict, "build " + ticket.id.str() + " has a place in the queue");
    }
    Fd file = open_beneath(folder_, ticket.id.str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) throw_errno("lock a ticket");
    write_text(file, ticket);
    tickets_.push_back(ticket);
    return {.app = ticket.app, .id = ticket.id, .file = std::move(file)};
  }
  void remove(const BuildId& id) {
    ::unlinkat(folder_.get(), id.str().c_str(), 0);
    std::erase_if(tickets_, [&](const QueueTicket& ticket) { return ticket.id == id; });
  }

 private:
  void read(const BuildId& id, store::Holding holding) {
    const Fd file = find_ticket(folder_, id.str(), O_RDONLY);
    if (!file) return;
    const bool held = is_held(file);
    auto ticket = parse_ticket(read_open_file(file, id.str(), kMostBytes), id);
    // Only a power cut leaves a text that is none; its build's record tells the rest.
    const bool ended = !held && (!ticket || ticket->state == TicketState::running ||
                                 ticket->what == TicketFor::deploy);
    if (ended && holding == store::Holding::alone) ::unlinkat(folder_.get(), id.str().c_str(), 0);
    if (ended || !ticket) return;
    const bool is_stopped = ticket->what == TicketFor::deploy && stands_still(file);
    if (!held || is_stopped) ticket->state = TicketState::lost;
    tickets_.push_back(std::move(*ticket));
  }

  Fd folder_;
  store::FolderLock lock_;
  std::vector<QueueTicket> tickets_;
};

std::size_t Queue::most_at_once() const {
  std::vector<std::string> warnings;  // a build's log has them
  const Settings settings = read_settings(store_, nullptr, warnings);
  if (settings.concurrency != 0) return settings.concurrency;
  // All of the machine's, whichever a process may run on: they must agree on the number.
  return std::max(1U, std::thread::hardware_concurrency());
}

std::vector<const QueueTicket*> Queue::whose_turn(const Locked& queue) const {
  return may_start(queue.tickets(), most_at_once(), [&](const AppName& app) {
    return store::DeployLock::look(store_.layout(), app).held;
  });
}

std::optional<QueuePlace> Queue::place(const Locked& queue, const QueueTicket& ticket) const {
  return place_of(queue.tickets(), ticket, most_at_once(),
                  store::DeployLock::holder(store_.layout(), ticket.app));
}

void Queue::wake(const Locked& queue) const {
  constexpr std::size_t kFirst = 3;
  std::vector<const QueueTicket*> called = whose_turn(queue);
  for (const QueueTicket* ticket : line_of(queue.tickets())) {
    if (called.size() >= kFirst) break;
    if (std::ranges::find(called, ticket) == called.end()) called.push_back(ticket);
  }
  for (const QueueTicket* ticket : called) wake_process(*ticket);
}

namespace {

Fd make_queue_folder(const store::Layout& layout) {
  return store::make_folder(layout, layout.queue());
}

}  // namespace

bool Queue::has_record(const AppName& app, const std::string& id) const {
  const auto parsed = BuildId::parse(id);
  if (!parsed) return false;
  std::error_code failure;
  const bool found = std::filesystem::exists(store_.layout().build(app, *parsed).record, failure);
  if (failure) throw Error(Errc::unavailable, "look for build " + id + ": " + failure.message());
  return found;
}

/// Who was superseded by one that was killed before it had a record goes on: else both were lost.
/// Until it has one it has a ticket, which somebody holds.
void Queue::settle(Locked& queue) const {
  for (QueueTicket& ticket : queue.tickets()) {
    if (ticket.superseded_by.empty() || has_record(ticket.app, ticket.superseded_by)) continue;
    const auto newer = BuildId::parse(ticket.superseded_by);
    const QueueTicket* found = newer ? queue.find(ticket.app, *newer) : nullptr;
    if (found && found->state != TicketState::lost) continue;
    ticket.superseded_by.clear();
    queue.write(ticket);
  }
}

HeldTicket Queue::enter(const QueueWish& wish) {
  Locked queue(make_queue_folder(store_.layout()), store::Holding::alone);
  settle(queue);
  QueueTicket ours{.app = wish.app,
                   .id = wish.id,
                   .what = wish.what,
                   .turn = next_turn(queue.tickets(), wish.app, wish.what),
                   .since = now(),
                   .branch = wish.branch,
                   .key = key_of(wish)};
  std::vector<QueueTicket> superseded;
  for (const QueueTicket& other : queue.tickets()) {
    if (!is_for_the_same(ours, other)) continue;
    const bool runs = other.state == TicketState::running;
    if ((runs || is_waiting_build(other)) && other.id > ours.id) {
      ours.superseded_by = other.id.str();  // it was asked for later, and was here sooner
    } else if (is_waiting_build(other)) {
      ours.turn = std::min(ours.turn, other.turn);
      ours.since = std::min(ours.since, other.since);
      ours.overtook = ours.overtook || other.overtook;
      superseded.push_back(other);
    } else if (runs && wish.supersede == Supersede::running && !other.overtook &&
               other.superseded_by.empty()) {
      // One that has stopped another is left alone: if each were stopped by the next, none
      // would ever end.
      ours.overtook = true;
      superseded.push_back(other);
    }
  }
  HeldTicket held = queue.add(ours);
  for (QueueTicket& other : superseded) {
    other.superseded_by = ours.id.str();
    queue.write(other);
    if (other.state != TicketState::running) wake_process(other);
  }
  return held;
}

std::optional<HeldTicket> Queue::enter_at_once(const QueueWish& wish) {
  Locked queue(make_queue_folder(store_.layout()), store::Holding::alone);
  std::size_t running = 0;
  for (const QueueTicket& other : queue.tickets()) {
    if (other.what != TicketFor::build) continue;
    if (other.state == TicketState::running) ++running;
    const bool is_lost = other.state == TicketState::lost;  // it may never go on
    if (is_waiting_build(other) && !is_lost && other.app == wish.app) return std::nullopt;
  }
  if (running >= most_at_once()) return std::nullopt;
  return queue.add({.app = wish.app,
                    .id = wish.id,
                    .state = TicketState::running,
                    .turn = next_turn(queue.tickets(), wish.app, wish.what),
                    .since = now(),
                    .branch = wish.branch,
                    .key = key_of(wish)});
}

void Queue::describe(const HeldTicket& ticket, const QueueWish& wish) {
  Locked queue(make_queue_folder(store_.layout()), store::Holding::alone);
  QueueTicket& ours = queue.get(ticket);
  ours.branch = wish.branch;
  ours.key = key_of(wish);
  write_text(ticket.file, ours);
}

/// It was marked as superseded when a newer one entered. Whose process was killed before it had
/// this one end leaves that to the next of the same key that waits.
std::optional<BuildId> Queue::to_stop(const Locked& queue, const QueueTicket& ours) const {
  for (const QueueTicket& other : queue.tickets()) {
    if (!is_for_the_same(ours, other)) continue;
    if (other.state != TicketState::running || other.superseded_by.empty()) continue;
    if (has_record(other.app, other.superseded_by)) return other.id;
  }
  return std::nullopt;
}

Queue::Standing Queue::try_turn(const HeldTicket& ticket) {
  Locked queue(make_queue_folder(store_.layout()), store::Holding::alone);
  settle(queue);
  QueueTicket& ours = queue.get(ticket);
  if (!ours.superseded_by.empty()) {
    // Not before that is sure to be built: its starter may still be killed.
    const bool is_sure = has_record(ours.app, ours.superseded_by);
    return {.lock = std::nullopt,
            .place = std::nullopt,
            .superseded_by = is_sure ? ours.superseded_by : ""};
  }
  const auto turns = whose_turn(queue);
  const bool is_ours = std::ranges::find(turns, &ours) != turns.end();
  auto lock = is_ours ? store::DeployLock::try_acquire(store_.layout(), ticket.app) : std::nullopt;
  if (lock) ours.state = TicketState::running;
  if (lock || ours.pid != ::getpid()) {
    ours.pid = ::getpid();
    write_text(ticket.file, ours);
  }
  if (lock) return {.lock = std::move(lock), .place = std::nullopt, .superseded_by = ""};
  return {.lock = std::nullopt,
          .place = place(queue, ours),
          .superseded_by = "",
          .stops = to_stop(queue, ours)};
}

bool Queue::is_turn_of(const HeldTicket& deploy) {
  if (::futimens(deploy.file.get(), nullptr) != 0) throw_errno("touch a ticket");
  // Asked many times a second, it must keep nobody out who takes a turn.
  Locked queue(make_queue_folder(store_.layout()), store::Holding::together);
  return is_first_of_app(queue.tickets(), queue.get(deploy));
}

std::string Queue::why(const HeldTicket& ticket) {
  Locked queue(make_queue_folder(store_.layout()), store::Holding::together);
  const auto found = place(queue, queue.get(ticket));
  return found ? found->why : "";
}

bool Queue::is_wanted(const AppName& app) {
  Fd folder = store_.find_folder(store_.layout().queue());
  if (!folder) return false;
  const Locked queue(std::move(folder), store::Holding::together);
  return std::ranges::any_of(queue.tickets(), [&](const QueueTicket& ticket) {
    return ticket.app == app && ticket.state == TicketState::waiting;
  });
}

std::string Queue::superseded_by(const HeldTicket& ticket) {
  Locked queue(make_queue_folder(store_.layout()), store::Holding::alone);
  const std::string& id = queue.get(ticket).superseded_by;
  return has_record(ticket.app, id) ? id : "";
}

void Queue::keep(const HeldTicket& ticket) {
  if (::fsync(ticket.file.get()) != 0) throw_errno("fsync a ticket");
  sync_folder(store_.layout().queue());
}

void Queue::leave(HeldTicket ticket) {
  Locked queue(make_queue_folder(store_.layout()), store::Holding::alone);
  queue.remove(ticket.id);
  ticket.file.reset();
  wake(queue);
}

void Queue::wake() {
  Fd folder = store_.find_folder(store_.layout().queue());
  if (folder) wake(Locked(std::move(folder), store::Holding::alone));
}

std::vector<QueueEntry> Queue::list() const {
  Fd folder = store_.find_folder(store_.layout().queue());
  if (!folder) return {};
  const Locked queue(std::move(folder), store::Holding::together);
  std::vector<QueueEntry> entries;
  for (const QueueTicket& ticket : queue.tickets()) {
    if (ticket.state == TicketState::running) entries.push_back({.ticket = ticket, .place = {}});
  }
  std::ranges::sort(entries, {}, [](const QueueEntry& entry) { return entry.ticket.since; });
  for (const QueueTicket* ticket : line_of(queue.tickets())) {
    entries.push_back({.ticket = *ticket, .place = place(queue, *ticket)});
  }
  return entries;
}

namespace {

std::optional<HeldTicket> take_over(const Fd& folder, const QueueTicket& ticket) {
  if (ticket.state != TicketState::lost) return std::nullopt;
  Fd file = find_ticket(folder, ticket.id.str(), O_RDWR);
  if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  return HeldTicket{.app = ticket.app, .id = ticket.id, .file = std::move(file)};
}

}  // namespace

std::vector<Queue::Lost> Queue::take_lost() {
  std::vector<Lost> lost;
  Fd folder = store_.find_folder(store_.layout().queue());
  if (!folder) return lost;
  Locked queue(std::move(folder), store::Holding::alone);
  settle(queue);
  for (QueueTicket& ticket : queue.tickets()) {
    auto held = take_over(queue.folder(), ticket);
    if (!held) continue;
    if (!has_record(ticket.app, ticket.superseded_by)) ticket.superseded_by.clear();
    lost.push_back({std::move(*held), ticket});
  }
  return lost;
}

std::optional<Queue::Lost> Queue::take_lost(const AppName& app, const BuildId& id) {
  Fd folder = store_.find_folder(store_.layout().queue());
  if (!folder) return std::nullopt;
  Locked queue(std::move(folder), store::Holding::alone);
  const QueueTicket* ticket = queue.find(app, id);
  auto held = ticket ? take_over(queue.folder(), *ticket) : std::nullopt;
  if (!held) return std::nullopt;
  return Lost{std::move(*held), *ticket};
}

void Queue::resume(const HeldTicket& ticket) {
  Locked queue(make_queue_folder(store_.layout()), store::Holding::alone);
  QueueTicket& ours = queue.get(ticket);
  ours.state = TicketState::waiting;
  ours.pid = 0;
  ++ours.resumed;
  write_text(ticket.file, ours);
}

}  // namespace cooper::build
