#include "model/build.h"
#include "unit/test_support.h"

#include <algorithm>
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
  for (const char* source : {"build", "git-hook", "ps:rebuild", "git:sync", "git:from-archive",
                             "git:from-image", "git:load-image", "import"}) {
    EXPECT_EQ(known_source(source), source);
    EXPECT_EQ(kind_of_source(source), Kind::build) << source;
  }
  for (const char* source :
       {"ps:restart", "ps:start", "deploy", "config-redeploy", "webhook", "unknown"}) {
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

TEST(BeginRun, ItsTimeIsThatOfTheRun) {
  for (const Status from : kAll) {
    Build build = build_at("b1", 5, from);
    Build wanted = build;
    if (from == Status::queued) {
      wanted.status = Status::running;
      wanted.started_at = {at(9)};
    }
    EXPECT_EQ(begin_run(build, at(9)), from == Status::queued) << to_string(from);
    EXPECT_EQ(build, wanted) << to_string(from);
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
  build.started_at = parse_rfc3339("1700-01-01T00:00:00.5Z").value();
  build.finished_at = parse_rfc3339("2261-01-01T00:00:00Z").value();
  EXPECT_EQ(elapsed(build, at(1000)), 17703446399s);
}

}  // namespace
}  // namespace cooper
