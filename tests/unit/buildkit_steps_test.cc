#include "engine/buildkit/steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace cooper::engine::buildkit {
namespace {

using testing::ElementsAre;

/// Everything that is reported, in order.
class Recorder : public Progress {
 public:
  void output(std::string_view bytes) override { log += bytes; }
  void idle() override {}
  void step_started(std::string_view) override {}
  void step_cached() override {}
  void step_finished(std::optional<int>) override {}
  std::uint64_t position() const override { return log.size(); }
  void step_ended(const EndedStep& step) override { steps.push_back(step); }

  std::string log;
  std::vector<EndedStep> steps;
};

Time at(int seconds) { return Time(std::chrono::seconds(seconds)); }

class StepReaderTest : public testing::Test {
 protected:
  void tell(Vertex vertex) { reader_.update({.vertexes = {std::move(vertex)}}); }
  void print(const std::string& digest, const std::string& bytes) {
    reader_.update({.logs = {{.vertex = digest, .bytes = bytes}}});
  }
  /// "1 COPY a b cached 0" for each step that ended.
  std::vector<std::string> ended() const {
    std::vector<std::string> texts;
    for (const EndedStep& step : progress_.steps) {
      texts.push_back(std::to_string(step.number) + " " + step.text +
                      (step.cached ? " cached" : "") + " " +
                      (step.exit_code ? std::to_string(*step.exit_code) : "-"));
    }
    return texts;
  }

  Recorder progress_;
  StepReader reader_{progress_, "localhost/app:web.1",
                     "FROM scratch AS tools\nRUN one\nRUN two\nFROM scratch AS docs\nRUN three\n"
                     "FROM scratch\nCOPY --from=docs $WHAT /\nCOPY --from=tools a /\n"};
};

TEST(Instruction, OnlyStepsOfADockerfileAreOnes) {
  EXPECT_EQ(parse_instruction("[2/4] RUN make"), (Instruction{"2/4", "RUN make"}));
  EXPECT_EQ(parse_instruction("[build 2/10] RUN [ -f x ] && y"),
            (Instruction{"build 2/10", "RUN [ -f x ] && y"}));
  EXPECT_EQ(parse_instruction("[stage-1  3/10] COPY a b"),
            (Instruction{"stage-1  3/10", "COPY a b"}));
  for (const char* name : {"[internal] load build context", "exporting to image", "[auth] a/b:pull",
                           "[2/4]", "", "[x/y] z", "resolve image config for docker.io/a"}) {
    EXPECT_FALSE(parse_instruction(name)) << name;
  }
}

// As Docker Engine 20.10 tells of a build whose first step was made before: all
// vertexes first, then each again when it begins and ends.
TEST_F(StepReaderTest, ABuildIsItsStepsInTheOrderOfTheDockerfile) {
  tell({.digest = "i",
        .name = "[internal] load build definition from Dockerfile",
        .started = at(1)});
  tell({.digest = "a", .name = "[1/2] COPY busybox /bin/"});
  tell({.digest = "b", .name = "[2/2] RUN make"});
  tell({.digest = "a",
        .name = "[1/2] COPY busybox /bin/",
        .cached = true,
        .started = at(2),
        .completed = at(2)});
  tell({.digest = "b", .name = "[2/2] RUN make", .started = at(3)});
  print("b", "hel");
  print("b", "lo\n");
  tell({.digest = "b", .name = "[2/2] RUN make", .started = at(3), .completed = at(5)});
  tell({.digest = "e", .name = "exporting to image", .started = at(5), .completed = at(6)});
  reader_.finish(0);
  EXPECT_EQ(progress_.log,
            "CACHED [1/2] COPY busybox /bin/\n[2/2] RUN make\nhello\nCOMMIT localhost/app:web.1\n");
  EXPECT_THAT(ended(), ElementsAre("1 COPY busybox /bin/ cached 0", "2 RUN make 0",
                                   "3 COMMIT localhost/app:web.1 0"));
  EXPECT_EQ(progress_.steps[1].started, at(3));
  EXPECT_EQ(progress_.steps[1].finished, at(5));
  EXPECT_EQ(progress_.log.substr(progress_.steps[1].log_begin, 14), "[2/2] RUN make");
  EXPECT_FALSE(reader_.failed());
}

// BuildKit 0.13 and later.
TEST_F(StepReaderTest, StepsThatAreNamedInAnyOrderAreNumberedAsInTheDockerfile) {
  const Vertex one{.digest = "5", .name = "[tools 1/2] RUN one"};
  const Vertex two{.digest = "4", .inputs = {"5"}, .name = "[tools 2/2] RUN two"};
  const Vertex three{.digest = "3", .name = "[docs 1/1] RUN three"};
  // The daemon puts in what the Dockerfile leaves open.
  const Vertex copy{
      .digest = "2", .inputs = {"3"}, .name = "[stage-2 1/2] COPY --from=docs guide /"};
  const Vertex last{
      .digest = "1", .inputs = {"2", "4"}, .name = "[stage-2 2/2] COPY --from=tools a /"};
  reader_.update({.vertexes = {three, one}});
  Vertex begun = one;
  begun.started = at(1);
  reader_.update({.vertexes = {begun, last, two, copy}});
  for (Vertex vertex : {one, two, three, copy, last}) {
    vertex.started = at(1);
    vertex.completed = at(2);
    tell(vertex);
  }
  reader_.finish(0);
  EXPECT_THAT(ended(), ElementsAre("1 RUN one 0", "2 RUN two 0", "3 RUN three 0",
                                   "4 COPY --from=docs guide / 0", "5 COPY --from=tools a / 0"));
}

TEST_F(StepReaderTest, OutputOfStepsThatRunAtOnceIsToldApart) {
  tell({.digest = "a", .name = "[a 1/1] RUN one", .started = at(1)});
  tell({.digest = "b", .name = "[b 1/1] RUN two", .started = at(1)});
  print("a", "partial");
  print("b", "2\n");
  print("b", "2 again\n");
  print("a", "1\n");
  EXPECT_EQ(progress_.log,
            "[a 1/1] RUN one\n[b 1/1] RUN two\n[a 1/1] ...\npartial\n[b 1/1] ...\n2\n2 again\n"
            "[a 1/1] ...\n1\n");
}

TEST_F(StepReaderTest, TheFirstStepThatFailsIsTheCauseAndTheOthersWereInterrupted) {
  tell({.digest = "a", .name = "[a 1/1] RUN one", .started = at(1)});
  tell({.digest = "b", .name = "[b 1/1] RUN two", .started = at(1)});
  tell({.digest = "c", .name = "[2/2] COPY never begun"});
  tell({.digest = "b",
        .name = "[b 1/1] RUN two",
        .started = at(1),
        .completed = at(2),
        .error = "exit code: 3"});
  tell({.digest = "a",
        .name = "[a 1/1] RUN one",
        .started = at(1),
        .completed = at(2),
        .error = "context canceled"});
  reader_.finish(3);
  ASSERT_TRUE(reader_.failed());
  EXPECT_EQ(reader_.failed()->instruction.text, "RUN two");
  EXPECT_EQ(reader_.failed()->error, "exit code: 3");
  EXPECT_THAT(ended(), ElementsAre("1 RUN one -", "2 RUN two 3"));
}

// Newer daemons look at the base image for no time at all before they pull it.
TEST_F(StepReaderTest, ABaseImageThatIsTakenUpTwiceIsOneStep) {
  const std::string name = "[1/2] FROM docker.io/library/busybox";
  tell({.digest = "f", .name = name, .started = at(1), .completed = at(1)});
  tell({.digest = "f", .name = name, .started = at(2), .completed = at(9)});
  reader_.update({.statuses = {{.vertex = "f",
                                .id = "sha256:0123456789abcdef",
                                .current = 2048,
                                .total = 2048,
                                .completed = true}}});
  reader_.update({.statuses = {{.vertex = "f",
                                .id = "sha256:0123456789abcdef",
                                .current = 2048,
                                .total = 2048,
                                .completed = true}}});
  tell({.digest = "r", .name = "[2/2] RUN make", .started = at(9), .completed = at(10)});
  reader_.finish(0);
  EXPECT_EQ(progress_.log, name + "\npulled sha256:0123456789ab (2 KiB)\n[2/2] RUN make\n");
  ASSERT_THAT(ended(),
              testing::UnorderedElementsAre("1 FROM docker.io/library/busybox 0", "2 RUN make 0"));
  const auto base = std::ranges::find(progress_.steps, 1, &EndedStep::number);
  EXPECT_EQ(base->started, at(1));
  EXPECT_EQ(base->finished, at(9));
}

TEST_F(StepReaderTest, WhatWasInterruptedHasNoExitCode) {
  tell({.digest = "a", .name = "[1/1] RUN sleep", .started = at(1)});
  print("a", "half a line");
  reader_.finish(std::nullopt);
  EXPECT_THAT(ended(), ElementsAre("1 RUN sleep -"));
  EXPECT_EQ(progress_.log, "[1/1] RUN sleep\nhalf a line\n");
}

}  // namespace
}  // namespace cooper::engine::buildkit
