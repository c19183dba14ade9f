#include "build/cancel.h"
#include "build/containment.h"
#include "build/prune.h"
#include "process/child.h"
#include "process/family.h"
#include "process/proc.h"
#include "unit/test_support.h"

#include <atomic>
#include <barrier>
#include <csignal>
#include <future>
#include <memory>
#include <random>
#include <thread>

namespace cooper::build {
namespace {

using namespace std::chrono_literals;

class CancelTest : public testing::Test {
 protected:
  CancelTest() : store_(store::Layout(root_.path())) { store_.create_app(app_); }

  /// A running build that another program recorded: a script, and its pid.
  Build start(const std::string& script) {
    const BuildId id = new_build_id();
    child_ = std::make_unique<process::Child>(
        process::Child::start({.argv = {"/bin/bash", "-c", script},
                               .environment = process::own_environment({mark_of(id)})}));
    return record(id, child_->pid());
  }

  Build record(const BuildId& id, pid_t pid, Time started = now()) {
    const Build build{.id = id, .app = app_, .pid = pid, .started_at = {started}};
    store_.insert_build(build);
    return build;
  }

  /// Until a script has written that file.
  void wait_until_ready() const {
    while (!std::filesystem::exists(ready_)) std::this_thread::yield();
  }

  Build stored(const Build& build) { return *store_.find_build(app_, build.id); }

  TempFolder root_;
  std::filesystem::path ready_ = root_ / "ready";
  AppName app_ = AppName::parse("shop").value();
  store::FileStore store_;
  std::unique_ptr<process::Child> child_;
};

TEST_F(CancelTest, AnotherProgramsBuildEndsBeforeItsRecordDoes) {
  const Build build = start("trap '' TERM QUIT; echo >" + ready_.string() +
                            "; setsid sleep 600 & while :; do sleep 1; done");
  wait_until_ready();  // else it is not deaf yet
  write_text(store_.layout().build(app_, build.id).log, "some output");
  // While the record says running, something of it may live; after, nothing may.
  const Build canceled = cancel(store_, build);
  EXPECT_EQ(canceled.status, Status::canceled);
  EXPECT_EQ(canceled.exit_code, -1);
  EXPECT_EQ(canceled, stored(build));
  EXPECT_EQ(child_->poll(), (process::ExitStatus{137, SIGKILL}));
  EXPECT_EQ(read_file(store_.layout().build(app_, build.id).log), "some output\nBuild canceled\n");
}

TEST_F(CancelTest, ATerminalOneIsLeftAsItIs) {
  const Build build = start("sleep 600");
  store_.finalize_build(app_, build.id, {.status = Status::succeeded, .exit_code = 0}, now());
  const Build before = stored(build);
  EXPECT_EQ(cancel(store_, build), before) << "what the caller saw is older than the record";
  EXPECT_EQ(child_->poll(), std::nullopt) << "what it left running is not ours to end";
  child_->signal_group(SIGKILL);
  child_->wait();
}

TEST_F(CancelTest, AStrangerWithTheRecordedPidIsNotTouched) {
  process::Child stranger = process::Child::start(
      {.argv = {"/bin/sleep", "600"}, .environment = process::own_environment()});
  // Recorded before it was started: before the last boot, or before its pid came again.
  const Build build = record(new_build_id(), stranger.pid(), now() - 24h * 365);
  EXPECT_FALSE(process_lives(build));
  EXPECT_FALSE(signal_cancel(store_, build));
  const Build canceled = cancel(store_, build);
  EXPECT_EQ(canceled.status, Status::failed);
  EXPECT_EQ(canceled.exit_code, -1);
  EXPECT_EQ(stranger.poll(), std::nullopt);
  stranger.signal(SIGKILL);
  stranger.wait();
}

TEST_F(CancelTest, WhatLostItsHeadIsEndedAllTheSame) {
  const Build build = start("trap '' TERM; setsid bash -c 'trap \"\" TERM; echo >" +
                            ready_.string() + "; sleep 600; :' & exit 0");
  child_->wait();
  wait_until_ready();
  EXPECT_EQ(cancel(store_, build).status, Status::failed) << "it was gone, so nobody canceled it";
  EXPECT_TRUE(process::Family(0, mark_of(build.id)).look().empty());
}

/// A thousand races in all, in parts that can run side by side.
class CancelRace : public CancelTest, public testing::WithParamInterface<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Of125, CancelRace, testing::Range(0U, 8U));

/// Both ends of a race see one final record, and one of them has made it.
TEST_P(CancelRace, AgainstFinalizeOneWins) {
  constexpr int kRaces = 125;
  int canceled = 0;
  std::chrono::nanoseconds usual = 20ms;  // of a cancel that had to end something
  std::minstd_rand random(GetParam());
  for (int i = 0; i < kRaces; ++i) {
    const Build build = start("exec sleep 600");
    // Anywhere between well before and well after what a cancel takes on this machine.
    const std::chrono::nanoseconds head_start(random() %
                                              static_cast<std::uint64_t>(2 * usual.count()));
    std::barrier begin(2);
    auto finalized = std::async(std::launch::async, [&] {
      begin.arrive_and_wait();
      std::this_thread::sleep_for(head_start);
      return store_.finalize_build(app_, build.id, {.status = Status::succeeded, .exit_code = 0},
                                   now());
    });
    begin.arrive_and_wait();
    const auto before = std::chrono::steady_clock::now();
    const Build seen = cancel(store_, build);
    const auto took = std::chrono::steady_clock::now() - before;
    if (seen.status == Status::canceled) usual = (3 * usual + took) / 4;
    if (seen.status != Status::canceled) usual += 1ms;
    const store::Finalized other = finalized.get();
    const Build final_record = stored(build);
    ASSERT_EQ(seen, final_record) << i;
    ASSERT_EQ(other.build, final_record) << i;
    ASSERT_EQ(final_record.status, other.won ? Status::succeeded : Status::canceled) << i;
    ASSERT_EQ(final_record.exit_code, other.won ? 0 : -1) << i;
    canceled += other.won ? 0 : 1;
    child_->signal(SIGKILL);  // finalized first: cancel has left it alone
    child_->wait();
    store_.remove_build(app_, build.id);
  }
  RecordProperty("canceled", canceled);
  EXPECT_GT(canceled, 0);
  EXPECT_LT(canceled, kRaces) << "no race at all";
}

/// Whoever comes second finds the processes ended, and must not take that for a crash.
TEST_F(CancelTest, TwoThatCancelAtOnceBothSeeItCanceled) {
  for (int i = 0; i < 20; ++i) {
    const Build build = start("exec sleep 600");
    std::barrier begin(3);
    const auto at_once = [&](auto&& action) {
      return std::async(std::launch::async, [&begin, action] {
        begin.arrive_and_wait();
        return action();
      });
    };
    auto first = at_once([&] { return cancel(store_, build).status; });
    auto second = at_once([&] { return cancel(store_, build).status; });
    auto pruned = at_once([&] { return prune(store_, app_, {}).reaped.size(); });
    EXPECT_EQ(first.get(), Status::canceled) << i;
    EXPECT_EQ(second.get(), Status::canceled) << i;
    EXPECT_EQ(pruned.get(), 0U) << i;
    child_->wait();
  }
}

/// An id as such is in many command lines: also in that of `cooper builds cancel ID`.
TEST_F(CancelTest, OnlyASupervisorOfThatBuildIsItsSupervisor) {
  const auto lives = [&](const std::string& program, const std::string& arguments) {
    Build build{.id = new_build_id(), .app = app_, .started_at = {now()}, .host = "here"};
    process::Child child = process::Child::start(
        {.argv = {"/bin/bash", "-c",
                  "exec -a " + program + " bash -c 'kill -STOP $$; :' -- " +
                      (arguments.empty() ? "--id " + build.id.str() : arguments + build.id.str())},
         .environment = process::own_environment()});
    build.pid = child.pid();
    // Until it has become the program that is asked for.
    for (;;) {
      const std::string words = process::read_of_process(child.pid(), "cmdline");
      if (!words.empty() && words.find("exec -a") == std::string::npos) break;
      std::this_thread::yield();
    }
    const bool result = process_lives(build);
    child.signal(SIGKILL);
    child.wait();
    return result;
  };
  EXPECT_TRUE(lives("/usr/libexec/cooper/cooper-supervisor", ""));
  EXPECT_TRUE(lives("cooper-supervisor", ""));
  EXPECT_FALSE(lives("cooper", ""));
  EXPECT_FALSE(lives("cooper-supervisor2", ""));
  EXPECT_FALSE(lives("cooper-supervisor", "builds cancel "));
  EXPECT_FALSE(lives("cooper-supervisor", "--id b1 --app "));
  EXPECT_FALSE(lives("cooper-supervisor", "--id=x --idx "));
}

TEST_F(CancelTest, OfManyAtOnceOneFinalizes) {
  for (int i = 0; i < 20; ++i) {
    const Build build = start("exec sleep 600");
    constexpr int kThreads = 8;
    std::barrier begin(kThreads);
    std::atomic<int> winners = 0;
    std::vector<std::future<Build>> ends;
    for (int thread = 0; thread < kThreads; ++thread) {
      ends.push_back(std::async(std::launch::async, [&, thread] {
        begin.arrive_and_wait();
        if (thread % 2 == 0) return cancel(store_, build);
        auto ended = store_.finalize_build(app_, build.id,
                                           {.status = Status::failed, .exit_code = thread}, now());
        winners += ended.won ? 1 : 0;
        return ended.build;
      }));
    }
    const Build first = ends[0].get();
    for (std::size_t end = 1; end < ends.size(); ++end) EXPECT_EQ(ends[end].get(), first);
    EXPECT_EQ(first, stored(build));
    // A cancel that found the process gone by another's doing has reaped it (-1).
    EXPECT_EQ(winners, first.exit_code == -1 ? 0 : 1);
    child_->signal_group(SIGKILL);
    child_->wait();
  }
}

}  // namespace
}  // namespace cooper::build
