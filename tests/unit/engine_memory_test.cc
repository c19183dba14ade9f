// Whose process it was that the kernel killed for memory.
#include "engine/memory_kills.h"

#include <gtest/gtest.h>

#include <fstream>

namespace cooper::engine {
namespace {

namespace fs = std::filesystem;

/// A cgroup's folder with made-up counters.
class AGroup : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(group() / "engine"); }
  void TearDown() override { fs::remove_all(group()); }

  static fs::path group() {
    return fs::path(testing::TempDir()) / ("memory-kills-" + std::to_string(::getpid()));
  }
  static void write(const char* file, const char* text) { std::ofstream(group() / file) << text; }
};

TEST_F(AGroup, OfCgroup2CountsItsOwnKills) {
  write("memory.events", "low 0\nhigh 0\nmax 7\noom 3\noom_kill 3\noom_group_kill 0\n");
  const MemoryWatch watch({group() / "engine"});
  EXPECT_EQ(watch.seen(), MemoryKills::none);
  write("memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n");
  EXPECT_EQ(watch.seen(), MemoryKills::none);  // its limit was hit, and memory was found
  write("memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill 4\noom_group_kill 0\n");
  EXPECT_EQ(watch.seen(), MemoryKills::in_build);
}

TEST_F(AGroup, OfCgroup1WithAFullLimitHasSeenNothingIfNobodyWasKilled) {
  write("memory.failcnt", "0\n");
  const MemoryWatch watch({group() / "engine"});
  write("memory.failcnt", "12\n");
  EXPECT_NE(watch.seen(), MemoryKills::on_host);
}

TEST_F(AGroup, ThatIsGoneHasSeenNothing) {
  write("memory.events", "oom_kill 3\n");
  const MemoryWatch watch({group() / "engine"});
  fs::remove_all(group());
  EXPECT_EQ(watch.seen(), MemoryKills::none);
}

}  // namespace
}  // namespace cooper::engine
