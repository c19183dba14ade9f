#include "base/pause.h"

#include <gtest/gtest.h>

#include <thread>

namespace cooper {
namespace {

TEST(Pause, EndsByItselfOrByAStopRequest) {
  EXPECT_TRUE(pause(std::chrono::milliseconds{1}, {}));
  std::stop_source stop;
  const std::jthread later([&] { stop.request_stop(); });
  EXPECT_FALSE(pause(std::chrono::hours{1}, stop.get_token()));
  EXPECT_FALSE(pause(std::chrono::hours{1}, stop.get_token()));
}

}  // namespace
}  // namespace cooper
