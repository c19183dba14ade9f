#include "process/alive.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#include <algorithm>
#include <string>
#include <time.h>
#include <unistd.h>

namespace cooper::process {
namespace chr = std::chrono;

namespace {

std::string read_proc(pid_t pid, const char* file) {
  try {
    return read_file("/proc/" + std::to_string(pid) + "/" + file).value_or("");
  } catch (const Error&) {  // adapter: it ended while we read, so it is not there
    return {};
  }
}

Time boot_time() {
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return now() - chr::seconds{since_boot.tv_sec} - chr::nanoseconds{since_boot.tv_nsec};
}

}  // namespace

bool is_same_process(pid_t pid, Time seen_at, std::string_view mark) {
  if (pid <= 0) return false;
  // "pid (comm) state ppid ... starttime": comm may hold anything, also `)`.
  const std::string stat = read_proc(pid, "stat");
  const std::size_t comm_end = stat.rfind(')');
  if (comm_end == std::string::npos || comm_end + 2 >= stat.size()) return false;
  const auto fields = split(std::string_view(stat).substr(comm_end + 2), ' ');
  constexpr std::size_t kState = 0;
  constexpr std::size_t kStartTime = 19;  // field 22 of the whole line, proc(5)
  if (fields.size() <= kStartTime) return false;
  if (fields[kState] == "Z" || fields[kState] == "X") return false;

  const auto ticks = parse_number(fields[kStartTime]);
  if (!ticks) return false;
  const double seconds = static_cast<double>(*ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  const Time started =
      boot_time() + chr::duration_cast<chr::nanoseconds>(chr::duration<double>(seconds));
  // Ticks round down; the two clocks are read one after the other.
  if (started <= seen_at + chr::milliseconds{20}) return true;

  return has_argument(pid, mark);
}

bool has_argument(pid_t pid, std::string_view mark) {
  if (pid <= 0 || mark.empty()) return false;
  const std::string arguments = read_proc(pid, "cmdline");  // a zombie has none
  const auto words = split(arguments, '\0');
  return std::ranges::find(words, mark) != words.end();
}

}  // namespace cooper::process
