#include "base/file.h"
#include "build/queue.h"
#include "unit/test_support.h"

#include <chrono>
#include <filesystem>
#include <fstream>

namespace cooper::build {
namespace {

class QueueFiles : public ::testing::Test {
 protected:
  static AppName app(const std::string& name) { return AppName::parse(name).value(); }
  static BuildId id(const std::string& text) { return BuildId::parse(text).value(); }

  HeldTicket enter(const std::string& name, const std::string& build, const std::string& key = "",
                   Supersede mode = Supersede::queued) {
    return queue_.enter({.app = app(name), .id = id(build), .key = key, .supersede = mode});
  }
  void record(const std::string& name, const std::string& build) {
    store_.insert_build({.id = id(build), .app = app(name), .status = Status::queued});
  }
  void allow(const std::string& concurrency) {
    store_.set_property(nullptr, PropertyKey::parse("concurrency").value(), concurrency);
  }
  std::string listed() const {
    std::string text;
    for (const QueueEntry& entry : queue_.list()) {
      text += entry.ticket.id.str();
      if (entry.ticket.state == TicketState::running) text += " runs";
      if (entry.ticket.state == TicketState::lost) text += " is lost";
      text += ";";
    }
    return text;
  }

  TempFolder folder_;
  store::FileStore store_{store::Layout(folder_.path())};
  Queue queue_{store_};
};

TEST_F(QueueFiles, NothingIsMadeByLooking) {
  EXPECT_EQ(listed(), "");
  EXPECT_FALSE(queue_.is_wanted(app("shop")));
  queue_.wake();
  EXPECT_TRUE(queue_.take_lost().empty());
  EXPECT_FALSE(std::filesystem::exists(store_.layout().queue()));
}

TEST_F(QueueFiles, ATurnIsTakenWithTheLock) {
  allow("1");
  const HeldTicket first = enter("shop", "b1");
  const HeldTicket second = enter("other", "b2");
  EXPECT_FALSE(queue_.try_turn(second).lock);  // not before the first
  Queue::Standing standing = queue_.try_turn(first);
  ASSERT_TRUE(standing.lock);
  EXPECT_TRUE(store::DeployLock::look(store_.layout(), app("shop")).held);
  EXPECT_EQ(listed(), "b1 runs;b2;");
  standing = queue_.try_turn(second);
  EXPECT_FALSE(standing.lock);
  ASSERT_TRUE(standing.place);
  EXPECT_EQ(standing.place->position, 1U);
  allow("2");
  EXPECT_TRUE(queue_.try_turn(second).lock);
}

TEST_F(QueueFiles, WhoIsGoneLeavesNoPlaceTaken) {
  allow("1");
  {
    const HeldTicket first = enter("shop", "b1");
    ASSERT_TRUE(queue_.try_turn(first).lock);
  }  // as if its process were killed
  const HeldTicket second = enter("shop", "b2");
  EXPECT_TRUE(queue_.try_turn(second).lock);
  EXPECT_EQ(listed(), "b2 runs;");
}

TEST_F(QueueFiles, OneThatWaitedIsTakenOverOnce) {
  { const HeldTicket first = enter("shop", "b1"); }
  EXPECT_EQ(listed(), "b1 is lost;");
  auto lost = queue_.take_lost();
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].ticket.resumed, 0U);
  EXPECT_TRUE(queue_.take_lost().empty());
  queue_.resume(lost[0].held);
  EXPECT_EQ(listed(), "b1;");
  lost.clear();
  lost = queue_.take_lost();
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].ticket.resumed, 1U);
  queue_.leave(std::move(lost[0].held));
  EXPECT_EQ(listed(), "");
}

TEST_F(QueueFiles, TheNewestOfABranchTakesThePlace) {
  allow("1");
  const HeldTicket runs = enter("shop", "b1", "main");
  ASSERT_TRUE(queue_.try_turn(runs).lock);
  const HeldTicket old = enter("shop", "b2", "main");
  const HeldTicket dev = enter("shop", "b3", "dev");
  const HeldTicket plain = enter("shop", "b4");
  const HeldTicket newer = enter("shop", "b5", "main");
  record("shop", "b5");
  EXPECT_EQ(queue_.superseded_by(runs), "");
  EXPECT_EQ(queue_.try_turn(old).superseded_by, "b5");
  EXPECT_EQ(listed(), "b1 runs;b5;b3;b4;");
  // One that was asked for before, and comes only now.
  const HeldTicket late = enter("shop", "b2a", "main");
  EXPECT_EQ(queue_.try_turn(late).superseded_by, "b5");
  EXPECT_EQ(listed(), "b1 runs;b5;b3;b4;");
}

TEST_F(QueueFiles, ThePlaceIsLostOnlyToOneThatComesToBe) {
  allow("1");
  const HeldTicket runs = enter("other", "b1");
  auto lock = queue_.try_turn(runs).lock;
  ASSERT_TRUE(lock);
  const HeldTicket old = enter("shop", "b2", "main");
  {
    const HeldTicket newer = enter("shop", "b3", "main");
    const Queue::Standing standing = queue_.try_turn(old);  // it has no record yet
    EXPECT_EQ(standing.superseded_by, "");
    EXPECT_FALSE(standing.place);
    EXPECT_EQ(listed(), "b1 runs;b3;");
  }  // as if its starter were killed
  EXPECT_TRUE(queue_.try_turn(old).place);
  EXPECT_EQ(listed(), "b1 runs;b2;b3 is lost;");
  // Another one finds it as if nothing had been.
  const HeldTicket newest = enter("shop", "b4", "main");
  record("shop", "b4");
  EXPECT_EQ(queue_.try_turn(old).superseded_by, "b4");
}

TEST_F(QueueFiles, OneThatIsToBeStoppedByNobodyGoesOn) {
  const HeldTicket first = enter("shop", "b1", "main");
  ASSERT_TRUE(queue_.try_turn(first).lock);
  { const HeldTicket killed = enter("shop", "b2", "main", Supersede::running); }
  EXPECT_EQ(queue_.superseded_by(first), "");
  const HeldTicket third = enter("shop", "b3", "main", Supersede::running);
  EXPECT_EQ(queue_.try_turn(third).stops, std::nullopt) << "it may still be killed";
  record("shop", "b3");
  EXPECT_EQ(queue_.try_turn(third).stops, id("b1"));
  EXPECT_EQ(queue_.superseded_by(first), "b3");
}

TEST_F(QueueFiles, ALostOneEndsForOneThatHasARecordAlone) {
  { const HeldTicket old = enter("shop", "b1", "main"); }
  HeldTicket newer = enter("shop", "b2", "main");
  {
    const auto lost = queue_.take_lost();
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_EQ(lost[0].ticket.superseded_by, "");
  }
  record("shop", "b2");
  const auto lost = queue_.take_lost();
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].ticket.superseded_by, "b2");
}

TEST_F(QueueFiles, AnOlderOneThatComesLateGivesWayToOneThatRuns) {
  const HeldTicket newer = enter("shop", "b2", "main");
  const auto lock = queue_.try_turn(newer).lock;
  ASSERT_TRUE(lock);
  record("shop", "b2");
  const HeldTicket late = enter("shop", "b1", "main");
  EXPECT_EQ(queue_.try_turn(late).superseded_by, "b2");
}

TEST_F(QueueFiles, OneThatBeganAtOnceCanBeReplaced) {
  const QueueWish wish{.app = app("shop"), .id = id("b1")};
  const auto first = queue_.enter_at_once(wish);
  ASSERT_TRUE(first);
  queue_.describe(*first, {.app = app("shop"),
                           .id = id("b1"),
                           .branch = "main",
                           .key = "k",
                           .supersede = Supersede::running});
  EXPECT_EQ(queue_.list().at(0).ticket.branch, "main");
  const HeldTicket second = enter("shop", "b2", "k", Supersede::running);
  record("shop", "b2");
  EXPECT_EQ(queue_.try_turn(second).stops, id("b1"));
}

TEST_F(QueueFiles, ALongTicketCanBecomeShort) {
  const std::string branch(3000, 'x');
  const QueueWish wish{.app = app("shop"), .id = id("b1"), .branch = branch};
  const auto held = queue_.enter(wish);
  queue_.describe(held, {.app = app("shop"), .id = id("b1"), .branch = "short"});
  EXPECT_EQ(queue_.list().at(0).ticket.branch, "short");
  EXPECT_LT(std::filesystem::file_size(store_.layout().queue() / "b1"), branch.size());
}

TEST_F(QueueFiles, AStoppedDeployIsPassed) {
  const HeldTicket deploy =
      queue_.enter({.app = app("shop"), .id = id("b1"), .what = TicketFor::deploy});
  const HeldTicket build = enter("shop", "b2");
  EXPECT_FALSE(queue_.try_turn(build).lock);
  EXPECT_TRUE(queue_.is_turn_of(deploy));
  const auto file = store_.layout().queue() / "b1";
  const auto long_ago = std::filesystem::last_write_time(file) - std::chrono::hours(1);
  std::filesystem::last_write_time(file, long_ago);
  EXPECT_EQ(listed(), "b1 is lost;b2;");
  EXPECT_TRUE(queue_.take_lost().empty());  // it is held all the same
  EXPECT_TRUE(queue_.is_turn_of(deploy));   // it goes on
  EXPECT_EQ(listed(), "b1;b2;");
  std::filesystem::last_write_time(file, long_ago);
  EXPECT_TRUE(queue_.try_turn(build).lock);
}

TEST_F(QueueFiles, SupersedeOffReplacesNothing) {
  const HeldTicket old = enter("shop", "b1", "main", Supersede::off);
  const HeldTicket newer = enter("shop", "b2", "main", Supersede::off);
  EXPECT_EQ(listed(), "b1;b2;");
}

TEST_F(QueueFiles, OfThoseThatStopARunningOneEachSecondEnds) {
  const auto come = [&](const char* build) {
    HeldTicket held = enter("shop", build, "main", Supersede::running);
    record("shop", build);
    return held;
  };
  HeldTicket first = come("b1");
  auto lock = queue_.try_turn(first).lock;
  ASSERT_TRUE(lock);
  const HeldTicket second = come("b2");
  EXPECT_EQ(queue_.try_turn(second).stops, id("b1"));
  EXPECT_EQ(queue_.superseded_by(first), "b2");
  // While the first ends, a third takes the place of the second, and what that has done.
  HeldTicket third = come("b3");
  EXPECT_EQ(queue_.try_turn(third).stops, id("b1")) << "the second may have been killed before";
  lock.reset();
  queue_.leave(std::move(first));
  lock = queue_.try_turn(third).lock;
  ASSERT_TRUE(lock);
  const HeldTicket fourth = come("b4");
  EXPECT_EQ(queue_.try_turn(fourth).stops, std::nullopt) << "the third has stopped one";
  const HeldTicket other = enter("shop", "b5", "dev", Supersede::running);
  EXPECT_EQ(queue_.try_turn(other).stops, std::nullopt) << "of another branch";
  lock.reset();
  queue_.leave(std::move(third));
  lock = queue_.try_turn(fourth).lock;
  ASSERT_TRUE(lock);
  const HeldTicket sixth = come("b6");
  EXPECT_EQ(queue_.try_turn(sixth).stops, id("b4"));
}

TEST_F(QueueFiles, AtOnceOrNotAtAll) {
  allow("1");
  auto first = queue_.enter_at_once({.app = app("shop"), .id = id("b1")});
  ASSERT_TRUE(first);
  EXPECT_FALSE(queue_.enter_at_once({.app = app("other"), .id = id("b2")}));
  const HeldTicket waits = enter("other", "b3");
  queue_.leave(std::move(*first));
  EXPECT_FALSE(queue_.enter_at_once({.app = app("other"), .id = id("b4")}));  // it comes first
  EXPECT_TRUE(queue_.enter_at_once({.app = app("third"), .id = id("b5")}));
}

TEST_F(QueueFiles, ALostBuildKeepsNobodyFromBeginningAtOnce) {
  { const HeldTicket lost = enter("shop", "b1"); }
  EXPECT_TRUE(queue_.enter_at_once({.app = app("shop"), .id = id("b2")}));
}

TEST_F(QueueFiles, WhatIsNoTicketIsNoPlace) {
  allow("1");
  const HeldTicket first = enter("shop", "b1");
  std::ofstream(store_.layout().queue() / "b0") << "{ cut";
  std::ofstream(store_.layout().queue() / ".tmp-x") << "{}";
  EXPECT_EQ(listed(), "b1;");
  EXPECT_TRUE(queue_.try_turn(first).lock);
  EXPECT_FALSE(std::filesystem::exists(store_.layout().queue() / "b0"));
}

TEST(SupersedeKey, IsOfOneBranchAndOneWayToBuildIt) {
  const BuildRequest main{.git_sha = "1", .branch = "main", .tree = "t1"};
  BuildRequest other = main;
  EXPECT_EQ(supersede_key({.branch = ""}), "");
  other.git_sha = "2";
  other.tree = "t2";
  other.description = "newer";
  other.no_cache = true;
  EXPECT_EQ(supersede_key(main), supersede_key(other));
  for (const auto& change : std::vector<std::function<void(BuildRequest&)>>{
           [](BuildRequest& request) { request.branch = "dev"; },
           [](BuildRequest& request) { request.platform = "linux/arm64"; },
           [](BuildRequest& request) { request.manifest = "b.yml"; },
           [](BuildRequest& request) { request.development = true; },
           [](BuildRequest& request) { request.output = "/x"; },
           [](BuildRequest& request) {
             request.build_args = {{"A", "1"}};
           }}) {
    other = main;
    change(other);
    EXPECT_NE(supersede_key(main), supersede_key(other));
  }
}

}  // namespace
}  // namespace cooper::build
