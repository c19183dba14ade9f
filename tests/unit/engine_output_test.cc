// Buildah's output to steps: real captures, cut at every byte, and imitations.
#include "engine/buildah_output.h"
#include "unit/engine_captures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cooper::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Writes down what it is told. A step's line says how many bytes were shown before it.
class Recorder : public Progress {
 public:
  void output(std::string_view bytes) override { shown += bytes; }
  void idle() override { ++idles; }
  void step_started(std::string_view text) override {
    events.push_back(std::string(text));
    begins.push_back(shown.size());
  }
  void step_cached() override { events.back() += " (cached)"; }
  void step_finished(std::optional<int>) override { events.emplace_back("finished"); }
  std::uint64_t position() const override { return 0; }
  void step_ended(const EndedStep& /*step*/) override {}

  std::string shown;
  std::vector<std::string> events;
  std::vector<std::size_t> begins;
  int idles = 0;
};

Recorder read(std::string_view text, const std::vector<std::string>& tags = {}) {
  Recorder recorder;
  BuildahOutput output(recorder, tags);
  output.feed(text);
  output.finish();
  return recorder;
}

TEST(StepLine, ParsesWhatBuildahPrints) {
  EXPECT_EQ(parse_step_line("STEP 2/12: RUN make -j2"),
            (StepLine{.number = 2, .total = 12, .text = "RUN make -j2"}));
  EXPECT_EQ(parse_step_line("[1/3] STEP 1/2: FROM a AS b"),
            (StepLine{.stage = 1, .stages = 3, .number = 1, .total = 2, .text = "FROM a AS b"}));
  EXPECT_EQ(parse_step_line("STEP 1/1: "), (StepLine{.number = 1, .total = 1}));
}

TEST(StepLine, RefusesWhatOnlyLooksAlike) {
  for (const char* line : {"",
                           "STEP",
                           "STEP ",
                           "STEP 1",
                           "STEP 1/",
                           "STEP 1/2",
                           "STEP 1/2:",
                           "STEP 1/2:RUN x",
                           "STEP 0/2: x",
                           "STEP 3/2: x",
                           "STEP -1/2: x",
                           "STEP +1/2: x",
                           "STEP 1 /2: x",
                           "STEP 1/99999: x",
                           "STEP 99999/99999: x",
                           "step 1/2: x",
                           " STEP 1/2: x",
                           "STEP  1/2: x",
                           "[1/2]STEP 1/2: x",
                           "[3/2] STEP 1/2: x",
                           "[0/2] STEP 1/2: x",
                           "[1/2 STEP 1/2: x",
                           "[/2] STEP 1/2: x",
                           "[1/2] COMMIT x",
                           "STEP 1/2x: y"}) {
    EXPECT_EQ(parse_step_line(line), std::nullopt) << line;
  }
}

TEST(BuildahOutput, TellsTheStepsOfAPlainBuild) {
  const Recorder recorder = read(captures::kPlain, {"localhost/app:web.1"});
  EXPECT_THAT(recorder.events, ElementsAre("FROM localhost/base", "ARG NAME=nobody", "COPY hi /hi",
                                           "RUN echo \"hello $NAME\" && echo oops >&2",
                                           "CMD [\"cat\", \"/hi\"]", "COMMIT localhost/app:web.1"));
  EXPECT_EQ(recorder.shown, captures::kPlain);
  for (std::size_t i = 0; i + 1 < recorder.begins.size(); ++i) {
    EXPECT_EQ(recorder.shown.substr(recorder.begins[i], 5), "STEP ");
  }
  EXPECT_EQ(recorder.shown.substr(recorder.begins.back(), 7), "COMMIT ");
}

TEST(BuildahOutput, TellsWhatCameFromTheCache) {
  const Recorder recorder = read(captures::kCached, {"localhost/app:web.3"});
  EXPECT_THAT(recorder.events,
              ElementsAre("FROM localhost/base", "ARG NAME=nobody (cached)", "COPY hi /hi (cached)",
                          "RUN echo \"hello $NAME\" && echo oops >&2 (cached)",
                          "CMD [\"cat\", \"/hi\"] (cached)", "COMMIT localhost/app:web.3"));
}

TEST(BuildahOutput, TellsTheStepsOfAllStages) {
  EXPECT_THAT(read(captures::kStages, {"localhost/m:1"}).events,
              ElementsAre("FROM localhost/base AS build",
                          "RUN echo compiled > /out && echo working", "FROM localhost/base",
                          "COPY --from=build /out /out", "RUN cat /out", "COMMIT localhost/m:1"));
  EXPECT_THAT(read(captures::kStagesCached, {"localhost/m:2"}).events,
              ElementsAre("FROM localhost/base AS build",
                          "RUN echo compiled > /out && echo working (cached)",
                          "FROM localhost/base", "COPY --from=build /out /out (cached)",
                          "RUN cat /out (cached)", "COMMIT localhost/m:2"));
}

TEST(BuildahOutput, AStepLineBehindARunsUnfinishedLineCounts) {
  const Recorder recorder = read(captures::kGlued);
  EXPECT_THAT(
      recorder.events,
      ElementsAre("FROM localhost/base",
                  "RUN printf 'one\\rtwo\\r\\nthree'; printf 'STEP 3/3'; printf ': RUN true'",
                  "RUN printf 'no newline'", "COMMIT"));
  EXPECT_EQ(recorder.shown, captures::kGlued);
  EXPECT_EQ(recorder.shown.substr(recorder.begins[2]),
            "STEP 3/3: RUN printf 'no newline'\nno newlineCOMMIT\n");
  EXPECT_EQ(recorder.shown.substr(recorder.begins[3]), "COMMIT\n");
}

TEST(BuildahOutput, AnInstructionOfOursIsNeitherShownNorCounted) {
  constexpr std::string_view kOurs = R"x([1/2] STEP 1/2: FROM a AS b
[1/2] STEP 2/2: RUN one
[2/2] STEP 1/3: FROM b
[2/2] STEP 2/3: RUN two
twoSTEP 3/3: x
[2/2] STEP 3/3: LABEL "cooper.app"="hello"
[2/2] COMMIT t
)x";
  Recorder recorder;
  BuildahOutput output(recorder, {"t"}, LastStep::adds_labels);
  for (const char c : kOurs) output.feed({&c, 1});  // cut everywhere
  output.finish();
  EXPECT_THAT(recorder.events,
              ElementsAre("FROM a AS b", "RUN one", "FROM b", "RUN two", "finished", "COMMIT t"));
  EXPECT_EQ(recorder.shown, R"x([1/2] STEP 1/2: FROM a AS b
[1/2] STEP 2/2: RUN one
[2/2] STEP 1/2: FROM b
[2/2] STEP 2/2: RUN two
twoSTEP 3/3: x
[2/2] COMMIT t
)x");
  EXPECT_EQ(output.steps().back(),
            (StepLine{.stage = 2, .stages = 2, .number = 2, .total = 2, .text = "RUN two"}));
}

TEST(BuildahOutput, AnUnfinishedLineBeforeAnotherStageIsNoObstacle) {
  const Recorder recorder = read(
      "[1/3] STEP 1/1: FROM a\n90%[3/3] STEP 1/2: FROM b\n[##[3/3] STEP 2/2: RUN x\n"
      "ok[3/3] COMMIT localhost/a:1\n",
      {"localhost/a:1"});
  EXPECT_THAT(recorder.events, ElementsAre("FROM a", "FROM b", "RUN x", "COMMIT localhost/a:1"));
}

TEST(BuildahOutput, AnImitationMustHaveTheNextNumber) {
  const Recorder recorder = read(
      "STEP 1/3: FROM a\nSTEP 3/3: no\nSTEP 2/4: no\nSTEP 1/3: no\n"
      "COMMIT x\nx STEP 4/3: no\nSTEP 2/3: RUN echo STEP 3/3: x\n--> Using cache no\nSTEP 2/3: no\n"
      "STEP 3/3: RUN y\nCOMMIT localhost/other:1\nCOMMIT localhost/a:1\nSTEP 1/1: no\n"
      "COMMIT localhost/a:1\n",
      {"localhost/a:1"});
  EXPECT_THAT(recorder.events,
              ElementsAre("FROM a", "RUN echo STEP 3/3: x", "RUN y", "COMMIT localhost/a:1"));
}

TEST(BuildahOutput, ACacheLineCountsOnlyRightBehindItsStep) {
  const std::string cached = "--> Using cache " + std::string(64, 'a') + "\n";
  const Recorder recorder =
      read("STEP 1/2: FROM a\nSTEP 2/2: RUN x\nhello\n" + cached + cached + "COMMIT\n");
  EXPECT_THAT(recorder.events, ElementsAre("FROM a", "RUN x", "COMMIT"));
}

TEST(BuildahOutput, ALayerFromARegistryIsCachedToo) {
  const std::string id(64, 'a');
  Recorder recorder;
  BuildahOutput output(recorder);
  output.feed(
      "STEP 1/2: FROM a\nSTEP 2/2: RUN x\n--> Cache pulled from remote 127.0.0.1:5000/shop:" + id +
      "\n--> Using cache " + id + "\nCOMMIT\n");
  output.finish();
  EXPECT_THAT(recorder.events, ElementsAre("FROM a", "RUN x (cached)", "COMMIT"));
  EXPECT_THAT(recorder.shown, HasSubstr("--> Cache pulled from remote 127.0.0.1:5000/shop:"));
  ASSERT_TRUE(output.reused());
  EXPECT_EQ(output.reused()->layer, id);
  EXPECT_TRUE(output.reused()->came_from_registry);
}

TEST(BuildahOutput, OnlyABuildWithoutAStepOfItsOwnIsReused) {
  const std::string cached = "--> Using cache " + std::string(64, 'b') + "\n";
  const auto reused = [](const std::string& text) {
    Recorder recorder;
    BuildahOutput output(recorder);
    output.feed(text);
    output.finish();
    return output.reused();
  };
  const auto all =
      reused("STEP 1/3: FROM a\nSTEP 2/3: RUN x\n" + cached + "STEP 3/3: RUN y\n" + cached);
  ASSERT_TRUE(all);
  EXPECT_FALSE(all->came_from_registry);
  EXPECT_FALSE(reused("STEP 1/3: FROM a\nSTEP 2/3: RUN x\nran\nSTEP 3/3: RUN y\n" + cached));
  EXPECT_FALSE(reused("STEP 1/3: FROM a\nSTEP 2/3: RUN x\n" + cached + "STEP 3/3: RUN y\nran\n"));
  EXPECT_FALSE(reused("STEP 1/1: FROM a\n"));
}

TEST(BuildahOutput, NoiseIsDroppedAndEverythingElseKept) {
  const Recorder recorder = read(captures::kBadInstruction);
  EXPECT_THAT(recorder.shown, testing::Not(HasSubstr("UNHANDLED LOGLEVEL")));
  EXPECT_THAT(recorder.shown, HasSubstr("Error: building at STEP"));
  EXPECT_EQ(read("time=\"2026-11-21T07:34:22Z\" level=warning msg=\"Error validating CNI config "
                 "file /etc/cni/x.conf: no\"\nSTEP 1/1: FROM a\n")
                .shown,
            "STEP 1/1: FROM a\n");
  const std::string_view useful = "time=\"x\" level=warning msg=\"Failed, retrying in 2s\"\n";
  EXPECT_EQ(read(useful).shown, useful);
}

TEST(BuildahOutput, AnUnfinishedLineIsShownAtOnceUnlessItMayBeAStep) {
  Recorder recorder;
  BuildahOutput output(recorder);
  output.feed("STEP 1/2: FROM a\nSTEP 2/2: RUN x\n");
  recorder.shown.clear();
  output.feed("50%");
  EXPECT_EQ(recorder.shown, "50%");
  output.feed("\rST");
  EXPECT_EQ(recorder.shown, "50%\rST");  // no further step can come
  output.feed("\nSTE");
  EXPECT_EQ(recorder.shown, "50%\rST\n");
  output.idle();
  EXPECT_EQ(recorder.shown, "50%\rST\nSTE");
  EXPECT_EQ(recorder.idles, 1);
  output.feed("P\nCOMM");
  output.finish();
  EXPECT_EQ(recorder.shown, "50%\rST\nSTEP\nCOMM");
  EXPECT_THAT(recorder.events, ElementsAre("FROM a", "RUN x"));
}

TEST(BuildahOutput, ALineWithoutEndIsNotKeptInMemory) {
  Recorder recorder;
  BuildahOutput output(recorder);
  output.feed("STEP 1/2: FROM a\n");
  const std::string part = "STEP 2/2: " + std::string(50'000, 'x');
  output.feed(part);
  output.feed(part);
  EXPECT_GE(recorder.shown.size(), 2 * part.size());
}

class EveryCapture : public testing::TestWithParam<std::string_view> {};

// Whatever the pieces that a pipe gives: the same steps at the same places, and
// not a byte lost.
TEST_P(EveryCapture, IsReadTheSameHoweverItIsCut) {
  const std::string_view text = GetParam();
  const std::vector<std::string> tags = {"localhost/app:web.1"};
  const Recorder whole = read(text, tags);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Recorder recorder;
    BuildahOutput output(recorder, tags);
    output.feed(text.substr(0, cut));
    output.feed(text.substr(cut));
    output.finish();
    ASSERT_EQ(recorder.events, whole.events) << "cut at " << cut;
    ASSERT_EQ(recorder.begins, whole.begins) << "cut at " << cut;
    ASSERT_EQ(recorder.shown, whole.shown) << "cut at " << cut;
  }
  Recorder recorder;
  BuildahOutput output(recorder, tags);
  for (const char byte : text) output.feed({&byte, 1});
  output.finish();
  EXPECT_EQ(recorder.events, whole.events);
  EXPECT_EQ(recorder.begins, whole.begins);
  EXPECT_EQ(recorder.shown, whole.shown);
}

INSTANTIATE_TEST_SUITE_P(Real, EveryCapture,
                         testing::Values(captures::kPlain, captures::kCached, captures::kStages,
                                         captures::kStagesCached, captures::kImitation,
                                         captures::kGlued, captures::kGluedError, captures::kKilled,
                                         captures::kRefused, captures::kBadInstruction));

TEST(BuildahOutput, OlderNamesOfTheSameImageAreNotShown) {
  const std::vector<std::string> tags = {"localhost/a:web.2", "localhost/a:worker.2"};
  const std::string_view build = "STEP 1/1: FROM a\nCOMMIT localhost/a:web.2\n--> 0123456789a\n";
  EXPECT_EQ(read(std::string(build) + "Successfully tagged localhost/a:web.2\n"
                                      "Successfully tagged localhost/a:web.1\n"
                                      "Successfully tagged localhost/a:worker.2\n0123\n",
                 tags)
                .shown,
            std::string(build) +
                "Successfully tagged localhost/a:web.2\n"
                "Successfully tagged localhost/a:worker.2\n0123\n");
  // Before the commit such a line is a program's.
  const std::string_view run = "STEP 1/2: FROM a\nSTEP 2/2: RUN x\nSuccessfully tagged b\n";
  EXPECT_EQ(read(run, tags).shown, run);
}

TEST(BuildahOutput, FindsTheErrorAndWhatStoodBeforeIt) {
  Recorder recorder;
  BuildahOutput output(recorder);
  output.feed("STEP 1/1: RUN x\nError: mine\npartialError: building at STEP \"RUN x\": a\nb\n");
  output.finish();
  EXPECT_EQ(output.error(), "building at STEP \"RUN x\": a\nb\n");
  EXPECT_EQ(output.before_error(), "STEP 1/1: RUN x\nError: mine\npartial");

  BuildahOutput at_line_start(recorder);
  at_line_start.feed("Error: no FROM statement found\n");
  at_line_start.finish();
  EXPECT_EQ(at_line_start.error(), "no FROM statement found\n");

  BuildahOutput glued(recorder);
  glued.feed("Error? no\nsome textError: committing: disk full\n");
  glued.finish();
  EXPECT_EQ(glued.error(), "committing: disk full\n");

  BuildahOutput none(recorder);
  none.feed("an Error: in a line\nlast line\n");
  none.finish();
  EXPECT_THAT(none.error(), IsEmpty());
}

TEST(BuildahOutput, FindsTheErrorBehindALotOfOutput) {
  Recorder recorder;
  BuildahOutput output(recorder);
  for (int i = 0; i < 1000; ++i) output.feed(std::string(997, 'x') + "\n");
  output.feed("Error: building at STEP \"RUN x\": exit status 1\n");
  output.finish();
  EXPECT_EQ(output.error(), "building at STEP \"RUN x\": exit status 1\n");
  EXPECT_LE(output.before_error().size(), 4096U);
}

}  // namespace
}  // namespace cooper::engine
