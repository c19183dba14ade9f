#include "build/supervisor.h"

#include "base/error.h"
#include "base/error_line.h"
#include "base/file.h"
#include "base/text.h"
#include "build/command_run.h"
#include "build/deployer.h"
#include "build/first_record.h"
#include "build/prune.h"
#include "build/queue_resume.h"
#include "build/release_use.h"
#include "build/request.h"
#include "build/root_id.h"
#include "build/run.h"
#include "build/secret_memory.h"
#include "build/secrets.h"
#include "build/send_trace.h"
#include "build/settings.h"
#include "build/start.h"
#include "build/wait_for_turn.h"
#include "build/watch.h"
#include "engine/disk.h"
#include "log/syslog_copy.h"
#include "process/descendants.h"
#include "store/app_lock.h"
#include "store/deploy_lock.h"
#include "store/file_store.h"
#include "store/folders.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace cooper::build {

namespace {

/// Between attempts on a disk that is full.
constexpr std::chrono::milliseconds kTryAgain{250};

/// Makes this process fit to outlive whoever started it. Returns the umask it had.
mode_t settle_process() {
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  block_end_signals();
  process::become_subreaper();
  return ::umask(0022);
}

/// Whoever started us may be gone by now; the build does not depend on it.
void tell_starter(const Fd& ready, std::string_view text) {
  try {
    write_all(ready.get(), text);
  } catch (const Error&) {  // boundary: nobody listens
  }
}

void release_lock(SupervisorTask& task) {
  if (!task.deploy_lock) return;
  store::DeployLock lock = store::DeployLock::adopt(std::move(task.deploy_lock));
  try {
    std::move(lock).release(task.layout, task.app);
  } catch (const Error&) {  // boundary: it is free all the same
  }
}

/// A supervised build: what is opened and written before it runs, and after.
class Supervision {
 public:
  Supervision(SupervisorTask& task, mode_t umask, const Turn& turn)
      : task_(task),
        umask_(umask),
        is_queued_(turn.was_queued),
        store_(task.layout),
        files_(task.layout.build(task.app, task.id)),
        request_(read_request(files_)),
        warnings_(turn.notes),
        settings_(read_settings(store_, task.app, warnings_)),
        build_secrets_(from_memory(std::exchange(task.secrets, {}))),
        release_(release_to_deploy(store_, task.app, request_)),
        environment_(release_ ? release_->environment : environment_of(store_, task.app)),
        redactor_(secrets_of(store_, task.app, build_secrets_, environment_, warnings_)),
        log_(open_log(task.layout, files_, settings_, turn.was_queued)) {
    try {
      begin();
    } catch (const std::exception&) {  // adapter: a log without a record would be nobody's
      if (!is_queued_) ::unlink(files_.log.c_str());
      throw;
    }
  }

  /// Runs the build to its finalized record, whatever happens.
  Status run() {
    Ended ended{.outcome = {.status = Status::failed, .exit_code = 1}};
    try {
      ended = release_ ? deploy() : request_.command ? run_command() : make_images();
    } catch (const std::exception& error) {  // boundary: the record must end, too
      ended.outcome.reason = redactor_.redact(error.what());
    }
    if (ended.outcome.status == Status::canceled) name_successor(ended.outcome);
    end_log(ended);
    finalize_for_sure(ended.outcome, ended.manifest);
    return ended.outcome.status;
  }

  /// Throws nothing: what is printed now would come after the log's last line.
  void prune() {
    release_lock(task_);
    leave_queue(task_, store_);
    try {
      build::prune(store_, task_.app, settings_, &task_.id);
      engine::cap_build_cache(engine_, settings_.cache_limit, task_.layout.cache());
    } catch (const std::exception&) {  // boundary: the log has ended; the next prune says it
    }
  }

 private:
  struct Ended {
    Outcome outcome;
    std::string manifest;
    bool log_is_whole = false;  ///< nothing of ours belongs after it
  };

  /// That has had us canceled to come in our place, if that is why.
  void name_successor(Outcome& outcome) {
    if (!task_.ticket) return;
    try {
      outcome.superseded_by = Queue(store_).superseded_by(*task_.ticket);
    } catch (const Error&) {  // boundary: its place is gone, and it is canceled all the same
    }
    if (!outcome.superseded_by.empty()) outcome.reason = "superseded by " + outcome.superseded_by;
  }

  Ended make_images() {
    Run run({.layout = task_.layout,
             .app = task_.app,
             .id = task_.id,
             .request = request_,
             .settings = settings_,
             .environment = environment_,
             .secrets = build_secrets_,
             .log = log_,
             .redactor = redactor_,
             .make_engine = task_.make_engine,
             .engine_is = [this](const std::string& name) { note_engine(name); }});
    for (const std::string& warning : warnings_) run.say("warning: " + warning);
    Outcome outcome = run.run();
    return {.outcome = std::move(outcome), .manifest = run.manifest_text()};
  }

  Ended run_command() {
    CommandRun run({.app = task_.app,
                    .id = task_.id,
                    .command = *request_.command,
                    .settings = settings_,
                    .streams = std::move(task_.streams),
                    .umask = umask_,
                    .log = log_,
                    .redactor = redactor_});
    for (const std::string& warning : warnings_) run.say("warning: " + warning);
    Outcome outcome = run.run();
    return {.outcome = std::move(outcome), .log_is_whole = run.ended_by_itself()};
  }

  Ended deploy() {
    require_whole(store_, *release_);
    const std::optional<Build> build = release_build();
    const std::map<std::string, std::string> pushed =
        build ? build->pushed : std::map<std::string, std::string>{};
    const auto activate = [this] { store_.activate_release(task_.app, release_->id, task_.id); };
    const std::unique_ptr<Deployer> deployer = make_deployer({.layout = task_.layout,
                                                              .app = task_.app,
                                                              .id = task_.id,
                                                              .release = *release_,
                                                              .pushed = pushed,
                                                              .engine = build ? build->engine : "",
                                                              .activate = activate,
                                                              .settings = settings_,
                                                              .umask = umask_,
                                                              .log = log_,
                                                              .redactor = redactor_});
    for (const std::string& warning : warnings_) log_.append("warning: " + warning + "\n");
    Outcome outcome = deployer->deploy();
    return {.outcome = std::move(outcome), .log_is_whole = deployer->log_is_whole()};
  }

  std::optional<Build> release_build() const {
    const Result<BuildId> id = BuildId::parse(release_->build);
    return id ? store_.find_build(task_.app, *id) : std::nullopt;
  }

  /// Writes the running record. From here on everybody sees the build.
  void begin() {
    keep_last_words();
    if (settings_.syslog) copy_to_syslog();
    if (!request_.command) make_root_id(task_.layout);  // which is no younger than its builds
    if (is_queued_) {
      begin_queued();
    } else {
      store_.insert_build(first_record(task_, request_, redactor_));
    }
    if (request_.command) forget_request();
  }

  /// Throws Error{canceled} if somebody else has ended it meanwhile.
  void begin_queued() {
    bool begun = false;
    store_.change_build(task_.app, task_.id,
                        [&](Build& build) { begun = begin_run(build, now()); });
    if (!begun) throw Error(Errc::canceled, "the build has ended already");
  }

  /// The words of a command may hold secrets, and nobody needs them again. It is of no use
  /// to fail for it: the request goes with the build at the latest.
  void forget_request() const {
    try {
      remove_file(files_.request);
    } catch (const Error&) {  // boundary: the deploy goes on
    }
  }

  void copy_to_syslog() {
    log::SyslogOptions options{.tag = {.prefix = settings_.syslog_prefix, .build = task_.id.str()}};
    const char* socket = std::getenv("COOPER_SYSLOG_SOCKET");
    if (socket && *socket) options.socket = socket;
    try {
      syslog_.emplace(std::move(options));
    } catch (const std::system_error& error) {  // adapter: no thread; a build needs no syslog
      warnings_.push_back(std::string("nothing of this build goes to syslog: ") + error.what());
      return;
    }
    log_.copy_to(&*syslog_);
  }

  void end_syslog() {
    if (!syslog_) return;
    log_.copy_to(nullptr);
    const std::uint64_t missing = syslog_->finish();
    syslog_.reset();
    if (missing == 0) return;
    log_.append("[cooper] " + std::to_string(missing) + (missing == 1 ? " line" : " lines") +
                " did not get into syslog\n");
  }

  static log::LogFile open_log(const store::Layout& layout, const store::BuildFiles& files,
                               const Settings& settings, bool was_queued) {
    log::LogLimit limit{.bytes = settings.log_limit, .tail_files = files.log_tails};
    std::error_code ignored;
    const bool has_log = was_queued && std::filesystem::exists(files.log, ignored);
    if (has_log) return log::LogFile::go_on(files.log, std::move(limit));
    store::make_folder(layout, files.folder);
    return log::LogFile::create(files.log, layout.log_mode(), std::move(limit));
  }

  /// What a crash prints (a failed assertion, a sanitizer's report) belongs to the log.
  void keep_last_words() const {
    const Fd log = open_file(files_.log, O_WRONLY | O_APPEND);
    if (::dup2(log.get(), STDERR_FILENO) < 0) throw_errno("dup2");
  }

  /// Whoever reaps this build, should it vanish, must know where its images are.
  void note_engine(const std::string& name) {
    engine_ = name;
    store_.change_build(task_.app, task_.id, [&](Build& build) { build.engine = name; });
  }

  void end_log(const Ended& ended) {
    const auto& outcome = ended.outcome;
    join_tail_for_sure();
    const auto attempt = [](auto&& action) {
      try {
        action();
      } catch (const Error&) {  // boundary: on a full disk the record alone must tell
      }
    };
    if (outcome.status == Status::canceled) attempt([&] { log_.append("Build canceled\n"); });
    if (outcome.status == Status::failed && !ended.log_is_whole) {
      attempt([&] { log_.append("ERROR: " + outcome.reason + "\n"); });
    }
    attempt([&] { end_syslog(); });
    attempt([&] { log_.sync(); });
  }

  /// Once the record is terminal, nobody looks for the log's newest part any more.
  void join_tail_for_sure() {
    for (;;) {
      try {
        return log_.finish();
      } catch (const Error& error) {  // boundary: try again, then go without
        const bool may_pass = error.code() == Errc::unavailable;
        if (!may_pass || std::chrono::steady_clock::now() >= patience_ends()) return;
        std::this_thread::sleep_for(kTryAgain);
      }
    }
  }

  /// For a disk that is full at the moment: what the build used has just been freed.
  std::chrono::steady_clock::time_point patience_ends() {
    constexpr std::chrono::seconds kPatience{60};
    if (!patience_ends_) patience_ends_ = std::chrono::steady_clock::now() + kPatience;
    return *patience_ends_;
  }

  /// The record must become terminal even on a disk that is full at the moment:
  /// what the build used has just been freed, so trying again can help.
  void finalize_for_sure(Outcome& outcome, const std::string& manifest) {
    const auto deadline = patience_ends();
    bool took_effect = outcome.status != Status::succeeded || request_.command;
    for (;;) {
      try {
        if (!took_effect) take_effect(outcome, manifest);
        took_effect = true;
        finalize(outcome);
        return;
      } catch (const Error& error) {  // boundary: try again, then let the door tell
        const bool may_pass = error.code() == Errc::unavailable;
        if (may_pass && std::chrono::steady_clock::now() < deadline) {
          std::this_thread::sleep_for(kTryAgain);
        } else if (!took_effect) {
          took_effect = true;  // it never will: the record says so
          outcome.status = Status::failed;
          outcome.exit_code = 1;
          outcome.reason = redactor_.redact(error.message());
        } else {
          forget_new_release(outcome);
          throw;
        }
      }
    }
  }

  /// What a success changes besides the record: a build makes a release, a deploy makes its
  /// own the active one.
  void take_effect(Outcome& outcome, const std::string& manifest) {
    if (release_) {
      store_.activate_release(task_.app, release_->id, task_.id);
      return;
    }
    // The environment is the app's as it is by now.
    const Release made = store_.derive_release(task_.app, [&](Release& release) {
      release.build = task_.id.str();
      release.description = redactor_.redact(request_.description);
      release.manifest = manifest;
      release.images = outcome.images;
    });
    outcome.release = made.id.str();
  }

  void forget_new_release(const Outcome& outcome) {
    if (const auto made = ReleaseId::parse(outcome.release)) {
      store_.remove_release(task_.app, *made);
    }
  }

  void finalize(Outcome& outcome) {
    const store::Finalized finalized = store_.finalize_build(task_.app, task_.id, outcome, now());
    if (!finalized.won) forget_new_release(outcome);
    outcome.status = finalized.build.status;
  }

  SupervisorTask& task_;
  mode_t umask_;
  bool is_queued_;
  store::FileStore store_;
  store::BuildFiles files_;
  BuildRequest request_;
  std::vector<std::string> warnings_;
  Settings settings_;
  engine::BuildSecrets build_secrets_;
  std::optional<Release> release_;  // that is deployed
  Environment environment_;         // of the app, or of that release
  log::Redactor redactor_;
  log::LogFile log_;
  std::optional<log::SyslogCopy> syslog_;
  std::string engine_;  // as the record names it; empty: none was chosen
  std::optional<std::chrono::steady_clock::time_point> patience_ends_;
};

}  // namespace

namespace {

/// Until it is the build's turn. nullopt: it never will be.
std::optional<Turn> take_turn(SupervisorTask& task, store::FileStore& store) {
  if (task.deploy_lock) return Turn{};
  auto turn = wait_for_turn(task, store, [&] {
    tell_starter(task.ready, kStarted);
    task.ready.reset();
  });
  if (turn) task.deploy_lock = std::move(turn->deploy_lock);
  return turn;
}

/// It may have been deleted while we had no deploy lock; from here on that keeps it.
void require_app(const SupervisorTask& task, const store::FileStore& store) {
  if (task.layout.is_dokkus() || store.find_app(task.app)) return;
  throw store::deleted_app(task.app);
}

int give_up(SupervisorTask& task, store::FileStore& store, const Error& error) {
  end_unbegun(task, store, error);
  release_lock(task);
  leave_queue(task, store);
  if (task.ready) tell_starter(task.ready, to_line(error));
  return 1;
}

}  // namespace

int supervise(SupervisorTask task) {
  const mode_t umask = settle_process();
  store::FileStore store(task.layout);
  std::optional<Supervision> supervision;
  try {
    const std::optional<Turn> turn = take_turn(task, store);
    if (!turn) {
      leave_queue(task, store);
      return 1;
    }
    require_app(task, store);
    store::DeployLock::adopt(Fd(::dup(task.deploy_lock.get()))).set_holder(task.id);
    supervision.emplace(task, umask, *turn);
  } catch (const Error& error) {  // boundary: whoever started us tells the person
    return give_up(task, store, error);
  } catch (const std::exception& error) {  // boundary: the same, for what the system refuses
    return give_up(task, store, Error(Errc::unavailable, error.what()));
  }
  if (task.ready) tell_starter(task.ready, kStarted);
  task.ready.reset();
  const Status status = supervision->run();
  supervision->prune();
  supervision.reset();
  // The last that we do: these become our children, which nothing that ends a build's processes
  // may meet.
  resume_queue_quietly(store);
  send_trace(store, task.app, task.id);
  return status == Status::succeeded ? 0 : 1;
}

}  // namespace cooper::build
