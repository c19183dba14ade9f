#include "process/child.h"

#include "base/error.h"
#include "base/text.h"
#include "process/wake.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace cooper::process {

std::vector<std::string> own_environment(const std::vector<std::string>& changes) {
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  std::vector<std::string> result;
  for (char** entry = environ; entry && *entry; ++entry) {
    const bool changed = std::ranges::any_of(
        changes, [&](const std::string& change) { return name_of(change) == name_of(*entry); });
    if (!changed) result.emplace_back(*entry);
  }
  for (const std::string& change : changes) {
    if (change.find('=') != std::string::npos) result.push_back(change);
  }
  return result;
}

namespace {

/// The program's path, found before fork so that the child need not search.
std::string find_program(const Command& command) {
  const std::string& name = command.argv.at(0);
  if (name.find('/') != std::string::npos) return name;
  std::string_view path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const std::string& entry : command.environment) {
    if (entry.starts_with("PATH=")) path = std::string_view(entry).substr(5);
  }
  for (const std::string_view folder : split(path, ':')) {
    std::string candidate = std::string(folder.empty() ? "." : folder) + "/" + name;
    struct stat st {};
    const bool is_file = ::stat(candidate.c_str(), &st) == 0 && S_ISREG(st.st_mode);
    if (is_file && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  throw Error(Errc::not_found, "program \"" + name + "\" was not found in PATH",
              "install it, or put its folder into PATH");
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

/// Everything the child needs, laid out before fork: between fork and exec only
/// async-signal-safe calls are made.
struct Prepared {
  const char* program;
  char* const* argv;
  char* const* environment;
  const char* folder;  // or null
  std::array<int, 3> standard;
  const int* keep;
  std::size_t keep_count;
  Group group;
  int death_signal;
  pid_t parent;
  const int* cgroups;  // open cgroup.procs files
  std::size_t cgroup_count;
  std::optional<mode_t> umask;
};

/// Runs in the child. Returns errno of the step that failed.
int become(const Prepared& p) noexcept {
  if (p.group == Group::own_group && ::setpgid(0, 0) != 0) return errno;
  const bool own_session = p.group == Group::own_session || p.group == Group::own_terminal;
  if (own_session && ::setsid() < 0) return errno;
  if (p.death_signal != 0) {
    if (::prctl(PR_SET_PDEATHSIG, p.death_signal) != 0) return errno;
    if (::getppid() != p.parent) return ECHILD;  // it died before we asked
  }
  for (std::size_t i = 0; i < p.cgroup_count; ++i) {
    if (::write(p.cgroups[i], "0", 1) != 1) return errno;
  }
  // Move the three out of the way first: one of them may be 0, 1 or 2 itself.
  std::array<int, 3> moved{};
  for (std::size_t i = 0; i < 3; ++i) {
    moved[i] = ::fcntl(p.standard[i], F_DUPFD_CLOEXEC, 10);
    if (moved[i] < 0) return errno;
  }
  for (std::size_t i = 0; i < 3; ++i) {
    if (::dup2(moved[i], static_cast<int>(i)) < 0) return errno;
  }
  if (p.group == Group::own_terminal && ::ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0) return errno;
  for (std::size_t i = 0; i < p.keep_count; ++i) {
    if (::fcntl(p.keep[i], F_SETFD, 0) != 0) return errno;
  }
  if (p.folder && ::chdir(p.folder) != 0) return errno;
  if (p.umask) ::umask(*p.umask);
  // Ignored and blocked signals survive exec: give the program a clean slate.
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal_number = 1; signal_number < NSIG; ++signal_number) {
    ::sigaction(signal_number, &standard, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(p.program, p.argv, p.environment);
  return errno;
}

ExitStatus from_siginfo(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.code = info.si_status, .signal = 0};
  return {.code = 128 + info.si_status, .signal = info.si_status};
}

}  // namespace

Child Child::start(const Command& command) {
  const std::string program = find_program(command);
  const std::vector<char*> argv = pointers(command.argv);
  const std::vector<char*> environment = pointers(command.environment);
  const Fd null = open_file("/dev/null", O_RDWR);
  const auto or_null = [&](int fd) { return fd >= 0 ? fd : null.get(); };
  std::vector<Fd> cgroup_files;
  std::vector<int> cgroup_fds;
  for (const std::filesystem::path& folder : command.cgroups) {
    cgroup_files.push_back(open_file(folder / "cgroup.procs", O_WRONLY));
    cgroup_fds.push_back(cgroup_files.back().get());
  }
  const Prepared prepared{
      .program = program.c_str(),
      .argv = argv.data(),
      .environment = environment.data(),
      .folder = command.folder.empty() ? nullptr : command.folder.c_str(),
      .standard = {or_null(command.in), or_null(command.out), or_null(command.err)},
      .keep = command.keep.data(),
      .keep_count = command.keep.size(),
      .group = command.group,
      .death_signal = command.death_signal,
      .parent = ::getpid(),
      .cgroups = cgroup_fds.data(),
      .cgroup_count = cgroup_fds.size(),
      .umask = command.umask,
  };
  Pipe failure = make_pipe();

  // No signal handler of ours may run in the child before exec.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int error_number = become(prepared);
    [[maybe_unused]] const ssize_t n =
        ::write(failure.write.get(), &error_number, sizeof error_number);
    ::_exit(127);
  }
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw_errno(fork_error, "fork");

  failure.write.reset();
  int error_number = 0;
  ssize_t n;
  do {
    n = ::read(failure.read.get(), &error_number, sizeof error_number);
  } while (n < 0 && errno == EINTR);
  if (n == static_cast<ssize_t>(sizeof error_number)) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw_errno(error_number, "start " + program);
  }
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    const int pidfd_error = errno;
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw_errno(pidfd_error, "pidfd_open");
  }
  return {pid, std::move(pidfd)};
}

std::optional<ExitStatus> Child::poll() {
  if (status_) return status_;
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info,
               WEXITED | WNOHANG) != 0) {
    throw_errno("waitid");
  }
  if (info.si_pid != 0) status_ = from_siginfo(info);
  return status_;
}

ExitStatus Child::wait() {
  while (!status_) {
    siginfo_t info{};
    if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, WEXITED) ==
        0) {
      status_ = from_siginfo(info);
    } else if (errno != EINTR) {
      throw_errno("waitid");
    }
  }
  return *status_;
}

void Child::signal(int signal_number) noexcept {
  if (!status_) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal_number, nullptr, 0);
}

void Child::signal_group(int signal_number) noexcept {
  // The group keeps the pid from being reused as long as it has members.
  ::kill(-pid_, signal_number);
}

bool Child::group_is_gone() noexcept {
  while (::waitpid(-pid_, nullptr, WNOHANG) > 0) {
  }
  return ::kill(-pid_, 0) != 0 && errno == ESRCH;
}

Captured run(Command command, std::chrono::milliseconds limit, std::stop_token stop,
             std::size_t max_bytes) {
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  command.out = out.write.get();
  command.err = err.write.get();
  Child child = Child::start(command);
  out.write.reset();
  err.write.reset();

  Captured captured;
  const StopWake wake(std::move(stop));
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const auto give_up = [&](Errc code, const std::string& what) {
    if (command.group != Group::same) child.signal_group(SIGKILL);
    child.signal(SIGKILL);
    child.wait();
    throw Error(code, command.argv[0] + ": " + what);
  };
  // Streams may end long before the process, and (kept by what it started) after it.
  std::array<pollfd, 4> fds{pollfd{out.read.get(), POLLIN, 0}, pollfd{err.read.get(), POLLIN, 0},
                            pollfd{child.pidfd(), POLLIN, 0}, pollfd{wake.fd(), POLLIN, 0}};
  char buffer[65536];
  while (fds[0].fd >= 0 || fds[1].fd >= 0 || fds[2].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) give_up(Errc::unavailable, "gave no answer in time");
    if (::poll(fds.data(), fds.size(), static_cast<int>(left.count()) + 1) < 0) {
      if (errno == EINTR) continue;
      throw_errno("poll");
    }
    if (fds[3].revents != 0) give_up(Errc::canceled, "canceled");
    if (fds[2].revents != 0) fds[2].fd = -1;
    for (std::size_t i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      const ssize_t n = read_some(fds[i].fd, buffer);
      if (n <= 0) {
        fds[i].fd = -1;
        continue;
      }
      std::string& text = i == 0 ? captured.out : captured.err;
      text.append(buffer, std::min(static_cast<std::size_t>(n), max_bytes - text.size()));
    }
  }
  captured.status = child.wait();
  return captured;
}

}  // namespace cooper::process
