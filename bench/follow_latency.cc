// How long a byte takes from the build's write to a follower's callback.
//   follow_latency FOLDER LINES
// A second process appends a line that holds the time, every few milliseconds.

#include "base/file.h"
#include "base/text.h"
#include "log/follow.h"
#include "log/log_file.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace cooper;

// The same clock in both processes.
std::uint64_t now_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(time.tv_nsec);
}

void pause_ns(long ns) {
  const timespec time{0, ns};
  ::nanosleep(&time, nullptr);
}

// Writes the lines, then the record; its own time is the last line's, so that
// the end of the follow is measured, too.
void write_log(const std::filesystem::path& log, int lines) {
  log::LogFile file = log::LogFile::open_existing(log);
  pause_ns(200'000'000);  // until the follower waits
  for (int i = 0; i < lines; ++i) {
    file.append(std::to_string(now_ns()) + "\n");
    pause_ns(1'000'000 + i % 7 * 500'000);
  }
  write_file_durably(std::filesystem::path(log).replace_extension(".json"),
                     std::to_string(now_ns()), 0644);
}

int follow(const std::filesystem::path& folder, int lines) {
  const std::filesystem::path log = folder / "bench.log";
  const std::filesystem::path record = folder / "bench.json";
  log::LogFile::create(log, 0600);
  const pid_t writer = ::fork();
  if (writer == 0) {
    write_log(log, lines);
    ::_exit(0);
  }
  std::vector<double> delays_us;
  log::Follower follower(log, {}, [&] {
    return std::filesystem::exists(record) ? log::FollowState::ended : log::FollowState::live;
  });
  follower.run(
      [&](std::string_view chunk) {
        const std::uint64_t arrived = now_ns();
        for (const std::string_view line : split(chunk, '\n'))
          if (const auto sent = parse_number(line))
            delays_us.push_back(static_cast<double>(arrived - *sent) / 1e3);
      },
      {});
  const std::uint64_t ended = now_ns();
  ::waitpid(writer, nullptr, 0);
  if (delays_us.size() != static_cast<std::size_t>(lines)) {
    std::fprintf(stderr, "%zu of %d lines arrived\n", delays_us.size(), lines);
    return 1;
  }
  std::sort(delays_us.begin(), delays_us.end());
  const auto at = [&](double share) {
    return delays_us[static_cast<std::size_t>(share * static_cast<double>(delays_us.size() - 1))] /
           1e3;
  };
  const std::uint64_t finished = parse_number(read_file(record).value()).value();
  std::printf("%d lines, one every 1 to 4 ms\n", lines);
  std::printf("%12s %12s %12s %12s %12s\n", "median/goal", "median ms", "p99 ms", "max ms",
              "end ms");
  std::printf("%12.3f %12.3f %12.3f %12.3f %12.3f\n", at(0.5) / 5, at(0.5), at(0.99), at(1),
              static_cast<double>(ended - finished) / 1e6);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: follow_latency FOLDER LINES\n");
    return 2;
  }
  return follow(argv[1], static_cast<int>(std::strtol(argv[2], nullptr, 10)));
}
