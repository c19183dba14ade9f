// Builds that are stopped or killed: nothing of them may stay.
#include "base/text.h"
#include "base/time.h"
#include "unit/engine_test_support.h"

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

namespace cooper::engine {
namespace {

using testing::HasSubstr;

using End = ImageResult::End;

class StopsBuilds : public BuildahTest {
 protected:
  /// What a supervisor does after a build that did not succeed.
  std::size_t sweep() {
    if (cgroup_) cgroup_->kill_all();
    process::end_descendants();
    return engine_->clean_up();
  }

  /// Makes the image and calls `act` once when `text` has been printed.
  ImageResult make_and(const ImageRequest& wanted, const std::string& text,
                       const std::function<void()>& act, std::stop_token stop = {}) {
    progress_ = {};
    progress_.on_output = [&, done = false]() mutable {
      if (done || progress_.shown.find(text) == std::string::npos) return;
      done = true;
      act();
    };
    return engine_->make(wanted, progress_, std::move(stop));
  }

  /// Stages from nothing; buildah calls their containers `working-container`.
  ImageRequest request_from_scratch() const {
    fs::copy_file("/bin/busybox", folder_ / "source/busybox", fs::copy_options::skip_existing);
    ImageRequest wanted = request(
        "FROM scratch AS a\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"echo\", \"one\"]\n"
        "FROM scratch\nCOPY --from=a /bin/busybox /bin/busybox\nSHELL [\"/bin/busybox\", \"sh\", "
        "\"-c\"]\nRUN echo started; /bin/busybox sleep 300\n");
    wanted.no_cache = true;
    return wanted;
  }

  /// Takes away the settings of every container, which say whose it is.
  static void forget_settings() {
    const fs::path folder = store() / "graph/overlay-containers";
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.is_directory()) remove_file(entry.path() / "userdata/buildah.json");
    }
  }

  /// Our children, by /proc.
  static std::vector<pid_t> children() {
    std::vector<pid_t> pids;
    const std::string me = std::to_string(::getpid());
    for (const fs::directory_entry& task : fs::directory_iterator("/proc/self/task")) {
      const std::string list = read_file(task.path() / "children").value_or("");
      for (const std::string_view word : split(list, ' ')) {
        if (const auto pid = parse_number(trim(word))) pids.push_back(static_cast<pid_t>(*pid));
      }
    }
    return pids;
  }
};

TEST_F(StopsBuilds, BeforeTheyBegin) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(make(request("FROM localhost/base\n"), stop.get_token()).end, End::canceled);
  EXPECT_THAT(progress_.steps, testing::IsEmpty());
  EXPECT_EQ(left_over(), "");
}

TEST_F(StopsBuilds, InTheMiddleOfARun) {
  std::stop_source stop;
  // A process that leaves its session, and one that will not hear of SIGTERM.
  const ImageRequest wanted = request(
      "FROM localhost/base\n"
      "RUN trap '' TERM; setsid sleep 300 & (trap '' TERM; sleep 300) & echo started; sleep 300\n");
  const ImageResult result = make_and(
      wanted, "\nstarted\n", [&] { stop.request_stop(); }, stop.get_token());
  EXPECT_EQ(result.end, End::canceled);
  EXPECT_EQ(progress_.last_exit, std::nullopt);
  sweep();
  EXPECT_EQ(left_over(), "");
  EXPECT_THAT(children(), testing::IsEmpty());
}

// At each line that buildah prints it is in another phase; without a RUN it
// does not tidy up by itself.
TEST_F(StopsBuilds, AtEveryStep) {
  const ImageRequest wanted = request(
      "FROM localhost/base AS a\nRUN echo one\nFROM localhost/base\nCOPY --from=a /bin/busybox /b\n"
      "RUN echo two\n");
  ImageRequest uncached = wanted;
  uncached.no_cache = true;
  for (const char* text : {"STEP 1/2", "STEP 2/2", "one\n", "-->", "STEP 1/3", "STEP 2/3",
                           "STEP 3/3", "two\n", "COMMIT"}) {
    std::stop_source stop;
    const ImageResult result = make_and(
        uncached, text, [&] { stop.request_stop(); }, stop.get_token());
    sweep();
    EXPECT_EQ(left_over(), "") << text;
    // A stop that comes too late changes nothing.
    if (result.end == End::made) {
      EXPECT_FALSE(result.digest.empty());
    } else {
      EXPECT_EQ(result.end, End::canceled) << text << result.reason;
    }
  }
  EXPECT_EQ(make(wanted).end, End::made) << progress_.shown;  // the store is sound
}

TEST_F(StopsBuilds, WhoseStagesAreFromScratch) {
  for (const char* text : {"[1/2] STEP 1/3", "[1/2] STEP 3/3", "[2/2] STEP 1/4", "\nstarted\n"}) {
    std::stop_source stop;
    const ImageResult result = make_and(
        request_from_scratch(), text, [&] { stop.request_stop(); }, stop.get_token());
    EXPECT_EQ(result.end, End::canceled) << text << result.reason;
    sweep();
    EXPECT_EQ(left_over(), "") << text;
  }
}

TEST_F(StopsBuilds, KilledFromScratchLeaveNothing) {
  const ImageResult result = make_and(request_from_scratch(), "\nstarted\n", [&] {
    for (const pid_t pid : children()) ::kill(pid, SIGKILL);
  });
  EXPECT_EQ(result.end, End::failed);
  EXPECT_THAT(left_over(), HasSubstr("mount: "));
  EXPECT_GT(sweep(), 0U);
  EXPECT_EQ(left_over(), "");
}

// A moment that no output marks: mostly other ones than those of the steps.
TEST_F(StopsBuilds, AtSomeMoment) {
  const char* asked = std::getenv("COOPER_STOP_ROUNDS");
  const int rounds = asked ? std::atoi(asked) : 8;
  for (int round = 0; round < rounds; ++round) {
    std::stop_source stop;
    const auto after = std::chrono::milliseconds(20 + 1000 * round / rounds);
    const std::jthread stopper([&](const std::stop_token& done) {
      std::mutex mutex;
      std::unique_lock lock(mutex);
      std::condition_variable_any ended;
      ended.wait_for(lock, done, after, [] { return false; });
      stop.request_stop();
    });
    EXPECT_NE(make(request_from_scratch(), stop.get_token()).end, End::made);
    sweep();
    EXPECT_EQ(left_over(), "") << "stopped after " << after.count() << " ms";
    // An image without its manifest would make this fail.
    EXPECT_THAT(ask({"images", "--json"}), HasSubstr(kBase)) << after.count() << " ms";
  }
}

TEST_F(StopsBuilds, KilledBuildahLeavesNothingAfterTheSweep) {
  const ImageRequest wanted = request("FROM localhost/base\nRUN echo started; sleep 300\n");
  const ImageResult result = make_and(wanted, "\nstarted\n", [&] {
    for (const pid_t pid : children()) ::kill(pid, SIGKILL);
  });
  EXPECT_EQ(result.end, End::failed);
  EXPECT_EQ(result.exit_code, 137);
  EXPECT_EQ(
      result.reason,
      "step 2/2 RUN echo started; sleep 300 (Dockerfile.web:2): buildah was killed (SIGKILL)");
  EXPECT_THAT(left_over(), HasSubstr("mount: "));
  // Another process cleans up: `prune` after the supervisor was killed.
  engine_ = std::make_unique<BuildahEngine>(context(id_));
  remove_tree(folder_ / "work");
  EXPECT_EQ(sweep(), 1U);
  EXPECT_EQ(left_over(), "");
}

TEST_F(StopsBuilds, OtherBuildsContainersAreLeftAlone) {
  const std::string theirs = ask({"from", kBase});
  const std::string from_scratch = ask({"from", "scratch"});
  EXPECT_EQ(engine_->clean_up(), 0U);
  EXPECT_THAT(ask({"containers", "--format", "{{.ContainerName}}"}),
              testing::AllOf(HasSubstr(theirs), HasSubstr(from_scratch)));
  ask({"rm", "--all"});
}

// It may be one that another buildah is making, or was killed while it did.
TEST_F(StopsBuilds, AContainerWithoutSettingsIsLeftAlone) {
  const std::string theirs = ask({"from", kBase});
  forget_settings();
  const std::string before = left_over();
  EXPECT_THAT(before, HasSubstr("listed: "));
  EXPECT_EQ(engine_->clean_up(), 0U);
  EXPECT_EQ(left_over(), before);
  ask({"rm", std::string(trim(theirs))});
  EXPECT_EQ(left_over(), "");
}

// What a buildah leaves that is killed in the middle of a commit: each later
// `buildah images` complains about it.
TEST_F(StopsBuilds, AnImageWithoutAManifestGoesIfTheBuildCanHaveLeftIt) {
  const Time before = now();
  ASSERT_EQ(make(request("FROM localhost/base\nRUN echo unfinished\n")).end, End::made);
  const std::string id(trim(ask({"images", "--quiet", "--no-trunc", "localhost/app:web." + id_})));
  ASSERT_EQ(id.size(), 71U) << id;
  ask({"untag", id});
  fs::remove(store() / "graph/overlay-images" / id.substr(7) / "manifest");
  const auto is_there = [&] {
    const fs::path list = store() / "graph/overlay-images/images.json";
    return read_file(list).value().find("\"id\":\"" + id.substr(7)) != std::string::npos;
  };
  BuildContext later = context(id_);
  later.since = now() + std::chrono::hours{1};
  BuildahEngine(later).clean_up();
  EXPECT_TRUE(is_there()) << "older than the build: another's";
  BuildContext ours = context(id_);
  ours.since = before;
  BuildahEngine(ours).clean_up();
  EXPECT_FALSE(is_there());
}

// A buildah that is stopped while it removes one leaves such a folder.
TEST_F(StopsBuilds, ContainersThatAreGoneAreNoMistake) {
  const std::string id(64, 'e');
  const fs::path settings = store() / "graph/overlay-containers" / id / "userdata" / "buildah.json";
  make_folders(settings.parent_path());
  write(settings, "[\"id=cooper-build-" + id_ + ",src=/dev/null\"]");
  EXPECT_EQ(engine_->clean_up(), 1U);
  remove_tree(settings.parent_path().parent_path());
}

// `buildah tag` is a program of its own, which a stop request ends.
TEST_F(StopsBuilds, ThatOnlyTakeAnImage) {
  const fs::path program = folder_ / "slow-buildah";
  write(program, "#!/bin/sh\n[ \"$1\" != tag ] || { echo > " + (folder_ / "tagging").string() +
                     "; exec sleep 300; }\nexec buildah \"$@\"\n");
  fs::permissions(program, fs::perms::owner_all);
  BuildahOptions options;
  options.program = program;
  engine_ = std::make_unique<BuildahEngine>(context(id_, cgroup_), options);
  std::stop_source stop;
  const std::jthread stopper([&](const std::stop_token& done) {
    while (!done.stop_requested() && !fs::exists(folder_ / "tagging")) std::this_thread::yield();
    stop.request_stop();
  });
  const ImageResult result = make(
      {.service = "db", .base_image = kBase, .tags = {"localhost/app:db.1"}}, stop.get_token());
  EXPECT_EQ(result.end, End::canceled) << result.reason;
  EXPECT_EQ(progress_.last_exit, std::nullopt);
  EXPECT_EQ(progress_.steps.size(), 1U);
  sweep();
}

}  // namespace
}  // namespace cooper::engine
