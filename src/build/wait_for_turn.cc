#include "build/wait_for_turn.h"

#include "base/error.h"
#include "base/file.h"
#include "build/cancel.h"
#include "build/first_record.h"
#include "build/outcome.h"
#include "build/prune.h"
#include "build/queue.h"
#include "build/request.h"
#include "build/settings.h"
#include "build/watch.h"
#include "log/log_file.h"
#include "store/app_lock.h"
#include "store/folders.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

namespace cooper::build {

namespace {

using namespace std::chrono_literals;

/// Those in front look often: whoever ran may have been killed, and then nobody wakes them. The
/// others have time, and are many.
std::chrono::milliseconds pause_at(const std::optional<QueuePlace>& place) {
  constexpr std::chrono::milliseconds kStep{500};
  constexpr std::size_t kMost = 60;
  return kStep * static_cast<int>(std::min(place ? place->position : 1, kMost));
}

/// How many come after it is none.
bool is_news(const std::optional<QueuePlace>& said, const QueuePlace& place) {
  return !said || said->position != place.position || said->why != place.why;
}

class Waiting {
 public:
  Waiting(const SupervisorTask& task, store::FileStore& store)
      : task_(task), store_(store), files_(store.layout().build(task.app, task.id)), queue_(store) {
    sigset_t set = end_signals();
    ::sigaddset(&set, SIGUSR1);  // see Queue::wake
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) throw_errno("wait in the queue");
  }

  std::optional<Turn> run(const std::function<void()>& is_queued) {
    const bool was_queued = store_.find_build(task_.app, task_.id).has_value();
    if (was_queued) take_over_record();
    Queue::Standing standing = queue_.try_turn(*task_.ticket);
    if (standing.lock && !was_queued) return turn(standing, false);
    if (!was_queued) {
      make_record();
      standing = queue_.try_turn(*task_.ticket);  // only who has a record ends the one it replaces
    }
    say_place(standing);  // first: whoever has started us looks into the log
    is_queued();
    try {
      return wait(std::move(standing));
    } catch (const std::exception& error) {  // adapter: the record must end, too
      end(failed(error.what()), std::string("ERROR: ") + error.what());
      throw;
    }
  }

 private:
  Turn turn(Queue::Standing& standing, bool was_queued) {
    Turn turn{.deploy_lock = Fd(::dup(standing.lock->fd())), .was_queued = was_queued};
    if (!turn.deploy_lock) throw_errno("dup");
    ::fcntl(turn.deploy_lock.get(), F_SETFD, FD_CLOEXEC);
    try {
      turn.notes = reap_before_start(store_, task_.app);
    } catch (const Error& error) {  // boundary: what can't be read keeps no app from deploys
      turn.notes = {std::string("abandoned builds can't be looked for: ") + error.what()};
    }
    return turn;
  }

  void make_record() {
    queue_.keep(*task_.ticket);  // first: a record without a ticket would wait for a prune
    const auto app = store::lock_app(store_, task_.app, store::Holding::together);
    if (!app) throw store::deleted_app(task_.app);
    store::make_folder(store_.layout(), files_.folder);
    log::LogFile::create(files_.log, store_.layout().log_mode());
    try {
      store_.insert_build(queued_record(task_, store_));
    } catch (const std::exception&) {  // adapter: a log without a record would be nobody's
      ::unlink(files_.log.c_str());
      throw;
    }
  }

  /// Of a process that is gone. Throws Error{canceled} if it was ended meanwhile.
  void take_over_record() {
    const Build taken = store_.change_build(task_.app, task_.id, [](Build& build) {
      if (build.status == Status::queued) build.pid = ::getpid();
    });
    if (taken.status != Status::queued) throw Error(Errc::canceled, "it has ended already");
    say("Queued again: the process that waited was gone");
  }

  /// No: somebody who saw no process of it has ended it; or its app was deleted, for which nobody
  /// waits in a queue.
  bool is_still_queued() {
    try {
      const auto build = store_.find_build(task_.app, task_.id);
      if (!build || build->status != Status::queued) return false;
      if (store_.find_app(task_.app)) return true;
      store_.remove_build(task_.app, task_.id);
      return false;
    } catch (const Error&) {  // adapter: what can't be read may be there still
      return true;
    }
  }

  /// nullopt: it can't be told now. What keeps us from it (no descriptor is left, others lock the
  /// queue for long) passes, as a rule.
  std::optional<Queue::Standing> look() {
    try {
      Queue::Standing standing = queue_.try_turn(*task_.ticket);
      trouble_.clear();
      return standing;
    } catch (const Error& error) {  // adapter: tried again, unless the place is gone
      if (error.code() == Errc::conflict) throw;
      if (trouble_ != error.message()) say("warning: still waiting: " + error.message());
      trouble_ = error.message();
      return std::nullopt;
    }
  }

  /// nullopt: its record has ended.
  std::optional<Turn> wait(Queue::Standing standing) {
    for (;;) {
      if (!standing.superseded_by.empty()) {
        Outcome outcome = canceled();
        outcome.superseded_by = standing.superseded_by;
        outcome.reason = "superseded by " + standing.superseded_by;
        end(outcome, "Build superseded by " + standing.superseded_by);
        return std::nullopt;
      }
      if (standing.lock) {
        say("Started");
        return turn(standing, true);
      }
      say_place(standing);
      if (standing.stops && standing.stops != stopped_) stop(*standing.stops);
      if (const auto by = wait_for_signal(pause_at(standing.place))) {
        Outcome outcome = canceled();
        outcome.reason = *by;
        end(outcome, "Build canceled");
        return std::nullopt;
      }
      if (!is_still_queued()) return std::nullopt;
      if (auto next = look()) standing = std::move(*next);
    }
  }

  /// Has the running build end in whose place this one comes. One that has no record yet is asked
  /// at the next look.
  void stop(const BuildId& id) {
    try {
      const auto running = store_.find_build(task_.app, id);
      if (!running) return;
      stopped_ = id;
      signal_cancel(store_, *running);
    } catch (const Error& error) {  // boundary: then it runs to its end
      stopped_ = id;
      say("warning: build " + id.str() + " can't be stopped: " + error.message());
    }
  }

  void say_place(const Queue::Standing& standing) {
    if (!standing.place) return;
    if (is_news(said_, *standing.place)) say("Queued, " + to_text(*standing.place));
    said_ = standing.place;
  }

  /// Why the build is to end, if it is.
  std::optional<std::string> wait_for_signal(std::chrono::milliseconds time) {
    pollfd fd{signals_.get(), POLLIN, 0};
    if (::poll(&fd, 1, static_cast<int>(time.count())) < 0 && errno != EINTR) throw_errno("poll");
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo != SIGUSR1) return reason_of(info);
    }
    return std::nullopt;
  }

  void say(const std::string& line) const {
    try {
      log::LogFile log = log::LogFile::open_existing(files_.log);
      log.append(line + "\n");
      log.sync();
    } catch (const Error&) {  // boundary: on a full disk the build waits all the same
    }
  }

  void end(const Outcome& outcome, const std::string& last_line) {
    say(last_line);
    store_.finalize_build(task_.app, task_.id, outcome, now());
    remove_staged(store_, task_.app, task_.id);
  }

  const SupervisorTask& task_;
  store::FileStore& store_;
  store::BuildFiles files_;
  Queue queue_;
  std::optional<QueuePlace> said_;
  std::optional<BuildId> stopped_;  // asked to end
  std::string trouble_;             // as it was said; empty: there is none
  Fd signals_;
};

}  // namespace

std::optional<Turn> wait_for_turn(const SupervisorTask& task, store::FileStore& store,
                                  const std::function<void()>& is_queued) {
  return Waiting(task, store).run(is_queued);
}

void end_unbegun(SupervisorTask& task, store::FileStore& store, const Error& error) {
  try {
    if (!task.ready) {
      store.finalize_build(task.app, task.id, failed(error.message()), now());
      remove_staged(store, task.app, task.id);
      return;
    }
    const auto build = store.find_build(task.app, task.id);
    if (build && build->status == Status::queued) task.ticket.reset();
  } catch (const Error&) {  // boundary: prune, or who resumes what is queued, does it
    task.ticket.reset();
  }
}

void leave_queue(SupervisorTask& task, const store::FileStore& store) {
  if (store.layout().is_dokkus()) return;
  try {
    if (task.ticket) {
      Queue(store).leave(*std::exchange(task.ticket, std::nullopt));
    } else {
      Queue(store).wake();
    }
  } catch (const Error&) {  // boundary: whoever waits looks by itself, too
  }
}

}  // namespace cooper::build
