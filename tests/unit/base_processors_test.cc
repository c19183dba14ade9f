#include "base/processors.h"

#include <gtest/gtest.h>

#include <sched.h>
#include <thread>

namespace cooper {
namespace {

TEST(OwnProcessors, AreThoseThatTheThreadMayRunOn) {
  std::thread([] {
    EXPECT_GE(own_processors(), 1U);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(::sched_getcpu()), &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(own_processors(), 1U);
  }).join();
}

}  // namespace
}  // namespace cooper
