// How fast a child's output gets into the log, and what that costs, beside
// `writer | tee -a file >/dev/null` on the same stream.
//   log_capture FOLDER MIB ROUNDS     (`log_capture write MIB` is the writer)

#include "base/error.h"
#include "base/fd.h"
#include "log/capture.h"
#include "log/channel.h"
#include "process/child.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace cooper;

struct Cost {
  double wall_s = 0;
  double cpu_s = 0;  // user and system, of the capturing process only
};

struct Job {
  std::filesystem::path file;
  std::size_t mib;
  std::size_t secrets;
};

double seconds(const rusage& use) {
  const auto of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return of(use.ru_utime) + of(use.ru_stime);
}

std::string random_word(std::mt19937& random, std::size_t length, std::string_view alphabet) {
  std::uniform_int_distribution<std::size_t> any(0, alphabet.size() - 1);
  std::string word;
  while (word.size() < length) word += alphabet[any(random)];
  return word;
}

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kTokens =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/";

// Lines of 100 bytes that look like a build's: paths, words, numbers, hashes.
int write_lines(std::size_t mib) {
  std::mt19937 random(1);
  std::string block;
  for (int i = 0; block.size() < (std::size_t{1} << 20) + 100; ++i) {
    std::string line = "[" + std::to_string(i) + "/9999] Building CXX object src/" +
                       random_word(random, 5, kLetters) + "/" + random_word(random, 8, kLetters) +
                       ".cc.o sha256:" + random_word(random, 24, "0123456789abcdef") + " " +
                       random_word(random, 6, kLetters) + "=" + random_word(random, 12, kTokens);
    line.resize(99, '.');
    block += line + "\n";
  }
  constexpr std::size_t kWrite = std::size_t{64} << 10;
  for (std::size_t n = 0; n < mib * 16; ++n)
    write_all(STDOUT_FILENO, std::string_view(block).substr(n % 16 * kWrite, kWrite));
  return 0;
}

process::Child start_writer(std::size_t mib, int out) {
  return process::Child::start({.argv = {"/proc/self/exe", "write", std::to_string(mib)},
                                .environment = process::own_environment(),
                                .out = out});
}

struct ToChannel : log::Sink {
  explicit ToChannel(log::Channel& to) : channel(to) {}
  void bytes(std::string_view chunk) override { channel.write(chunk); }
  void idle() override { channel.flush_partial(); }
  log::Channel& channel;
};

double capture_cpu(const Job& job) {
  std::mt19937 random(2);
  std::vector<std::string> secrets;
  for (std::size_t i = 0; i < job.secrets; ++i)
    secrets.push_back(random_word(random, 16 + i, kTokens));
  log::LogFile file = log::LogFile::create(job.file, 0600);
  const log::Redactor redactor(secrets);
  log::Channel channel(file, "", &redactor);
  ToChannel sink(channel);
  Pipe pipe = make_pipe();
  process::Child writer = start_writer(job.mib, pipe.write.get());
  pipe.write.reset();
  log::capture(writer, pipe.read, {}, sink, {});
  channel.finish();
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  return seconds(use);
}

double tee_cpu(const Job& job) {
  Pipe pipe = make_pipe();
  process::Child writer = start_writer(job.mib, pipe.write.get());
  pipe.write.reset();
  process::Child tee = process::Child::start({.argv = {"tee", "-a", job.file.string()},
                                              .environment = process::own_environment(),
                                              .in = pipe.read.get()});
  pipe.read.reset();
  writer.wait();
  rusage use{};
  siginfo_t info{};
  // The system call tells what the process used; the library's function does not.
  ::syscall(SYS_waitid, P_PID, tee.pid(), &info, WEXITED | WNOWAIT, &use);
  tee.wait();
  return seconds(use);
}

// In a process of its own, so that its CPU time is its own.
Cost measure(const Job& job, const std::function<double(const Job&)>& run) {
  ::sync();  // no run pays for the writing back of the one before
  Pipe pipe = make_pipe();
  const auto begin = std::chrono::steady_clock::now();
  const pid_t pid = ::fork();
  if (pid == 0) {
    const double cpu = run(job);
    write_all(pipe.write.get(), {reinterpret_cast<const char*>(&cpu), sizeof cpu});
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  double cpu = 0;
  if (status != 0 || std::filesystem::file_size(job.file) != job.mib << 20 ||
      ::read(pipe.read.get(), &cpu, sizeof cpu) != sizeof cpu)
    throw Error(Errc::internal, "a run failed or lost bytes");
  std::filesystem::remove(job.file);
  return {wall.count(), cpu};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Variant {
  const char* name;
  std::size_t secrets;
  std::function<double(const Job&)> run;
  std::vector<double> wall_s;
  std::vector<double> cpu_s;
};

int table(const std::filesystem::path& folder, std::size_t mib, int rounds) {
  std::array<Variant, 3> variants{Variant{"tee -a", 0, tee_cpu, {}, {}},
                                  Variant{"cooper", 0, capture_cpu, {}, {}},
                                  Variant{"cooper, 20 secrets", 20, capture_cpu, {}, {}}};
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < variants.size(); ++i) {
      // Each goes first in turn: what a run leaves in memory costs the next one.
      Variant& variant = variants[(i + static_cast<std::size_t>(round)) % variants.size()];
      const Cost cost = measure({folder / "bench.log", mib, variant.secrets}, variant.run);
      variant.wall_s.push_back(cost.wall_s);
      variant.cpu_s.push_back(cost.cpu_s);
    }
  }
  std::printf("%zu MiB of 100-byte lines, %d alternating rounds; CPU of the capturing process\n",
              mib, rounds);
  std::printf("%-20s %10s %10s %10s %10s %10s %10s\n", "", "CPU/tee", "least/tee", "CPU s",
              "least CPU", "MB/s", "most MB/s");
  const auto mb = static_cast<double>(mib << 20) / 1e6;
  for (const Variant& v : variants) {
    std::printf("%-20s %10.2f %10.2f %10.3f %10.3f %10.0f %10.0f\n", v.name,
                median(v.cpu_s) / median(variants[0].cpu_s),
                std::ranges::min(v.cpu_s) / std::ranges::min(variants[0].cpu_s), median(v.cpu_s),
                std::ranges::min(v.cpu_s), mb / median(v.wall_s), mb / std::ranges::min(v.wall_s));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && arguments[0] == "write")
    return write_lines(std::strtoul(argv[2], nullptr, 10));
  if (arguments.size() == 3)
    return table(arguments[0], std::strtoul(argv[2], nullptr, 10),
                 static_cast<int>(std::strtol(argv[3], nullptr, 10)));
  std::fprintf(stderr, "usage: log_capture FOLDER MIB ROUNDS\n");
  return 2;
}
