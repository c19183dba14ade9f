#include "process/alive.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "process/proc.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace cooper::process {
namespace chr = std::chrono;

namespace {

chr::nanoseconds since_boot() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return chr::seconds{time.tv_sec} + chr::nanoseconds{time.tv_nsec};
}

Time boot_time() {
  constexpr int kAttempts = 100;
  for (int attempt = 1;; ++attempt) {
    const auto before = since_boot();
    const Time at = now();
    const auto after = since_boot();
    // Who is held up between them has two times that do not belong together.
    if (after - before < chr::milliseconds{1} || attempt == kAttempts) return at - after;
  }
}

}  // namespace

bool is_same_process(pid_t pid, Time seen_at, std::string_view mark) {
  const auto facts = find_process(pid);
  if (!facts || !facts->lives) return false;
  const double seconds =
      static_cast<double>(facts->started) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  const Time started =
      boot_time() + chr::duration_cast<chr::nanoseconds>(chr::duration<double>(seconds));
  // Ticks round down; the two clocks are read one after the other.
  if (started <= seen_at + chr::milliseconds{20}) return true;

  if (pid == ::getpid() || mark.empty()) return false;
  const std::string arguments = read_of_process(pid, "cmdline");
  const auto words = split(arguments, '\0');
  return std::ranges::find(words, mark) != words.end();
}

bool runs_with(pid_t pid, std::string_view program, std::string_view option,
               std::string_view value) {
  if (pid <= 0 || pid == ::getpid()) return false;
  const std::string arguments = read_of_process(pid, "cmdline");  // a zombie has none
  const auto words = split(arguments, '\0');
  if (words[0].substr(words[0].rfind('/') + 1) != program) return false;
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    if (words[i] == option && words[i + 1] == value) return true;
  }
  return false;
}

bool signal_process(pid_t pid, int signal_number, const std::function<bool()>& is_it, int value) {
  if (pid < 2) return false;
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd && errno != ESRCH) throw_errno("pidfd_open");
  // From here on the descriptor means one process, whatever becomes of its pid.
  if (!pidfd || !is_it()) return false;
  siginfo_t info{};
  info.si_signo = signal_number;
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_int = value;
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal_number, value == 0 ? nullptr : &info,
                0) == 0) {
    return true;
  }
  if (errno != ESRCH) throw_errno("signal process " + std::to_string(pid));
  return false;
}

}  // namespace cooper::process
