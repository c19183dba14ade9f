// Stop requests that wait for a better moment.
#include "engine/delayed_stop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

namespace cooper::engine {
namespace {

constexpr std::chrono::hours kForever{1};

void wait_for(const std::stop_token& token) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any stopped;
  stopped.wait(lock, token, [] { return false; });
}

TEST(DelayedStop, PassesOnWhenItNeedNotWait) {
  std::stop_source source;
  std::atomic<int> asked = 0;
  const DelayedStop delayed(
      source.get_token(), [&] { return ++asked < 3; }, kForever);
  EXPECT_FALSE(delayed.token().stop_requested());
  EXPECT_EQ(asked, 0);
  source.request_stop();
  wait_for(delayed.token());
  EXPECT_EQ(asked, 3);
}

TEST(DelayedStop, WaitsNoLongerThanItMay) {
  std::stop_source source;
  const DelayedStop delayed(
      source.get_token(), [] { return true; }, std::chrono::milliseconds(5));
  source.request_stop();
  wait_for(delayed.token());
}

TEST(DelayedStop, PassesOnWhatCameBefore) {
  std::stop_source source;
  source.request_stop();
  const DelayedStop delayed(
      source.get_token(), [] { return false; }, kForever);
  wait_for(delayed.token());
}

TEST(DelayedStop, DoesNotWaitForWhatCantBeTold) {
  std::stop_source source;
  const DelayedStop delayed(
      source.get_token(), []() -> bool { throw std::runtime_error("no list"); }, kForever);
  source.request_stop();
  wait_for(delayed.token());
}

TEST(DelayedStop, EndsInTheMiddleOfItsWait) {
  std::stop_source source;
  const DelayedStop delayed(
      source.get_token(), [] { return true; }, kForever);
  source.request_stop();
}

}  // namespace
}  // namespace cooper::engine
