// How long a byte takes from the write of a build's process to a follower's
// callback, by the way it takes in a build: a child's pipe, capture, a service's
// channel with its prefix, the log file, the follower.
//   follow_latency FOLDER LINES
// The child (this program with --write) prints a line that holds the time, every
// few milliseconds.

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "log/capture.h"
#include "log/channel.h"
#include "log/follow.h"
#include "log/log_file.h"
#include "process/child.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace cooper;

constexpr std::string_view kPrefix = "web    | ";

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

// The child: one write(2) a line.
int print_times(int lines) {
  pause_ns(200'000'000);  // until the follower waits
  for (int i = 0; i < lines; ++i) {
    write_all(STDOUT_FILENO, std::to_string(now_ns()) + "\n");
    pause_ns(1'000'000 + i % 7 * 500'000);
  }
  return 0;
}

class ToChannel : public log::Sink {
 public:
  explicit ToChannel(log::Channel& channel) : channel_(channel) {}
  void bytes(std::string_view chunk) override { channel_.write(chunk); }
  void idle() override { channel_.flush_partial(); }

 private:
  log::Channel& channel_;
};

// A build, as far as its log goes. Its record holds its own time, so that the end
// of the follow is measured, too.
void build(const std::filesystem::path& log, const std::filesystem::path& record, int lines) {
  log::LogFile file = log::LogFile::open_existing(log);
  log::Channel channel(file, std::string(kPrefix), nullptr);
  ToChannel sink(channel);
  Pipe pipe = make_pipe();
  process::Child child =
      process::Child::start({.argv = {"/proc/self/exe", "--write", std::to_string(lines)},
                             .environment = process::own_environment(),
                             .out = pipe.write.get()});
  pipe.write.reset();
  log::capture(child, pipe.read, {}, sink, {});
  channel.finish();
  write_file_durably(record, std::to_string(now_ns()), 0644);
}

// The delays of the whole lines in `text`, in ms, which are taken out of it.
void take_lines(std::string& text, std::uint64_t arrived, std::vector<double>& delays) {
  for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos;) {
    const std::string_view line = std::string_view(text).substr(0, end);
    if (line.starts_with(kPrefix)) {
      if (const auto sent = parse_number(line.substr(kPrefix.size())))
        delays.push_back(static_cast<double>(arrived - *sent) / 1e6);
    }
    text.erase(0, end + 1);
  }
}

int follow(const std::filesystem::path& folder, int lines) {
  const std::filesystem::path log = folder / "bench.log";
  const std::filesystem::path record = folder / "bench.json";
  log::LogFile::create(log, 0600);
  std::jthread builder([&] { build(log, record, lines); });
  std::vector<double> delays;
  std::string text;
  log::Follower follower(log, {}, [&] {
    return std::filesystem::exists(record) ? log::FollowState::ended : log::FollowState::live;
  });
  follower.run(
      [&](std::string_view chunk) {
        const std::uint64_t arrived = now_ns();
        text += chunk;
        take_lines(text, arrived, delays);
      },
      {});
  const std::uint64_t ended = now_ns();
  builder.join();
  if (delays.size() != static_cast<std::size_t>(lines)) {
    std::fprintf(stderr, "%zu of %d lines arrived\n", delays.size(), lines);
    return 1;
  }
  std::sort(delays.begin(), delays.end());
  const auto at = [&](double share) {
    return delays[static_cast<std::size_t>(share * static_cast<double>(delays.size() - 1))];
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
  const int lines = static_cast<int>(std::strtol(argv[2], nullptr, 10));
  return std::string_view(argv[1]) == "--write" ? print_times(lines) : follow(argv[1], lines);
}
