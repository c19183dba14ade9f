// Locks: one holder, or several together; freed by the kernel, handed on by descriptor.

#include "base/file.h"
#include "store/deploy_lock.h"
#include "store/folder_lock.h"
#include "store/images_lock.h"
#include "unit/store_test_support.h"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <thread>
#include <vector>

namespace cooper::store {
namespace {
namespace fs = std::filesystem;

using DeployLockTest = FileStoreTest;

TEST_F(DeployLockTest, OneHolderAtATime) {
  EXPECT_EQ(DeployLock::holder(layout_, hello_), "");
  {
    std::optional<DeployLock> lock = DeployLock::try_acquire(layout_, hello_);
    ASSERT_TRUE(lock);
    lock->set_holder(build_id("b1"));
    EXPECT_FALSE(DeployLock::try_acquire(layout_, hello_));
    EXPECT_EQ(DeployLock::holder(layout_, hello_), "b1");
    EXPECT_TRUE(DeployLock::try_acquire(layout_, app_name("other")));
    lock->set_holder(build_id("b"));  // shorter than what was there
    EXPECT_EQ(DeployLock::holder(layout_, hello_), "b");
  }
  EXPECT_EQ(DeployLock::holder(layout_, hello_), "");  // the old text does not count
  EXPECT_TRUE(DeployLock::try_acquire(layout_, hello_));
}

TEST_F(DeployLockTest, IsFreedByTheKernelWhenItsHolderIsKilled) {
  Pipe ready = make_pipe();
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::optional<DeployLock> lock = DeployLock::try_acquire(layout_, hello_);
    if (!lock) ::_exit(1);
    lock->set_holder(build_id("b1"));
    write_all(ready.write.get(), "x");
    for (;;) ::pause();
  }
  char byte;
  ASSERT_EQ(read_some(ready.read.get(), {&byte, 1}), 1);
  EXPECT_FALSE(DeployLock::try_acquire(layout_, hello_));
  EXPECT_EQ(DeployLock::holder(layout_, hello_), "b1");
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_EQ(DeployLock::holder(layout_, hello_), "");
  EXPECT_TRUE(DeployLock::try_acquire(layout_, hello_));
}

TEST_F(DeployLockTest, IsHandedOnWithItsDescriptor) {
  std::optional<DeployLock> lock = DeployLock::try_acquire(layout_, hello_);
  ASSERT_TRUE(lock);
  Pipe gate = make_pipe();
  const pid_t pid = ::fork();
  if (pid == 0) {  // the supervisor: adopts, and outlives the starter
    gate.write.reset();
    DeployLock adopted = DeployLock::adopt(Fd(::dup(lock->fd())));
    adopted.set_holder(build_id("b2"));
    char byte;
    read_some(gate.read.get(), {&byte, 1});
    ::_exit(0);
  }
  lock.reset();
  EXPECT_FALSE(DeployLock::try_acquire(layout_, hello_));
  gate.write.reset();
  ::waitpid(pid, nullptr, 0);
  EXPECT_TRUE(DeployLock::try_acquire(layout_, hello_));
}

TEST_F(DeployLockTest, SomeoneWhoRemovesTheFileSharesNoLock) {
  // Dokku removes it on release: whoever waits on the old file holds nothing.
  std::optional<DeployLock> old = DeployLock::try_acquire(layout_, hello_);
  fs::remove(layout_.deploy_lock(hello_));
  std::optional<DeployLock> fresh = DeployLock::try_acquire(layout_, hello_);
  ASSERT_TRUE(fresh);
  old.reset();
  EXPECT_FALSE(DeployLock::try_acquire(layout_, hello_));
}

TEST_F(DeployLockTest, ALinkIsNotOpened) {
  fs::create_directories(layout_.app(hello_));
  write_text(folder_ / "target", "precious");
  fs::create_symlink(folder_ / "target", layout_.deploy_lock(hello_));
  EXPECT_NE(code_of([&] { DeployLock::try_acquire(layout_, hello_); }), std::nullopt);
  EXPECT_EQ(read_file(folder_ / "target"), "precious");
}

TEST_F(DeployLockTest, NothingIsMadeWhereALinkLeads) {
  const fs::path outside = layout_.root().parent_path() / "outside";
  fs::create_directories(outside / "within");
  fs::create_directories(layout_.apps());
  fs::create_directory_symlink(outside / "within", layout_.app(hello_));
  EXPECT_THROW(static_cast<void>(DeployLock::try_acquire(layout_, hello_)), Error);
  fs::remove(layout_.app(hello_));
  fs::remove(layout_.apps());
  fs::create_directory_symlink(outside, layout_.apps());
  EXPECT_THROW(static_cast<void>(DeployLock::try_acquire(layout_, hello_)), Error);
  EXPECT_FALSE(fs::exists(outside / hello_.str()));
  EXPECT_TRUE(fs::is_empty(outside / "within"));
}

TEST_F(DeployLockTest, LookingNeverGetsInTheWay) {
  ASSERT_TRUE(DeployLock::try_acquire(layout_, hello_));
  std::atomic<bool> done = false;
  std::vector<std::thread> lookers;
  for (int i = 0; i < 2; ++i) {
    lookers.emplace_back([&] {
      while (!done) DeployLock::holder(layout_, hello_);
    });
  }
  for (int i = 0; i < 500; ++i) {
    EXPECT_TRUE(DeployLock::try_acquire(layout_, hello_)) << i;
  }
  done = true;
  for (std::thread& looker : lookers) looker.join();
}

TEST_F(DeployLockTest, ExcludesAmongProcesses) {
  // Whoever holds the lock makes a file that nobody else may find there.
  ASSERT_TRUE(DeployLock::try_acquire(layout_, hello_));
  const fs::path taken = folder_ / "taken";
  std::vector<pid_t> pids;
  for (int i = 0; i < 3; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      int code = 0;
      for (int won = 0; won < 30 && code == 0;) {
        const std::optional<DeployLock> lock = DeployLock::try_acquire(layout_, hello_);
        if (!lock) continue;
        ++won;
        const Fd mark(::open(taken.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!mark || ::unlink(taken.c_str()) != 0) code = 1;
      }
      ::_exit(code);
    }
    pids.push_back(pid);
  }
  for (const pid_t pid : pids) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
  }
}

bool can_lock(const fs::path& folder, Holding holding) {
  try {
    const FolderLock lock(open_file(folder, O_RDONLY | O_DIRECTORY),
                          {.file = std::string(kImagesLock),
                           .patience = std::chrono::seconds{0},
                           .holding = holding,
                           .what = "the images"});
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::unavailable);
    EXPECT_EQ(error.message(), "the images are locked by another process for too long");
    return false;
  }
}

using ImagesLockTest = FileStoreTest;

TEST_F(ImagesLockTest, IsHeldTogetherOrAlone) {
  const fs::path folder = layout_.builds();
  {
    const FolderLock one = lock_images(layout_, Holding::together);
    EXPECT_TRUE(can_lock(folder, Holding::together));
    EXPECT_FALSE(can_lock(folder, Holding::alone));
  }
  {
    const FolderLock one = lock_images(layout_, Holding::alone);
    EXPECT_FALSE(can_lock(folder, Holding::together));
    EXPECT_FALSE(can_lock(folder, Holding::alone));
  }
  EXPECT_TRUE(can_lock(folder, Holding::alone));
}

TEST_F(ImagesLockTest, AStopRequestEndsTheWait) {
  const FolderLock held = lock_images(layout_, Holding::alone);
  std::stop_source stop;
  const std::jthread later([&] { stop.request_stop(); });
  const auto wait = [&](const ImagesWait& how) {
    return error_of([&] { lock_images(layout_, Holding::together, how); });
  };
  EXPECT_EQ(wait({.patience = std::chrono::hours{1}, .stop = stop.get_token()}).code(),
            Errc::canceled);
  EXPECT_EQ(wait({.patience = std::chrono::seconds{0}}).code(), Errc::unavailable);
}

TEST_F(ImagesLockTest, WhoWaitsGetsItBetweenTwoRemovals) {
  const std::vector<std::string> images(200, "image");
  std::atomic<std::size_t> removed = 0;
  std::size_t removed_before = images.size();
  std::jthread waiting;
  remove_each(layout_, images, {}, [&](const std::string&) {
    EXPECT_FALSE(can_lock(layout_.builds(), Holding::together));
    if (removed++ != 0) return;
    waiting = std::jthread([&] {
      const FolderLock lock = lock_images(layout_, Holding::together, {});
      removed_before = removed;
    });
  });
  waiting.join();
  EXPECT_LT(removed_before, images.size());
}

TEST_F(ImagesLockTest, OneThatCanNotBeRemovedKeepsNoOther) {
  std::vector<std::string> removed;
  const Error error = error_of([&] {
    remove_each(layout_, {"a", "b"}, {}, [&](const std::string& image) {
      removed.push_back(image);
      throw Error(Errc::engine, image + " is in use");
    });
  });
  EXPECT_EQ(error.message(), "a is in use");
  EXPECT_EQ(removed, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace cooper::store
