// One line of reason from what buildah really printed when builds failed.
#include "engine/buildah_failure.h"
#include "unit/engine_captures.h"

#include <gtest/gtest.h>

#include <string>

namespace cooper::engine {
namespace {

class Ignore : public Progress {
 public:
  void output(std::string_view) override {}
  void idle() override {}
  void step_started(std::string_view) override {}
  void step_cached() override {}
  void step_finished(std::optional<int>) override {}
  std::uint64_t position() const override { return 0; }
  void step_ended(const EndedStep& /*step*/) override {}
};

struct Case {
  const char* name;
  std::string_view printed;
  process::ExitStatus status;
  int exit_code;
  std::string reason;
  MemoryKills kills = MemoryKills::none;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class EveryFailure : public testing::TestWithParam<Case> {};

TEST_P(EveryFailure, IsExplainedInOneLine) {
  const Case& c = GetParam();
  Ignore progress;
  BuildahOutput output(progress);
  output.feed(c.printed);
  output.finish();
  const Failure failure = explain_failure(output, c.status, c.kills);
  EXPECT_EQ(failure.exit_code, c.exit_code);
  EXPECT_EQ(failure.reason, c.reason);
  EXPECT_EQ(failure.out_of_memory, c.reason.find("out of memory") != std::string::npos);
}

const Case cases[] = {
    {"failing_run_that_imitates",
     captures::kImitation,
     {.code = 42},
     42,
     "step 2/3 RUN echo before; echo \"STEP 3/3: RUN true\"; echo \"--> Using cache "
     "28b859aafa591…: exit status 42"},
    {"error_behind_partial_line",
     captures::kGluedError,
     {.code = 3},
     3,
     "step 2/2 RUN printf 'partial'; exit 3: exit status 3"},
    {"stage",
     captures::kStageFails,
     {.code = 1},
     1,
     "stage 2/2, step 3/3 RUN [\"/bin/busybox\", \"false\"]: exit status 1"},
    {"full_disk_in_a_run",
     "STEP 1/2: FROM a\nSTEP 2/2: RUN dd\ndd: error writing '/x': No space left on device\n"
     "Error: building at STEP \"RUN dd\": while running runtime: exit status 1\n",
     {.code = 1},
     1,
     "step 2/2 RUN dd: exit status 1: no space left on device"},
    {"no_program",
     captures::kNoProgram,
     {.code = 1},
     1,
     "step 2/2 RUN [\"/nonexistent\", \"x\"]: \"/nonexistent\" is not in the image"},
    {"killed",
     captures::kKilled,
     {.code = 1},
     137,
     "step 2/2 RUN exec tail /dev/zero: killed (SIGKILL)"},
    {"killed_for_memory",
     captures::kKilled,
     {.code = 1},
     137,
     "step 2/2 RUN exec tail /dev/zero: killed: out of memory",
     MemoryKills::on_host},
    {"child_killed_for_memory",
     captures::kShellSawKill,
     {.code = 2},
     2,
     "step 2/2 RUN echo go; tail /dev/zero; echo \"rc $?\"; exit 2: exit status 2, and the kernel "
     "killed a process: out of memory",
     MemoryKills::in_build},
    {"another_process_of_the_host_killed_for_memory",
     captures::kShellSawKill,
     {.code = 2},
     2,
     "step 2/2 RUN echo go; tail /dev/zero; echo \"rc $?\"; exit 2: exit status 2",
     MemoryKills::on_host},
    {"chroot",
     captures::kChrootFails,
     {.code = 3},
     3,
     "step 2/2 RUN printf 'partial'; exit 3: exit status 3"},
    {"chroot_no_shell",
     captures::kChrootNoShell,
     {.code = 1},
     1,
     "step 2/2 RUN echo x: \"/bin/sh\" is not in the image"},
    {"no_host",
     captures::kNoHost,
     {.code = 125},
     125,
     "base image nosuch.invalid/x/y:1 can't be pulled: dial tcp: lookup nosuch.invalid on "
     "192.0.2.53:53: no such host; check its name and that its registry can be reached"},
    {"refused",
     captures::kRefused,
     {.code = 125},
     125,
     "base image localhost/nosuchimage:1 can't be pulled: dial tcp 127.0.0.1:443: connect: "
     "connection refused; check its name and that its registry can be reached"},
    {"hub",
     captures::kHubUnreachable,
     {.code = 125},
     125,
     "base image node:18 can't be pulled: dial tcp: lookup registry-1.docker.io on 192.0.2.53:53: "
     "no such host; check its name and that its registry can be reached"},
    {"no_tag",
     captures::kNoSuchTag,
     {.code = 125},
     125,
     "base image 127.0.0.1:5055/base:2 can't be pulled: reading manifest 2 in 127.0.0.1:5055/base: "
     "manifest unknown: manifest unknown; check its name and tag"},
    {"no_search",
     captures::kNoSearchRegistries,
     {.code = 125},
     125,
     "base image nopeshort can't be pulled: short-name \"nopeshort\" did not resolve to an alias "
     "and no unqualified-search registries are defined in \"/etc/containers/registries.conf\"; "
     "check its name and that its registry can be reached"},
    {"bad_instruction",
     captures::kBadInstruction,
     {.code = 125},
     125,
     "step 2/2 RUNN echo x: unknown instruction \"RUNN\": check its spelling in the Dockerfile"},
    {"no_from", captures::kNoFrom, {.code = 125}, 125, "the Dockerfile has no FROM instruction"},
    {"empty_file", captures::kEmptyFile, {.code = 125}, 125, "the Dockerfile is empty"},
    {"bad_copy",
     captures::kBadCopy,
     {.code = 125},
     125,
     "step 2/2 COPY hi: COPY requires at least one argument"},
    {"absent_source",
     captures::kAbsentSource,
     {.code = 125},
     125,
     "step 2/2 COPY nothere /x: \"/nothere\" is not in the build context (does .dockerignore "
     "exclude it?)",
     MemoryKills::in_build},  // of another image, at the same time
    {"absent_stage",
     captures::kAbsentStage,
     {.code = 125},
     125,
     "step 2/2 COPY --from=nostage /x /x: no stage and no image has the name it copies from"},
    {"absent_target",
     captures::kAbsentTarget,
     {.code = 125},
     125,
     "the Dockerfile has no stage named \"nope\""},
    {"buildah_killed",
     "STEP 1/2: FROM a\nSTEP 2/2: RUN make\n",
     {.code = 137, .signal = 9},
     137,
     "step 2/2 RUN make: buildah was killed (SIGKILL)"},
    {"buildah_killed_for_memory",
     "STEP 1/1: FROM a\n",
     {.code = 137, .signal = 9},
     137,
     "step 1/1 FROM a: buildah was killed: out of memory",
     MemoryKills::on_host},
    {"buildah_ended",
     "",
     {.code = 143, .signal = 15},
     143,
     "buildah was ended: ended by signal SIGTERM"},
    {"says_nothing",
     "STEP 1/1: FROM a\n",
     {.code = 7},
     7,
     "step 1/1 FROM a: buildah ended with exit status 7"},
    {"disk_full",
     "STEP 1/2: FROM a\nSTEP 2/2: COPY . /x\nError: building at STEP \"COPY . /x\": "
     "storing \"/src\": write /x/big: no space left on device\n",
     {.code = 125},
     125,
     "step 2/2 COPY . /x: no space left on device: free some space where the images are kept, "
     "then build again"},
    {"hostile",
     "STEP 1/1: RUN \x1b[2Jx\nError: building at STEP \"RUN \x1b[2Jx\": a\x07 b\n  c\n",
     {.code = 125},
     125,
     "step 1/1 RUN ?[2Jx: a? b; c"},
};

TEST(PullFailure, NamesTheImageInPrintableText) {
  for (const char* error : {"write /x: no space left on device", "manifest unknown"}) {
    const std::string reason = explain_pull("a\x1b[2J\nb", error);
    EXPECT_EQ(reason.find_first_of("\x1b\n"), std::string::npos) << reason;
    EXPECT_EQ(reason.find("base image a?[2J?b can't be pulled: "), 0U) << reason;
  }
}

INSTANTIATE_TEST_SUITE_P(Real, EveryFailure, testing::ValuesIn(cases),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace cooper::engine
