// How long it takes to see that nothing changed.
//   unchanged FOLDER ROUNDS

#include "source/ignore.h"
#include "source/stat_cache.h"
#include "source/tree_digest.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace cooper;
namespace fs = std::filesystem;

constexpr int kFiles = 10'000;

void make_files(const fs::path& folder) {
  for (int i = 0; i < kFiles; ++i) {
    const fs::path path = folder / ("packages/package-" + std::to_string(i / 100)) /
                          ("src/module" + std::to_string(i % 10)) /
                          ("file-" + std::to_string(i) + ".js");
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "module.exports = " << i << ";\n"
                        << std::string(static_cast<std::size_t>(i % 8000), 'x');
  }
}

struct Round {
  double ms;
  std::uint64_t read;
};

/// One decision as a command makes it: cache loaded, tree walked, cache saved.
Round decide(const fs::path& folder, const fs::path& cache_file, const source::TreeFilter& filter) {
  const auto begin = std::chrono::steady_clock::now();
  source::StatCache cache(cache_file);
  const source::TreeDigest digest =
      source::tree_digest({.root = folder, .filter = filter, .cache = &cache});
  cache.save();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  return {took.count(), digest.files_read};
}

}  // namespace

int main(int argc, char** argv) {
  const fs::path folder = argv[argc > 1 ? 1 : 0];
  const int rounds = argc > 2 ? std::stoi(argv[2]) : 15;
  const fs::path source = folder / "source";
  make_files(source);
  const source::TreeFilter filter{
      .exclude =
          source::IgnoreRules::parse(
              ".git\nnode_modules\n**/*.log\n**/__pycache__\n.env*\ndist\n*.md\n!README.md\n")
              .value()};
  std::this_thread::sleep_for(source::StatCache::kSettled + std::chrono::seconds(1));
  const fs::path cache = folder / "cache/stat";
  const Round first = decide(source, cache, filter);
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const Round again = decide(source, cache, filter);
    if (again.read != 0) {
      std::printf("%llu files were read again\n", static_cast<unsigned long long>(again.read));
      return 1;
    }
    times.push_back(again.ms);
  }
  std::ranges::sort(times);
  std::printf(
      "%d files, 8 ignore rules: first %.1f ms (%llu files read), then %.1f ms "
      "(median of %d, %.1f to %.1f); goal 50 ms\n",
      kFiles, first.ms, static_cast<unsigned long long>(first.read), times[times.size() / 2],
      rounds, times.front(), times.back());
  return 0;
}
