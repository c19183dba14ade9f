#include "model/retention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace cooper {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;

Time at(std::int64_t seconds) { return Time(std::chrono::seconds{seconds}); }
const Time kNow = at(1000);

BuildId id(const std::string& text) { return BuildId::parse(text).value(); }

/// A build that took no time.
RetentionFacts fact(const std::string& name, std::int64_t started,
                    Status status = Status::succeeded, std::uint64_t bytes = 0) {
  return {.id = id(name),
          .status = status,
          .started = at(started),
          .ended = at(started),
          .bytes = bytes};
}

/// "b1 count, b2 age"
std::string text_of(const std::vector<Removal>& removals) {
  std::string text;
  for (const Removal& removal : removals) {
    if (!text.empty()) text += ", ";
    text += removal.id.str() + " " + std::string(to_string(removal.beyond));
  }
  return text;
}

std::string beyond(const std::vector<RetentionFacts>& builds, const RetentionPolicy& policy) {
  return text_of(beyond_retention(builds, policy, kNow));
}

TEST(Retention, ByCountTheNewestFinishedStay) {
  std::vector<RetentionFacts> builds = {fact("b3", 3),
                                        fact("b1", 1, Status::failed),
                                        fact("b5", 5, Status::running),
                                        fact("b2", 2, Status::canceled),
                                        fact("b4", 4),
                                        fact("b0", 0, Status::queued)};
  EXPECT_EQ(beyond(builds, {.count = 4}), "");
  EXPECT_EQ(beyond(builds, {.count = 2}), "b1 count, b2 count");
  EXPECT_EQ(beyond(builds, {.count = 100}), "");
  EXPECT_EQ(beyond({}, {.count = 0}), "");
  builds[1].needed = true;  // b1 is counted, but stays
  EXPECT_EQ(beyond(builds, {.count = 2}), "b2 count");
  EXPECT_EQ(beyond(builds, {.count = 3}), "");
  builds[4].needed = true;  // b4 would stay anyway
  EXPECT_EQ(beyond(builds, {.count = 0}), "b2 count, b3 count");
}

TEST(Retention, DeploysOfReleasesCostNoBuild) {
  std::vector<RetentionFacts> builds = {fact("b1", 1), fact("b2", 2), fact("d3", 3), fact("d4", 4),
                                        fact("d5", 5)};
  for (RetentionFacts& build : builds) {
    if (build.id.str().starts_with("d")) build.counted_as = Counted::deploys;
  }
  EXPECT_EQ(beyond(builds, {.count = 3}), "");
  EXPECT_EQ(beyond(builds, {.count = 2}), "d3 count");
  EXPECT_EQ(beyond(builds, {.count = 1}), "b1 count, d3 count, d4 count");
}

TEST(Retention, SupersededOnesCostNoBuild) {
  std::vector<RetentionFacts> builds = {fact("b1", 1), fact("s2", 2, Status::canceled),
                                        fact("s3", 3, Status::canceled), fact("b4", 4),
                                        fact("s5", 5, Status::canceled)};
  for (RetentionFacts& build : builds) {
    if (build.id.str().starts_with("s")) build.counted_as = Counted::superseded;
  }
  EXPECT_EQ(beyond(builds, {.count = 3}), "");
  EXPECT_EQ(beyond(builds, {.count = 2}), "s2 count");
  EXPECT_EQ(beyond(builds, {.count = 1}), "b1 count, s2 count, s3 count");
}

TEST(Retention, PinnedOnesAreNeitherRemovedNorCounted) {
  std::vector<RetentionFacts> builds = {fact("b1", 1, Status::failed, 100), fact("b2", 2),
                                        fact("b3", 3), fact("b4", 4, Status::succeeded, 100)};
  builds[0].pinned = true;
  builds[3].pinned = true;
  EXPECT_EQ(beyond(builds, {.count = 2}), "");
  EXPECT_EQ(beyond(builds, {.count = 1}), "b2 count");
  EXPECT_EQ(beyond(builds, {.count = 9, .age = 1s}), "b2 age, b3 age");
  EXPECT_EQ(beyond(builds, {.count = 9, .size = 1}), "");
}

TEST(Retention, TheNewestFailedOnesOutliveTheCount) {
  const std::vector<RetentionFacts> builds = {
      fact("b1", 1, Status::failed),   fact("b2", 2, Status::failed), fact("b3", 3),
      fact("b4", 4, Status::canceled), fact("b5", 5, Status::failed), fact("b6", 6)};
  EXPECT_EQ(beyond(builds, {.count = 1, .keep_failed = 0}),
            "b1 count, b2 count, b3 count, b4 count, b5 count");
  EXPECT_EQ(beyond(builds, {.count = 1, .keep_failed = 1}),
            "b1 count, b2 count, b3 count, b4 count");
  EXPECT_EQ(beyond(builds, {.count = 1, .keep_failed = 2}), "b1 count, b3 count, b4 count");
  EXPECT_EQ(beyond(builds, {.count = 1, .keep_failed = 9}), "b3 count, b4 count");
  // They count among the newest as others do: here b5 and b6 are the two.
  EXPECT_EQ(beyond(builds, {.count = 2, .keep_failed = 1}),
            "b1 count, b2 count, b3 count, b4 count");
}

TEST(Retention, ByAgeThoseThatEndedTooLongAgo) {
  std::vector<RetentionFacts> builds = {fact("b1", 899, Status::failed), fact("b2", 900),
                                        fact("b3", 500)};
  builds[2].ended = at(901);  // a long one
  EXPECT_EQ(beyond(builds, {.age = 0s}), "");
  EXPECT_EQ(beyond(builds, {.age = 100s}), "b1 age");
  EXPECT_EQ(beyond(builds, {.keep_failed = 5, .age = 100s}), "b1 age");
  EXPECT_EQ(beyond(builds, {.age = 99s}), "b1 age, b2 age");
  EXPECT_EQ(beyond(builds, {.age = 98s}), "b3 age, b1 age, b2 age");
  EXPECT_EQ(beyond(builds, {.count = 2, .age = 98s}), "b3 count, b1 age, b2 age");
  builds[0].needed = true;
  EXPECT_EQ(beyond(builds, {.age = 100s}), "");
}

TEST(Retention, BySizeTheOldestUntilTheRestFits) {
  std::vector<RetentionFacts> builds = {
      fact("b1", 1, Status::failed, 10), fact("b2", 2, Status::succeeded, 20),
      fact("b3", 3, Status::failed, 30), fact("b4", 4, Status::succeeded, 40)};
  EXPECT_EQ(beyond(builds, {.size = 0}), "");
  EXPECT_EQ(beyond(builds, {.size = 100}), "");
  EXPECT_EQ(beyond(builds, {.size = 99}), "b1 size");
  EXPECT_EQ(beyond(builds, {.size = 90}), "b1 size");
  EXPECT_EQ(beyond(builds, {.size = 89}), "b1 size, b2 size");
  EXPECT_EQ(beyond(builds, {.size = 1}), "b1 size, b2 size, b3 size, b4 size");
  // Failed ones that are kept go last, the oldest of them first.
  EXPECT_EQ(beyond(builds, {.keep_failed = 2, .size = 89}), "b2 size");
  EXPECT_EQ(beyond(builds, {.keep_failed = 2, .size = 39}), "b1 size, b2 size, b4 size");
  EXPECT_EQ(beyond(builds, {.keep_failed = 2, .size = 29}), "b1 size, b2 size, b3 size, b4 size");
  // What other limits removed weighs no more.
  EXPECT_EQ(beyond(builds, {.count = 3, .size = 90}), "b1 count");
  EXPECT_EQ(beyond(builds, {.count = 3, .size = 89}), "b1 count, b2 size");
  // What is needed weighs, and stays; what is pinned or runs does not weigh.
  builds[3].needed = true;
  EXPECT_EQ(beyond(builds, {.size = 39}), "b1 size, b2 size, b3 size");
  builds[3].pinned = true;
  EXPECT_EQ(beyond(builds, {.size = 59}), "b1 size");
  builds[2].status = Status::running;
  EXPECT_EQ(beyond(builds, {.size = 30}), "");
}

TEST(Retention, WhatClaimsToStartInTheFutureIsTheOldestButOfNoAge) {
  // The clock was ahead, and was put right.
  std::vector<RetentionFacts> builds = {fact("b1", 2000, Status::succeeded, 10),
                                        fact("b2", 3, Status::succeeded, 10),
                                        fact("b3", 4, Status::succeeded, 10)};
  EXPECT_EQ(beyond(builds, {.count = 2}), "b1 count");
  EXPECT_EQ(beyond(builds, {.count = 1}), "b1 count, b2 count");
  EXPECT_EQ(beyond(builds, {.age = 1s}), "b2 age, b3 age");
  EXPECT_EQ(beyond(builds, {.size = 20}), "b1 size");
  // It was put forward while a build ran: its end is in the future.
  builds[1].ended = at(5000);
  EXPECT_EQ(beyond(builds, {.age = 1s}), "b3 age");
  // The clock stands at 1970 again: everything is in the future, and in order.
  EXPECT_EQ(text_of(beyond_retention(builds, {.count = 2, .age = 1s}, at(0))), "b2 count");
}

TEST(Retention, ARecordsFacts) {
  Build build{.id = id("b1"),
              .app = AppName::parse("app").value(),
              .started_at = {at(100), 120min},
              .status = Status::failed,
              .pinned = true};
  EXPECT_EQ(retention_facts(build).ended, at(100));  // no end: no older than its start
  build.finished_at = Timestamp{at(160)};
  const RetentionFacts facts = retention_facts(build);
  EXPECT_EQ(facts.id, build.id);
  EXPECT_EQ(facts.status, Status::failed);
  EXPECT_EQ(facts.started, at(100));
  EXPECT_EQ(facts.ended, at(160));
  EXPECT_TRUE(facts.pinned);
  EXPECT_EQ(facts.counted_as, Counted::builds);
  build.release = "r1";
  EXPECT_EQ(retention_facts(build).counted_as, Counted::builds);  // the release that it made
  build.kind = Kind::deploy;
  EXPECT_EQ(retention_facts(build).counted_as, Counted::deploys);
  build.finished_at = Timestamp{at(20)};  // a clock that was set back
  EXPECT_EQ(retention_facts(build).ended, at(100));
}

TEST(Retention, ABuildIsSupersededOnlyIfItNeverBegan) {
  Build build{.id = id("b1"),
              .app = AppName::parse("app").value(),
              .started_at = {at(100)},
              .status = Status::canceled};
  build.superseded_by = "b2";
  EXPECT_EQ(retention_facts(build).counted_as, Counted::builds);  // it ran at once
  build.queued_at = build.started_at;
  EXPECT_EQ(retention_facts(build).counted_as, Counted::superseded);
  build.started_at = {at(130)};
  EXPECT_EQ(retention_facts(build).counted_as, Counted::builds);
  build.superseded_by.clear();
  build.started_at = *build.queued_at;
  EXPECT_EQ(retention_facts(build).counted_as, Counted::builds);  // somebody canceled it
}

TEST(Retention, NewestFirst) {
  std::vector<Build> builds;
  for (const auto& [name, start] : {std::pair{"b1", 2000}, {"b2", 3}, {"b3", 4}, {"b4", 4}}) {
    builds.push_back(
        {.id = id(name), .app = AppName::parse("app").value(), .started_at = {at(start)}});
  }
  Ids sorted;
  for (const Build* build : newest_first(builds, kNow)) sorted.push_back(build->id.str());
  EXPECT_EQ(sorted, (Ids{"b4", "b3", "b2", "b1"}));
}

/// The rules once more, each in the words of its own.
std::set<std::string> naive(std::vector<RetentionFacts> builds, const RetentionPolicy& policy) {
  std::erase_if(builds, [](const RetentionFacts& build) {
    return build.pinned || !is_terminal(build.status);
  });
  const auto newer = [](const RetentionFacts& a, const RetentionFacts& b) {
    if ((a.started > kNow) != (b.started > kNow)) return b.started > kNow;
    return a.started != b.started ? a.started > b.started : a.id > b.id;
  };
  const auto rank = [&](const RetentionFacts& build, auto&& among) {
    return static_cast<std::size_t>(std::ranges::count_if(
        builds, [&](const RetentionFacts& other) { return newer(other, build) && among(other); }));
  };
  const auto kept_failed = [&](const RetentionFacts& build) {
    return build.status == Status::failed && rank(build, [](const RetentionFacts& other) {
                                               return other.status == Status::failed;
                                             }) < policy.keep_failed;
  };
  std::set<std::string> gone;
  for (const RetentionFacts& build : builds) {
    if (build.needed) continue;
    const bool too_many = rank(build, [&](const RetentionFacts& other) {
                            return other.counted_as == build.counted_as;
                          }) >= policy.count;
    if (too_many && !kept_failed(build)) gone.insert(build.id.str());
    const bool known = build.started <= kNow && build.ended <= kNow;
    if (policy.age != 0s && known && kNow - build.ended > policy.age) gone.insert(build.id.str());
  }
  for (;;) {
    std::uint64_t total = 0;
    const RetentionFacts* next = nullptr;
    for (const RetentionFacts& build : builds) {
      if (gone.contains(build.id.str())) continue;
      total += build.bytes;
      if (build.needed) continue;
      const bool sooner = !next || (kept_failed(build) != kept_failed(*next) ? kept_failed(*next)
                                                                             : newer(*next, build));
      if (sooner) next = &build;
    }
    if (policy.size == 0 || total <= policy.size || !next) return gone;
    gone.insert(next->id.str());
  }
}

TEST(Retention, IsWhatTheNaiveRulesSay) {
  constexpr std::array kAll = {Status::queued, Status::running, Status::succeeded, Status::failed,
                               Status::canceled};
  std::mt19937 random(7);
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  std::set<std::string> seen;
  for (int round = 0; round < 5000; ++round) {
    std::vector<RetentionFacts> builds;
    for (int i = pick(0, 12); i > 0; --i) {
      // Few different times, so that ties are common.
      RetentionFacts build =
          fact("b" + std::to_string(i), 990 + pick(0, 12),
               kAll[static_cast<std::size_t>(pick(0, 4))], static_cast<std::uint64_t>(pick(0, 5)));
      build.ended = build.started + std::chrono::seconds{pick(0, 3)};
      build.pinned = pick(0, 9) == 0;
      build.needed = pick(0, 9) == 0;
      build.counted_as = static_cast<Counted>(pick(0, 2));
      builds.push_back(std::move(build));
    }
    std::ranges::shuffle(builds, random);
    const RetentionPolicy policy{.count = static_cast<std::size_t>(pick(0, 9)),
                                 .keep_failed = static_cast<std::size_t>(pick(0, 3)),
                                 .age = std::chrono::seconds{pick(0, 1) * pick(0, 12)},
                                 .size = static_cast<std::uint64_t>(pick(0, 1) * pick(0, 20))};
    std::set<std::string> removed;
    for (const Removal& removal : beyond_retention(builds, policy, kNow)) {
      EXPECT_TRUE(removed.insert(removal.id.str()).second) << "twice";
      seen.insert(std::string(to_string(removal.beyond)));
    }
    ASSERT_EQ(removed, naive(builds, policy)) << "round " << round;
  }
  EXPECT_EQ(seen, (std::set<std::string>{"age", "count", "size"}));  // each had its say
}

}  // namespace
}  // namespace cooper
