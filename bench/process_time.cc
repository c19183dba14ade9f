// process_time ROUNDS COMMAND...: medians and least of wall time and of processor
// time (user + system) of a short command, its output discarded, and the most
// memory that it used.

#include "base/text.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

struct Cost {
  double wall;
  double processor;
  long memory;  // KiB
};

Cost run(char** argv) {
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  const auto start = std::chrono::steady_clock::now();
  pid_t pid = 0;
  if (const int error = ::posix_spawnp(&pid, argv[0], &files, nullptr, argv, environ); error != 0) {
    std::fprintf(stderr, "process_time: %s: %s\n", argv[0], std::string(strerror(error)).c_str());
    std::exit(1);
  }
  ::posix_spawn_file_actions_destroy(&files);
  int status = 0;
  rusage usage{};
  ::wait4(pid, &status, 0, &usage);
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  if (status != 0) {
    std::fprintf(stderr, "process_time: %s failed\n", argv[0]);
    std::exit(1);
  }
  return {wall.count(), milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
          usage.ru_maxrss};
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

int main(int argc, char** argv) {
  const auto rounds = cooper::parse_number(argc > 2 ? argv[1] : "");
  if (!rounds || *rounds == 0) {
    std::fputs("usage: process_time ROUNDS COMMAND...\n", stderr);
    return 2;
  }
  std::vector<double> wall;
  std::vector<double> processor;
  long memory = 0;
  for (std::uint64_t i = 0; i < *rounds; ++i) {
    const Cost cost = run(argv + 2);
    wall.push_back(cost.wall);
    processor.push_back(cost.processor);
    memory = std::max(memory, cost.memory);
  }
  std::string command;
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    command += (i == 2 ? word.substr(word.rfind('/') + 1) : " " + std::string(word));
  }
  std::printf("%-44s processor %6.2f ms (least %6.2f)   wall %6.2f ms (least %6.2f)   %ld MiB\n",
              command.c_str(), median(processor), std::ranges::min(processor), median(wall),
              std::ranges::min(wall), memory / 1024);
}
