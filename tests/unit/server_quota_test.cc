// Places of a quota, also where there is no memory for one.

#include "server/quota.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

namespace {

/// Allocations until one fails; below 0: none does.
int until_failure = -1;

}  // namespace

// (Not inlined: GCC takes the pairs for mismatched.)
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (until_failure >= 0 && until_failure-- == 0) throw std::bad_alloc();
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace cooper::server {
namespace {

TEST(Quota, BoundsAllAndEach) {
  Quota quota(3, 2);
  const Quota::Place one = quota.take("a");
  Quota::Place two = quota.take("a");
  EXPECT_TRUE(one && two);
  EXPECT_FALSE(quota.take("a"));
  const Quota::Place three = quota.take("b");
  EXPECT_TRUE(three);
  EXPECT_FALSE(quota.take("c"));
  two.reset();
  EXPECT_TRUE(quota.take("c"));
  EXPECT_TRUE(quota.take("a"));
}

TEST(Quota, IsAsItWasIfThereIsNoMemoryForAPlace) {
  Quota quota(2, 2);
  const std::string whose = "one whose name is not kept in the string itself";
  int failures = 0;
  for (bool taken = false; !taken;) {
    until_failure = failures;
    try {
      const Quota::Place place = quota.take(whose);
      taken = place != nullptr;
    } catch (const std::bad_alloc&) {  // what is tested
      ++failures;
    }
    until_failure = -1;
    const Quota::Place one = quota.take(whose);
    const Quota::Place two = quota.take("another");
    EXPECT_TRUE(one && two);
    EXPECT_FALSE(quota.take("a third"));
  }
  EXPECT_GT(failures, 0);
}

}  // namespace
}  // namespace cooper::server
