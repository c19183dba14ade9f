#include "source/content_time.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace cooper::source {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(ContentTime, IsOneForEachContentAndKey) {
  const ContentTime one({1});
  const ContentTime two({2});
  std::set<std::int64_t> times;
  for (int i = 0; i < 10'000; ++i) {
    const Sha256Digest content = sha256(std::to_string(i));
    times.insert(one.of(content));
    times.insert(two.of(content));
    EXPECT_EQ(one.of(content), ContentTime({1}).of(content));
  }
  EXPECT_EQ(times.size(), 20'000U);
  // Never in a build's future, and what tools can hold.
  EXPECT_GE(*times.begin(), 315'532'801 * kSecond);                   // 1980-01-01T00:00:01Z
  EXPECT_LE(*times.rbegin(), std::int64_t{1'389'274'625} * kSecond);  // 2014-01-09
}

}  // namespace
}  // namespace cooper::source
