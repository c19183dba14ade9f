#include "build/queue_resume.h"

#include "base/error.h"
#include "build/first_record.h"
#include "build/outcome.h"
#include "build/prune.h"
#include "build/queue.h"
#include "build/start.h"
#include "log/log_file.h"
#include "store/own_root.h"

#include <utility>

namespace cooper::build {

namespace {

/// A build whose process vanishes so often does not by chance.
constexpr unsigned kMostResumes = 3;

void end_log(const store::FileStore& store, const Build& build, const Outcome& outcome) {
  try {
    const store::BuildFiles files = store.layout().build(build.app, build.id);
    log::LogFile log = log::LogFile::open_existing(files.log);
    const bool failed = outcome.status == Status::failed;
    log.append((failed ? "ERROR: " + outcome.reason : "Build " + outcome.reason) + "\n");
    log.sync();
  } catch (const Error&) {  // boundary: it has none, or the disk is full: the record tells
  }
}

bool finish(store::FileStore& store, const Build& build, const Outcome& outcome) {
  const store::Finalized done = store.finalize_build(build.app, build.id, outcome, now());
  if (done.won) {
    end_log(store, build, outcome);
    remove_staged(store, build.app, build.id);
  }
  return done.won;
}

/// How a lost build ends; nullopt: it can go on.
std::optional<Outcome> end_of(const store::FileStore& store, const QueueTicket& ticket) {
  if (!ticket.superseded_by.empty()) {
    Outcome outcome = canceled();
    outcome.reason = "superseded by " + ticket.superseded_by;
    outcome.superseded_by = ticket.superseded_by;
    return outcome;
  }
  if (ticket.resumed >= kMostResumes) {
    return failed(
        "its process vanished " + std::to_string(ticket.resumed + 1) + " times while it was queued",
        -1);
  }
  const BuildRequest request = read_request(store.layout().build(ticket.app, ticket.id));
  const bool had_secrets = !request.secrets.empty() || !request.agents.empty();
  if (!had_secrets && !request.has_redact_variable) return std::nullopt;
  const std::string what =
      had_secrets ? "the secrets that it was given are" : "what it was to hide (COOPER_REDACT) is";
  return failed(
      "its process vanished while it was queued, and " + what + " kept nowhere: start it again",
      -1);
}

/// Empty: there is nothing to say.
std::string resume_one(store::FileStore& store, Queue::Lost lost) {
  const std::optional<Build> build = store.find_build(lost.ticket.app, lost.ticket.id);
  const std::string name = "build " + lost.ticket.id.str();
  Queue queue(store);
  if (!build || build->status != Status::queued) {
    queue.leave(std::move(lost.held));
    return {};
  }
  if (const auto outcome = end_of(store, lost.ticket)) {
    finish(store, *build, *outcome);
    queue.leave(std::move(lost.held));
    return name + " can't go on: " + outcome->reason;
  }
  queue.resume(lost.held);
  // What runs us has nothing to do with it, and must not end it when that ends.
  start_supervisor(store.layout(), build->app, build->id,
                   {.ticket = lost.held.file.get(),
                    .environment = {"COOPER_APP", "COOPER_BUILD_ID", "DOKKU_BUILD_ID"}});
  return name + " is queued again: its process was gone";
}

}  // namespace

std::vector<std::string> resume_queue(store::FileStore& store) {
  std::vector<std::string> lines;
  if (store.layout().is_dokkus()) return lines;
  std::vector<Queue::Lost> all = Queue(store).take_lost();
  if (all.empty()) return lines;
  store::require_own_root(store.layout(), "go on with queued builds");
  for (Queue::Lost& lost : all) {
    const std::string id = lost.ticket.id.str();
    try {
      std::string line = resume_one(store, std::move(lost));
      if (!line.empty()) lines.push_back(std::move(line));
    } catch (const Error& error) {  // boundary: one of many; it stays queued
      lines.push_back("build " + id + " can't be started again: " + error.message());
    }
  }
  return lines;
}

void resume_queue_quietly(store::FileStore& store) {
  try {
    resume_queue(store);
  } catch (const std::exception&) {  // boundary: see above
  }
}

void restore_places(store::FileStore& store, const std::optional<AppName>& app) {
  if (store.layout().is_dokkus()) return;
  std::vector<Build> queued;
  store.query_builds({.app = app, .statuses = {Status::queued}}, [&](Build&& build) {
    queued.push_back(std::move(build));
    return true;
  });
  Queue queue(store);
  for (const Build& build : queued) {
    if (!is_supervised(build) || process_lives(build)) continue;
    try {
      queue.enter({.app = build.app, .id = build.id});
    } catch (const Error& error) {  // adapter: it has one
      if (error.code() != Errc::conflict) throw;
    }
  }
}

bool end_lost(store::FileStore& store, const Build& build, const Outcome& outcome) {
  Queue queue(store);
  auto lost = queue.take_lost(build.app, build.id);
  const std::optional<Build> latest = store.find_build(build.app, build.id);
  if (!latest || latest->status != Status::queued || process_lives(*latest)) {
    return false;  // if we have its ticket, another one takes that over
  }
  const bool ended = finish(store, *latest, outcome);
  if (lost) queue.leave(std::move(lost->held));
  return ended;
}

}  // namespace cooper::build
