#include "build/command_run.h"

#include "base/error.h"
#include "base/file.h"
#include "build/outcome.h"
#include "build/watch.h"
#include "log/channel.h"
#include "process/alive.h"
#include "process/descendants.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <set>
#include <thread>
#include <unistd.h>
#include <utility>

namespace cooper::build {

namespace {

/// Between SIGTERM and SIGKILL.
constexpr std::chrono::milliseconds kGrace{5000};

/// A deploy must not end because its log can't be written: on a full disk its output is
/// dropped, and the log says so as soon as it can.
class ToLog : public log::Sink {
 public:
  ToLog(log::LogFile& log, const log::Redactor& redactor, log::OutputClock& clock)
      : log_(log), channel_(log, "", &redactor), clock_(clock) {}
  void bytes(std::string_view chunk) override {
    clock_.touch();
    attempt(chunk.size(), [&] { channel_.write(chunk); });
  }
  void idle() override {
    attempt(0, [&] { channel_.flush_partial(); });
  }
  /// No more bytes come.
  void finish() {
    attempt(0, [&] { channel_.finish(); });
  }

 private:
  template <class Action>
  void attempt(std::uint64_t bytes, Action&& action) {
    try {
      if (lost_ != 0) {
        log_.append("[cooper] up to " + std::to_string(lost_) + " bytes are missing here: " + why_ +
                    "\n");
        lost_ = 0;
      }
      action();
    } catch (const Error& error) {  // boundary: the command goes on
      lost_ += bytes;
      why_ = error.message();
    }
  }

  log::LogFile& log_;
  log::Channel channel_;
  log::OutputClock& clock_;
  std::uint64_t lost_ = 0;
  std::string why_;
};

bool has_ended(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

/// The supervisor of a build that the command has begun: not in its process group,
/// and nobody's child but ours once the command is gone.
bool is_supervisor(pid_t pid) {
  try {
    const std::string words = read_file("/proc/" + std::to_string(pid) + "/cmdline").value_or("");
    return std::filesystem::path(words.substr(0, words.find('\0'))).filename() ==
           "cooper-supervisor";
  } catch (const Error&) {  // adapter: it has ended
    return false;
  }
}

/// Cancels the builds that the command has begun and waits for their ends, which
/// have a grace time of their own.
void cancel_inner_builds() {
  constexpr std::chrono::milliseconds kPatience = 3 * kGrace;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::set<pid_t> asked;
  for (;;) {
    bool any = false;
    for (const pid_t pid : process::descendants_of(::getpid())) {
      if (!is_supervisor(pid)) continue;
      any = true;
      if (!asked.insert(pid).second) continue;
      process::signal_process(pid, SIGQUIT, [&] { return is_supervisor(pid); });
    }
    if (!any || std::chrono::steady_clock::now() > deadline) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Outcome judge(const process::ExitStatus& status) {
  if (status.ok()) return {.status = Status::succeeded, .exit_code = 0};
  std::string reason = "exit code " + std::to_string(status.code);
  if (status.signal != 0) {
    const char* name = ::sigabbrev_np(status.signal);
    reason = "killed by signal " + std::to_string(status.signal) +
             (name ? std::string(" (SIG") + name + ")" : "");
  }
  return failed(std::move(reason), status.code);
}

}  // namespace

CommandRun::CommandRun(Parts parts)
    : parts_(std::move(parts)),
      containment_(parts_.id, parts_.settings, [this](const std::string& line) { say(line); }) {}

void CommandRun::say(const std::string& line) {
  parts_.log.append(parts_.redactor.redact(line) + "\n");
}

Outcome CommandRun::run() {
  Outcome outcome = run_watched(parts_.settings, clock_,
                                [this](std::stop_token stop) { return work(std::move(stop)); });
  outcome.reason = parts_.redactor.redact(outcome.reason);
  if (ended_by_itself_) {
    containment_.let_go();
  } else {
    try {
      cancel_inner_builds();
    } catch (const Error&) {  // boundary: what can't be asked is ended all the same
    }
    containment_.end_all();
  }
  containment_.remove();
  return outcome;
}

process::Child CommandRun::start(int out, process::Group group) const {
  const bool on_terminal = group == process::Group::own_terminal;
  std::vector<std::string> variables = parts_.variables;
  variables.insert(variables.end(), {"COOPER_APP=" + parts_.app.str(),
                                     "COOPER_BUILD_ID=" + parts_.id.str(), mark_of(parts_.id)});
  return process::Child::start({
      .argv = parts_.command.words,
      .environment = process::own_environment(variables),
      .folder = parts_.command.folder,
      .in = on_terminal ? out : parts_.streams.input.get(),
      .out = out,
      .err = out,
      .group = group,
      .cgroups = containment_.join_folders(),
      .umask = parts_.umask,
  });
}

Outcome CommandRun::work(std::stop_token stop) {
  const process::Group group =
      parts_.streams.terminal ? process::Group::own_terminal : process::Group::own_group;
  Pipe output = parts_.streams.terminal ? Pipe{.read = std::move(parts_.streams.master),
                                               .write = std::move(parts_.streams.terminal)}
                                        : make_pipe();
  std::optional<process::Child> child;
  try {
    child = start(output.write.get(), group);
  } catch (const Error& error) {  // adapter: told by an exit code, as shells do
    return failed("the command can't be run: " + error.message(),
                  error.code() == Errc::not_found ? kNoSuchCommand : kCannotRun);
  }
  output.write.reset();
  parts_.streams.input.reset();

  std::chrono::steady_clock::time_point kill_at;
  std::atomic<bool> was_stopped = false;
  std::stop_source after_note;  // it may end by the request as soon as that is passed on
  const std::stop_callback note(stop, [&] {
    kill_at = std::chrono::steady_clock::now() + kGrace;
    was_stopped = !has_ended(child->pidfd());
    after_note.request_stop();
  });
  ToLog sink(parts_.log, parts_.redactor, clock_);
  const process::ExitStatus status = log::capture(
      *child, output.read, {.asked = log::CaptureOptions::Asked::group, .grace = kGrace}, sink,
      after_note.get_token());
  // Those who print nothing any more may still be tidying up.
  while (was_stopped && !child->group_is_gone() && std::chrono::steady_clock::now() < kill_at) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  sink.finish();
  if (was_stopped) return canceled();
  ended_by_itself_ = true;
  return judge(status);
}

}  // namespace cooper::build
