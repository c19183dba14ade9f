// Workers on a host that has no more threads.

#include "server/workers.h"

#include <gtest/gtest.h>

#include <latch>
#include <pthread.h>

namespace cooper::server {
namespace {

/// As long as it lives, no thread can be made: none has room for such a stack.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, std::size_t{1} << 50);
    pthread_setattr_default_np(&huge);
    pthread_attr_destroy(&huge);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_;
};

TEST(Workers, WithoutAnyThreadTakeNothing) {
  Workers workers(2, 10);
  {
    const NoThreads none;
    EXPECT_FALSE(workers.post([] { ADD_FAILURE() << "this was refused"; }));
  }
  std::latch done(1);
  EXPECT_TRUE(workers.post([&] { done.count_down(); }));
  done.wait();
  workers.join();
}

TEST(Workers, WithoutAnotherThreadUseThoseTheyHave) {
  Workers workers(2, 10);
  std::latch begun(1);
  std::latch go_on(1);
  std::latch done(1);
  EXPECT_TRUE(workers.post([&] {
    begun.count_down();
    go_on.wait();
  }));
  begun.wait();
  {
    const NoThreads none;
    EXPECT_TRUE(workers.post([&] { done.count_down(); }));
  }
  go_on.count_down();
  done.wait();
  workers.join();
}

}  // namespace
}  // namespace cooper::server
