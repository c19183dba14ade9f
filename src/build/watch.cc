#include "build/watch.h"

#include "base/error.h"
#include "base/time.h"
#include "build/cancel.h"
#include "build/outcome.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <thread>
#include <unistd.h>

namespace cooper::build {
namespace chr = std::chrono;

namespace {

std::string user_name(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found) {
    return found->pw_name;
  }
  return "uid " + std::to_string(uid);
}

}  // namespace

sigset_t end_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal_number : {SIGQUIT, SIGTERM, SIGINT}) ::sigaddset(&set, signal_number);
  return set;
}

std::string reason_of(const signalfd_siginfo& signal) {
  const bool says_why = signal.ssi_code == SI_QUEUE;
  if (says_why && signal.ssi_int == static_cast<int>(CancelFor::pusher_left)) {
    return "canceled: the pusher left";
  }
  return "canceled by " + user_name(signal.ssi_uid);
}

void block_end_signals() {
  const sigset_t set = end_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

namespace {

Outcome failure(const Error& error) {
  std::string reason = error.message();
  if (!error.hint().empty()) reason += " (" + error.hint() + ")";
  return failed(std::move(reason));
}

}  // namespace

Outcome run_watched(const Settings& settings, const log::OutputClock& clock,
                    const std::function<Outcome(std::stop_token)>& work) {
  Watch watch(settings, clock);
  std::stop_source stop;
  Outcome outcome;
  std::jthread worker([&] {
    try {
      outcome = work(stop.get_token());
    } catch (const Error& error) {  // boundary: background task
      outcome = failure(error);
      if (stop.stop_requested()) outcome.status = Status::canceled;
    } catch (const std::exception& error) {  // boundary: background task
      outcome = failure(Error(Errc::internal, error.what()));
    }
    watch.work_is_done();
  });
  watch.wait(stop);
  worker.join();
  // What succeeded or failed by itself before the request reached it has done so.
  if (watch.end_request() && outcome.status == Status::canceled) {
    outcome.status = watch.end_request()->status;
    outcome.exit_code = watch.end_request()->exit_code;
    outcome.reason = watch.end_request()->reason;
  }
  return outcome;
}

Watch::Watch(const Settings& settings, const log::OutputClock& clock)
    : settings_(settings), clock_(clock), done_(::eventfd(0, EFD_CLOEXEC)) {
  const sigset_t set = end_signals();
  signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!done_ || !signals_) throw_errno("watch the build");
}

void Watch::work_is_done() noexcept {
  const std::uint64_t one = 1;
  // Can only fail if the counter is full, and then it is readable already.
  [[maybe_unused]] const ssize_t n = ::write(done_.get(), &one, sizeof one);
}

void Watch::wait(std::stop_source& stop) {
  std::array<pollfd, 2> fds{pollfd{done_.get(), POLLIN, 0}, pollfd{signals_.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(fds.data(), fds.size(), wake_in_ms()) < 0 && errno != EINTR) throw_errno("poll");
    if (fds[1].revents != 0) take_signal(stop);
    if (fds[0].revents != 0) return;
    check_clock(stop);
  }
}

int Watch::wake_in_ms() const {
  const bool has_limit = settings_.timeout.count() != 0 || settings_.stall_timeout.count() != 0;
  return has_limit && !end_request_ ? 200 : -1;
}

void Watch::take_signal(std::stop_source& stop) {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
  end(stop, {.status = Status::canceled, .exit_code = -1, .reason = reason_of(info)});
}

void Watch::check_clock(std::stop_source& stop) {
  const auto silence = chr::steady_clock::now() - clock_.last_output();
  const auto age = chr::steady_clock::now() - start_;
  const auto time_out = [&](const std::string& why) {
    end(stop, {.status = Status::failed, .exit_code = kTimedOut, .reason = "timed out: " + why});
  };
  if (settings_.timeout.count() != 0 && age > settings_.timeout) {
    time_out("it took longer than " + to_text(settings_.timeout) + " (property timeout)");
  } else if (settings_.stall_timeout.count() != 0 && silence > settings_.stall_timeout) {
    time_out("it printed nothing for " + to_text(settings_.stall_timeout) +
             " (property stall-timeout)");
  }
}

void Watch::end(std::stop_source& stop, EndRequest request) {
  if (end_request_) return;
  end_request_ = std::move(request);
  stop.request_stop();
}

}  // namespace cooper::build
