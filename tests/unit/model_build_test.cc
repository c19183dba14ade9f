#include "model/build.h"
#include "model/retention.h"
#include "unit/test_support.h"

#include <algorithm>
#include <random>
#include <vector>

namespace cooper {
namespace {

using namespace std::chrono_literals;

constexpr Status kAll[] = {Status::queued, Status::running, Status::succeeded, Status::failed,
                           Status::canceled};

Time at(std::int64_t seconds) { return Time(std::chrono::seconds{seconds}); }

Build build_at(std::string_view id, std::int64_t started, Status status = Status::running) {
  return {.id = BuildId::parse(id).value(),
          .app = AppName::parse("hello").value(),
          .started_at = {at(started)},
          .status = status};
}

TEST(Words, AreSpelledOneWay) {
  const std::pair<DisplayStatus, const char*> cases[] = {
      {DisplayStatus::queued, "queued"},       {DisplayStatus::running, "running"},
      {DisplayStatus::succeeded, "succeeded"}, {DisplayStatus::failed, "failed"},
      {DisplayStatus::canceled, "canceled"},   {DisplayStatus::abandoned, "abandoned"}};
  for (const auto& [status, word] : cases) {
    EXPECT_EQ(to_string(status), word);
    EXPECT_EQ(parse_display_status(word), status);
  }
  for (const Status status : kAll) EXPECT_EQ(parse_status(to_string(status)), status);
  EXPECT_EQ(to_string(Status::canceled), "canceled");
  EXPECT_EQ(parse_status("abandoned"), std::nullopt);  // computed, never stored
  for (const char* bad : {"", "Running", "cancelled", "success", "running ", "lost"}) {
    EXPECT_EQ(parse_status(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_display_status(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(parse_kind("build"), Kind::build);
  EXPECT_EQ(parse_kind("deploy"), Kind::deploy);
  EXPECT_EQ(to_string(Kind::deploy), "deploy");
  EXPECT_EQ(parse_kind("Build"), std::nullopt);
}

TEST(Words, SourcesAndTheirKinds) {
  for (const char* source : {"build", "import", "webhook", "git-hook", "ps:rebuild", "git:sync",
                             "git:from-archive", "git:from-image", "git:load-image"}) {
    EXPECT_EQ(known_source(source), source);
    EXPECT_EQ(kind_of_source(source), Kind::build) << source;
  }
  for (const char* source : {"ps:restart", "ps:start", "deploy", "config-redeploy", "unknown"}) {
    EXPECT_EQ(known_source(source), source);
    EXPECT_EQ(kind_of_source(source), Kind::deploy) << source;
  }
  EXPECT_EQ(known_source("rm -rf"), "unknown");
  EXPECT_EQ(known_source(""), "unknown");
  EXPECT_EQ(kind_of_source("rm -rf"), Kind::deploy);
}

TEST(LifeCycle, IsThisTable) {
  // rows: from; columns: to, in the order of kAll
  constexpr bool kMay[5][5] = {
      {false, true, false, true, true},  // queued
      {false, false, true, true, true},  // running
      {false, false, false, false, false}, {false, false, false, false, false},
      {false, false, false, false, false},
  };
  for (std::size_t from = 0; from < 5; ++from) {
    for (std::size_t to = 0; to < 5; ++to) {
      EXPECT_EQ(may_follow(kAll[from], kAll[to]), kMay[from][to])
          << to_string(kAll[from]) << " -> " << to_string(kAll[to]);
    }
  }
}

TEST(LifeCycle, TerminalMeansNothingFollows) {
  for (const Status from : kAll) {
    const bool ends = std::ranges::none_of(kAll, [&](Status to) { return may_follow(from, to); });
    EXPECT_EQ(is_terminal(from), ends) << to_string(from);
  }
}

TEST(Finalize, TheFirstWins) {
  Build build = build_at("b1", 0);
  build.engine = "buildah 1.28.2";
  build.description = "kept";
  EXPECT_TRUE(finalize(build, {.status = Status::failed, .exit_code = 2, .reason = "step 3 failed"},
                       at(9)));
  EXPECT_EQ(build.status, Status::failed);
  EXPECT_EQ(build.exit_code, 2);
  EXPECT_EQ(build.finished_at, Timestamp{at(9)});
  EXPECT_EQ(build.reason, "step 3 failed");
  EXPECT_EQ(build.engine, "buildah 1.28.2");  // an outcome without an engine leaves the known one
  EXPECT_EQ(build.description, "kept");
  const Build first = build;
  for (const Status late : kAll) {
    EXPECT_FALSE(finalize(build, {.status = late, .exit_code = 0, .release = "r1"}, at(10)));
    EXPECT_EQ(build, first);
  }
}

TEST(Finalize, OnlyToWhatTheLifeCycleAllows) {
  for (const Status from : kAll) {
    for (const Status to : kAll) {
      Build build = build_at("b1", 0, from);
      const Build before = build;
      const bool done = finalize(build, {.status = to, .exit_code = 0}, at(1));
      EXPECT_EQ(done, is_terminal(to) && may_follow(from, to))
          << to_string(from) << " -> " << to_string(to);
      if (!done) {
        EXPECT_EQ(build, before);
      }
    }
  }
}

TEST(DisplayStatusTest, ARunningBuildWithoutItsProcessIsAbandoned) {
  for (const Status status : kAll) {
    const Build build = build_at("b1", 0, status);
    EXPECT_EQ(to_string(display_status(build, /*process_lives=*/true)), to_string(status));
    EXPECT_EQ(to_string(display_status(build, /*process_lives=*/false)),
              status == Status::running ? "abandoned" : to_string(status));
  }
}

TEST(Elapsed, ToTheFinishOrToNow) {
  Build build = build_at("b1", 100);
  EXPECT_EQ(elapsed(build, at(160)), 60s);
  EXPECT_EQ(elapsed(build, at(90)), 0s);  // a clock that was set back
  build.finished_at = Timestamp{at(130) + 900ms, 120min};
  EXPECT_EQ(elapsed(build, at(1000)), 30s);
  build.finished_at = Timestamp{at(99)};
  EXPECT_EQ(elapsed(build, at(1000)), 0s);
}

// Retention

std::vector<std::string> texts(const std::vector<BuildId>& ids) {
  std::vector<std::string> result;
  for (const BuildId& id : ids) result.push_back(id.str());
  return result;
}

const Time kNow = at(1000);

TEST(Retention, WhatClaimsToStartInTheFutureCountsAsTheOldest) {
  // The clock was ahead, and was put right.
  const std::vector<Build> builds = {build_at("b1", 2000, Status::succeeded),
                                     build_at("b2", 3, Status::succeeded),
                                     build_at("b3", 4, Status::succeeded)};
  const std::vector<const Build*> sorted = newest_first(builds, kNow);
  EXPECT_EQ(sorted.front()->id.str(), "b3");
  EXPECT_EQ(sorted.back()->id.str(), "b1");
  EXPECT_EQ(texts(beyond_retention(builds, 1, {}, kNow)), (std::vector<std::string>{"b1", "b2"}));
}

TEST(Retention, KeepsTheNewestFinished) {
  const std::vector<Build> builds = {build_at("b3", 3, Status::succeeded),
                                     build_at("b1", 1, Status::failed),
                                     build_at("b5", 5),
                                     build_at("b2", 2, Status::canceled),
                                     build_at("b4", 4, Status::succeeded),
                                     build_at("b0", 0, Status::queued)};
  using Ids = std::vector<std::string>;
  EXPECT_EQ(texts(beyond_retention(builds, 4, {}, kNow)), Ids{});
  EXPECT_EQ(texts(beyond_retention(builds, 2, {}, kNow)), (Ids{"b1", "b2"}));
  EXPECT_EQ(texts(beyond_retention(builds, 2, {"b1"}, kNow)), Ids{"b2"});
  EXPECT_EQ(texts(beyond_retention(builds, 2, {"b4"}, kNow)), (Ids{"b1", "b2"}));
  EXPECT_EQ(texts(beyond_retention(builds, 0, {"b2", "b3"}, kNow)), (Ids{"b1", "b4"}));
  EXPECT_EQ(texts(beyond_retention(builds, 100, {}, kNow)), Ids{});
  EXPECT_EQ(texts(beyond_retention({}, 0, {}, kNow)), Ids{});
}

/// The rule once more, in words: a finished build goes when at least `keep`
/// finished ones are newer and nothing needs it.
std::vector<std::string> naive_retention(const std::vector<Build>& builds, std::size_t keep,
                                         const std::set<std::string>& kept) {
  const auto newer = [](const Build& a, const Build& b) {
    return a.started_at.at != b.started_at.at ? a.started_at.at > b.started_at.at
                                              : a.id.str() > b.id.str();
  };
  std::vector<Build> removed;
  for (const Build& build : builds) {
    if (!is_terminal(build.status) || kept.contains(build.id.str())) continue;
    const auto newer_ones = std::ranges::count_if(builds, [&](const Build& other) {
      return is_terminal(other.status) && newer(other, build);
    });
    if (static_cast<std::size_t>(newer_ones) >= keep) removed.push_back(build);
  }
  std::ranges::sort(removed, [&](const Build& a, const Build& b) { return newer(b, a); });
  std::vector<std::string> ids;
  for (const Build& build : removed) ids.push_back(build.id.str());
  return ids;
}

TEST(Retention, IsWhatTheNaiveRuleSays) {
  std::mt19937 random(7);
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<Build> builds;
    const int count = pick(0, 12);
    for (int i = 0; i < count; ++i) {
      // Few different times, so that ties are common; offsets must not matter.
      Build build = build_at("b" + std::to_string(i), pick(0, 5), kAll[pick(0, 4)]);
      build.started_at.utc_offset = std::chrono::minutes{pick(-600, 600)};
      builds.push_back(std::move(build));
    }
    std::ranges::shuffle(builds, random);
    std::set<std::string> kept;
    for (int i = pick(0, 2); i > 0; --i) kept.insert("b" + std::to_string(pick(0, 14)));
    const auto keep = static_cast<std::size_t>(pick(0, 6));
    ASSERT_EQ(texts(beyond_retention(builds, keep, kept, kNow)),
              naive_retention(builds, keep, kept))
        << "round " << round;
  }
}

}  // namespace
}  // namespace cooper
