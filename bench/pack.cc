// How fast a source folder is packed, and in how much memory, beside tar.
//   pack FOLDER ROUNDS     (`pack one FOLDER` packs one folder)

#include "source/pack.h"

#include "base/error.h"
#include "base/fd.h"
#include "process/child.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
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
namespace fs = std::filesystem;

using Random = std::mt19937;

std::size_t pick(Random& random, std::size_t end) {
  return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
}

// Looks like source to a compressor: few keywords, more names, some numbers.
// (gzip makes a quarter of it, as it does of a node_modules folder.)
std::string source_text(Random& random, std::size_t size) {
  constexpr std::array<std::string_view, 16> kKeywords{
      "const ",  "return ", "function ", "if (",    ") {\n  ", "});\n",  "module.exports = ",
      "this.",   "require", "export ",   "import ", "=> {\n",  "};\n\n", "string",
      "// the ", "null"};
  std::string text;
  while (text.size() < size) {
    const std::size_t kind = pick(random, 8);
    if (kind < 4) {
      text += kKeywords[pick(random, kKeywords.size())];
    } else if (kind < 7) {
      const std::size_t word = pick(random, 3000) * pick(random, 3000) / 3000;
      Random letters(static_cast<unsigned>(word));
      for (std::size_t i = 0; i < 3 + word % 8; ++i) {
        text += static_cast<char>('a' + pick(letters, 26));
      }
      text += " .,();=\n"[pick(random, 8)];
    } else {
      text += std::to_string(pick(random, 1000)) + ", ";
    }
  }
  text.resize(size);
  return text;
}

void write_file(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// Sizes as in a node_modules folder: half below 1.5 KiB, a few of 100 KiB.
std::uint64_t make_small_files(const fs::path& folder, int count) {
  Random random(1);
  const std::string text = source_text(random, std::size_t{8} << 20);
  std::lognormal_distribution<double> sizes(std::log(1500), 1.4);
  std::uint64_t bytes = 0;
  for (int i = 0; i < count; ++i) {
    const auto size = static_cast<std::size_t>(std::min(sizes(random), 262144.0));
    const std::string name = "packages/p" + std::to_string(i / 40) + "/lib/" +
                             std::to_string(i % 40 / 10) + "/file" + std::to_string(i) + ".js";
    write_file(folder / name,
               std::string_view(text).substr(pick(random, text.size() - size), size));
    bytes += size;
  }
  return bytes;
}

std::uint64_t make_large_files(const fs::path& folder) {
  constexpr int kFiles = 1000;
  constexpr std::size_t kSize = 1000000;
  Random random(2);
  const std::string text = source_text(random, std::size_t{8} << 20);
  for (int i = 0; i < kFiles; ++i) {
    write_file(folder / ("large" + std::to_string(i)),
               std::string_view(text).substr(pick(random, text.size() - kSize), kSize));
  }
  return kFiles * kSize;
}

struct Cost {
  double wall_s = 0;
  double cpu_s = 0;
  double rss_mib = 0;  // of the largest process
};

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

// The command's output is the archive.
Cost measure(const std::vector<std::string>& argv, const fs::path& tree, const fs::path& archive) {
  ::sync();  // no run pays for the writing back of the one before
  const Fd out = open_file(archive, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const auto begin = std::chrono::steady_clock::now();
  process::Child child = process::Child::start({.argv = argv,
                                                .environment = process::own_environment(),
                                                .folder = tree,
                                                .out = out.get(),
                                                .err = STDERR_FILENO});
  rusage use{};
  siginfo_t info{};
  // The system call tells what the process used, and what it waited for; the
  // library's function does not.
  ::syscall(SYS_waitid, P_PID, child.pid(), &info, WEXITED | WNOWAIT, &use);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  if (!child.wait().ok()) throw Error(Errc::internal, argv[0] + " failed");
  return {wall.count(), seconds(use.ru_utime) + seconds(use.ru_stime),
          static_cast<double>(use.ru_maxrss) / 1024};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Variant {
  const char* name;
  std::vector<std::string> argv;
  std::vector<double> wall_s;
  std::vector<double> cpu_s;
  double rss_mib = 0;
  std::uintmax_t size = 0;
};

std::vector<Variant> variants() {
  return {
      {"cooper", {"/proc/self/exe", "one", "."}},
      {"tar czf", {"tar", "czf", "-", "."}},
      {"tar | zstd -T2 -3", {"bash", "-o", "pipefail", "-c", "tar cf - . | zstd -q -T2 -3"}},
  };
}

void table(const fs::path& tree, const std::string& title, int rounds,
           std::vector<Variant> compared) {
  const fs::path archive = tree.parent_path() / "archive";
  for (int round = -1; round < rounds; ++round) {  // the first reads the tree into memory
    for (Variant& variant : compared) {
      const Cost cost = measure(variant.argv, tree, archive);
      variant.rss_mib = std::max(variant.rss_mib, cost.rss_mib);
      variant.size = fs::file_size(archive);
      if (round < 0) continue;
      variant.wall_s.push_back(cost.wall_s);
      variant.cpu_s.push_back(cost.cpu_s);
    }
  }
  std::printf("%s, median of %d alternating rounds\n", title.c_str(), rounds);
  std::printf("%-20s %8s %12s %8s %10s %8s %16s\n", "", "wall s", "cooper is", "CPU s", "RSS MiB",
              "MB out", "wall s min..max");
  const double cooper = median(compared.front().wall_s);
  for (const Variant& v : compared) {
    const auto [low, high] = std::minmax_element(v.wall_s.begin(), v.wall_s.end());
    std::printf("%-20s %8.2f %11.1fx %8.2f %10.1f %8.1f %10.2f..%.2f\n", v.name, median(v.wall_s),
                median(v.wall_s) / cooper, median(v.cpu_s), v.rss_mib,
                static_cast<double>(v.size) / 1e6, *low, *high);
  }
  std::printf("\n");
}

int compare(const fs::path& folder, int rounds) {
  for (const int count : {20000, 50000}) {
    const fs::path tree = folder / std::to_string(count);
    const std::uint64_t bytes = make_small_files(tree, count);
    table(tree, std::to_string(count) + " files, " + std::to_string(bytes / 1000000) + " MB",
          rounds, variants());
  }
  const fs::path tree = folder / "large";
  const std::uint64_t bytes = make_large_files(tree);
  table(tree, "1000 files, " + std::to_string(bytes / 1000000) + " MB", 1, {variants().front()});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && arguments[0] == "one") {
    source::pack({.folder = arguments[1]}, STDOUT_FILENO);
    return 0;
  }
  if (arguments.size() == 2) {
    return compare(arguments[0], static_cast<int>(std::strtol(argv[2], nullptr, 10)));
  }
  std::fprintf(stderr, "usage: pack FOLDER ROUNDS\n");
  return 2;
}
