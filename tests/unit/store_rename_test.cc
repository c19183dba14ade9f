// Apps that Dokku deletes and renames, and builds that run meanwhile.

#include "model/json.h"
#include "store/deploy_lock.h"
#include "unit/store_test_support.h"

#include <fcntl.h>
#include <sys/file.h>
#include <thread>

namespace cooper::store {
namespace {
namespace fs = std::filesystem;

class StoreRenameTest : public FileStoreTest {
 protected:
  void add(std::string_view id, Status status, const AppName& app) {
    Build build = running(id);
    build.app = app;
    build.status = status;
    build.unknown_fields = {{"theirs", "[1,2]"}};
    store_.insert_build(build);
    write_text(layout_.build(app, build.id).log, "log of " + build.id.str());
  }
  std::string text(const AppName& app, std::string_view id) const {
    return read_file(layout_.build(app, build_id(id)).record).value_or("");
  }

  const AppName other_ = app_name("other");
};

TEST_F(StoreRenameTest, MovesEverythingAndTheRecordsSayTheNewName) {
  add("b1", Status::succeeded, hello_);
  store_.set_property(&hello_, key("retention"), "3");
  EXPECT_TRUE(store_.rename_app(hello_, other_).empty());
  EXPECT_FALSE(fs::exists(layout_.builds(hello_)));
  EXPECT_FALSE(fs::exists(layout_.properties(&hello_)));
  EXPECT_EQ(store_.find_property(&other_, key("retention")), "3");
  EXPECT_EQ(read_file(layout_.build(other_, build_id("b1")).log), "log of b1");
  const std::string record = text(other_, "b1");
  EXPECT_NE(record.find("\"app\": \"other\""), std::string::npos) << record;
  EXPECT_NE(record.find("\"theirs\""), std::string::npos) << record;
  EXPECT_EQ(record.find("renamed_from"), std::string::npos) << record;
}

TEST_F(StoreRenameTest, MergesWithoutOverwriting) {
  add("b1", Status::succeeded, hello_);
  add("b2", Status::failed, hello_);
  add("b2", Status::succeeded, other_);
  store_.set_property(&hello_, key("retention"), "3");
  store_.set_property(&other_, key("retention"), "5");
  const auto left = store_.rename_app(hello_, other_);
  EXPECT_EQ(left.size(), 3U);  // record and log of b2, the property
  EXPECT_EQ(store_.find_build(other_, build_id("b2"))->status, Status::succeeded);
  EXPECT_EQ(store_.find_build(hello_, build_id("b2"))->status, Status::failed);
  EXPECT_EQ(read_file(layout_.build(other_, build_id("b1")).log), "log of b1");
  EXPECT_NE(text(other_, "b1").find("\"app\": \"other\""), std::string::npos);
  EXPECT_EQ(store_.find_property(&other_, key("retention")), "5");
}

TEST_F(StoreRenameTest, TheRepositoryMovesUnlessThereIsOne) {
  write_text(layout_.git(hello_) / "HEAD", "of hello");
  EXPECT_TRUE(store_.rename_app(hello_, other_).empty());
  EXPECT_EQ(read_file(layout_.git(other_) / "HEAD"), "of hello");
  EXPECT_FALSE(fs::exists(layout_.git(hello_)));
  write_text(layout_.git(hello_) / "HEAD", "of another");
  const auto left = store_.rename_app(hello_, other_);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0], "Not moved, exists already: hello.git");
  EXPECT_EQ(read_file(layout_.git(other_) / "HEAD"), "of hello");
  store_.forget_app(other_);
  EXPECT_FALSE(fs::exists(layout_.git(other_)));
}

TEST_F(StoreRenameTest, AFolderThatIsMergedWholeIsGone) {
  add("b1", Status::succeeded, hello_);
  add("b2", Status::succeeded, other_);
  EXPECT_TRUE(store_.rename_app(hello_, other_).empty());
  EXPECT_FALSE(fs::exists(layout_.builds(hello_)));
  EXPECT_EQ(store_.build_ids(other_).size(), 2U);
}

/// A renaming takes both locks in the order of the names: whoever holds the one
/// of the old name while it waits for the new one's may wait for ever.
TEST_F(StoreRenameTest, WhoeverFinalizesByTheOldNameHoldsOneLock) {
  add("b1", Status::running, hello_);
  store_.rename_app(hello_, other_);
  add("b2", Status::running, hello_);  // the old name is in use again
  const Fd old_folder = open_file(layout_.builds(hello_), O_RDONLY | O_DIRECTORY);
  const Build changed = store_.change_build(hello_, build_id("b1"), [&](Build& build) {
    const FolderLock both(old_folder, {.patience = std::chrono::seconds{0}});
    build.description = "changed";
  });
  EXPECT_EQ(changed.app, other_);
  EXPECT_EQ(changed.description, "changed");
}

TEST_F(StoreRenameTest, TheLocksOfAFolderThatIsMergedStayBehind) {
  add("b1", Status::succeeded, hello_);
  add("b2", Status::succeeded, other_);
  ASSERT_TRUE(store_.lock_endings(hello_));
  ASSERT_TRUE(store_.lock_endings(other_));
  EXPECT_TRUE(store_.rename_app(hello_, other_).empty());
  EXPECT_FALSE(fs::exists(layout_.builds(hello_)));
  EXPECT_FALSE(store_.lock_endings(hello_)) << "an app without builds has none that end";
}

TEST_F(StoreRenameTest, WhatRunsMeanwhileIsFinalizedUnderItsOldName) {
  add("b1", Status::running, hello_);
  store_.rename_app(hello_, app_name("middle"));
  store_.rename_app(app_name("middle"), other_);
  const Finalized done = store_.finalize_build(
      hello_, build_id("b1"), {.status = Status::succeeded, .exit_code = 0}, at(9));
  EXPECT_TRUE(done.won);
  EXPECT_EQ(done.build.app, other_);
  EXPECT_EQ(store_.find_build(other_, build_id("b1"))->status, Status::succeeded);
  EXPECT_FALSE(fs::exists(layout_.builds(hello_)));
}

TEST_F(StoreRenameTest, AnotherAppsBuildOfTheSameIdIsNotMeant) {
  add("b1", Status::running, other_);
  EXPECT_EQ(code_of([&] {
              store_.finalize_build(hello_, build_id("b1"), {.status = Status::failed}, at(9));
            }),
            Errc::not_found);
  EXPECT_EQ(store_.find_build(other_, build_id("b1"))->status, Status::running);
}

TEST_F(StoreRenameTest, ADamagedRecordMovesAsItIs) {
  add("b1", Status::succeeded, hello_);
  write_text(files("b1").record, "{broken");
  EXPECT_TRUE(store_.rename_app(hello_, other_).empty());
  EXPECT_EQ(text(other_, "b1"), "{broken");
}

TEST_F(StoreRenameTest, WhoeverWaitsForTheLockFindsTheMovedFolder) {
  add("b1", Status::running, hello_);
  const Fd held = open_file(files("b1").folder / ".lock", O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
  std::thread waits([&] {
    store_.finalize_build(hello_, build_id("b1"), {.status = Status::failed, .exit_code = 4},
                          at(9));
  });
  // As a rename does it while it holds the lock.
  Build build = *store_.find_build(hello_, build_id("b1"));
  build.unknown_fields = {{"renamed_from", "[\"hello\"]"}};
  write_text(files("b1").record, to_json(build));
  fs::rename(layout_.builds(hello_), layout_.builds(other_));
  ::flock(held.get(), LOCK_UN);
  waits.join();
  EXPECT_EQ(store_.find_build(other_, build_id("b1"))->status, Status::failed);
}

TEST_F(StoreRenameTest, ForgetsOneAppAndNoOther) {
  add("b1", Status::succeeded, hello_);
  add("b2", Status::succeeded, other_);
  store_.set_property(&hello_, key("retention"), "3");
  store_.forget_app(hello_);
  store_.forget_app(hello_);
  EXPECT_FALSE(fs::exists(layout_.builds(hello_)));
  EXPECT_FALSE(fs::exists(layout_.properties(&hello_)));
  EXPECT_EQ(store_.build_ids(other_).size(), 1U);
}

TEST_F(StoreRenameTest, AStaleDeployLockIsRemovedAndAHeldOneIsNot) {
  EXPECT_TRUE(DeployLock::remove_stale(layout_, hello_));  // there is none
  auto lock = DeployLock::try_acquire(layout_, hello_);
  ASSERT_TRUE(lock);
  lock->set_holder(build_id("b1"));
  EXPECT_FALSE(DeployLock::remove_stale(layout_, hello_));
  EXPECT_TRUE(DeployLock::look(layout_, hello_).held);
  EXPECT_EQ(DeployLock::look(layout_, hello_).text, "b1");
  lock.reset();
  const DeployLock::View stale = DeployLock::look(layout_, hello_);
  EXPECT_TRUE(stale.file_exists);
  EXPECT_FALSE(stale.held);
  EXPECT_EQ(stale.text, "b1");
  EXPECT_EQ(DeployLock::holder(layout_, hello_), "");
  EXPECT_TRUE(DeployLock::remove_stale(layout_, hello_));
  EXPECT_FALSE(fs::exists(layout_.deploy_lock(hello_)));
}

}  // namespace
}  // namespace cooper::store
