#include "build/supervisor.h"

#include "base/error.h"
#include "base/file.h"
#include "build/prune.h"
#include "build/request.h"
#include "build/run.h"
#include "build/settings.h"
#include "build/start.h"
#include "build/watch.h"
#include "process/descendants.h"
#include "store/deploy_lock.h"
#include "store/file_store.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace cooper::build {

namespace {

/// Makes this process fit to outlive whoever started it.
void settle_process() {
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  block_end_signals();
  process::become_subreaper();
  ::umask(0022);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

log::Redactor redactor_from_environment() {
  const char* secrets = std::getenv("COOPER_REDACT");
  return log::Redactor(log::secrets_from_environment(secrets ? secrets : ""));
}

BuildRequest read_request(const store::BuildFiles& files) {
  const auto text = read_file(files.request);
  if (!text) throw Error(Errc::not_found, files.request.string() + " is missing");
  return parse_request(*text).value();
}

/// A supervised build: what is opened and written before it runs, and after.
class Supervision {
 public:
  explicit Supervision(SupervisorTask& task)
      : task_(task),
        store_(task.layout),
        files_(task.layout.build(task.app, task.id)),
        request_(read_request(files_)),
        settings_(read_settings(store_, task.app, warnings_)),
        redactor_(redactor_from_environment()),
        log_(create_log(files_)) {
    const store::ReleaseList newest = store_.list_releases(task.app, 1);
    if (!newest.releases.empty()) environment_ = newest.releases[0].environment;
    keep_last_words();
    store_.insert_build(Build{.id = task.id,
                              .app = task.app,
                              .kind = kind_of_source(request_.source),
                              .pid = ::getpid(),
                              .started_at = {now()},
                              .status = Status::running,
                              .source = request_.source,
                              .description = redactor_.redact(request_.description),
                              .git_sha = request_.git_sha,
                              .host = host_name()});
  }

  /// Runs the build to its finalized record.
  Status run() {
    Run run({.layout = task_.layout,
             .app = task_.app,
             .id = task_.id,
             .request = request_,
             .settings = settings_,
             .environment = environment_,
             .log = log_,
             .redactor = redactor_});
    for (const std::string& warning : warnings_) run.say("warning: " + warning);
    Outcome outcome = run.run();
    say_the_end(run, outcome);
    finalize_for_sure(run, outcome);
    return outcome.status;
  }

  void prune() {
    task_.deploy_lock.reset();
    build::prune(store_, task_.app, settings_);
  }

 private:
  static log::LogFile create_log(const store::BuildFiles& files) {
    make_folders(files.folder);
    return log::LogFile::create(files.log, store::kLogMode);
  }

  /// What a crash prints (a failed assertion, a sanitizer's report) belongs to the log.
  void keep_last_words() const {
    const Fd log = open_file(files_.log, O_WRONLY | O_APPEND);
    if (::dup2(log.get(), STDERR_FILENO) < 0) throw_errno("dup2");
  }

  static void say_the_end(Run& run, const Outcome& outcome) {
    try {
      if (outcome.status == Status::canceled) run.say("Build canceled");
      if (outcome.status == Status::failed) run.say("ERROR: " + outcome.reason);
      run.sync();
    } catch (const Error&) {  // boundary: on a full disk the record alone must tell
    }
  }

  /// The record must become terminal even on a disk that is full at the moment:
  /// what the build used has just been freed, so trying again can help.
  void finalize_for_sure(const Run& run, Outcome& outcome) {
    constexpr int kTries = 40;
    for (int tries = 1;; ++tries) {
      try {
        finalize(run, outcome);
        return;
      } catch (const Error& error) {  // boundary: try again, then let the door tell
        if (error.code() != Errc::unavailable || tries == kTries) throw;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(250));
    }
  }

  void finalize(const Run& run, Outcome& outcome) {
    std::optional<Release> release;
    if (outcome.status == Status::succeeded) {
      release = Release{.id = new_release_id(),
                        .app = task_.app,
                        .build = task_.id.str(),
                        .description = redactor_.redact(request_.description),
                        .manifest = run.manifest_text(),
                        .created_at = {now()},
                        .environment = environment_,
                        .images = outcome.images};
      store_.insert_release(*release);
      outcome.release = release->id.str();
    }
    const store::Finalized finalized = store_.finalize_build(task_.app, task_.id, outcome, now());
    if (!finalized.won && release) store_.remove_release(task_.app, release->id);
    outcome.status = finalized.build.status;
  }

  SupervisorTask& task_;
  store::FileStore store_;
  store::BuildFiles files_;
  BuildRequest request_;
  std::vector<std::string> warnings_;
  Settings settings_;
  log::Redactor redactor_;
  log::LogFile log_;
  std::map<std::string, std::string> environment_;
};

}  // namespace

int supervise(SupervisorTask task) {
  settle_process();
  std::optional<Supervision> supervision;
  try {
    store::DeployLock::adopt(Fd(::dup(task.deploy_lock.get()))).set_holder(task.id);
    supervision.emplace(task);
  } catch (const Error& error) {  // boundary: whoever started us tells the person
    write_all(task.ready.get(), not_started(error));
    return 1;
  }
  write_all(task.ready.get(), kStarted);
  task.ready.reset();
  const Status status = supervision->run();
  supervision->prune();
  return status == Status::succeeded ? 0 : 1;
}

}  // namespace cooper::build
