// `cooper build` against a rack whose builds do what the test says: the real
// records and logs of LocalRack, without a supervisor.
#include "unit/cli_test_support.h"

#include <csignal>

namespace cooper::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

class ScriptedRack : public rack::LocalRack {
 public:
  ScriptedRack(store::Layout layout, store::FileStore& store)
      : LocalRack(layout), layout_(std::move(layout)), store_(store) {}

  Build start_build(const rack::StartBuild& start, rack::StartProgress& progress,
                    std::stop_token stop) override {
    started = start;
    progress.phase("Packaging source");
    if (on_packaging) on_packaging(stop);
    if (refusal) throw Error(*refusal);
    progress.notice("warning: left out a socket");
    progress.phase_done();
    progress.phase("Starting build");
    if (!store_.find_app(start.app)) store_.create_app(start.app);
    Build build{.id = BuildId::parse("b1").value(),
                .app = start.app,
                .pid = ::getpid(),
                .started_at = {now()},
                .status = Status::running};
    store_.insert_build(build);
    write_text(layout_.build(build.app, build.id).log, log);
    progress.phase_done();
    if (!while_following) store_.finalize_build(build.app, build.id, outcome, now());
    return build;
  }

  std::uint64_t follow_log(const AppName& app, const BuildId& id, std::uint64_t from,
                           const std::function<void(std::string_view)>& sink,
                           std::stop_token stop) override {
    follows.push_back(from);
    if (while_following) while_following(follows.size());
    return LocalRack::follow_log(app, id, from, sink, stop);
  }

  rack::BuildView cancel_build(const AppName& app, const BuildId& id) override {
    if (refusal) throw Error(*refusal);
    store_.finalize_build(app, id, outcome, now());
    return get_build(app, id);
  }

  void request_cancel(const AppName& app, const BuildId& id) override {
    ++cancels;
    if (on_cancel == OnCancel::ends) store_.finalize_build(app, id, outcome, now());
  }

  std::optional<rack::StartBuild> started;
  std::optional<Error> refusal;
  std::function<void(std::stop_token)> on_packaging;
  std::function<void(std::size_t)> while_following;
  std::string log = "STEP 1\nlast line without end";
  Outcome outcome{.status = Status::succeeded, .exit_code = 0, .release = "rb1"};
  enum class OnCancel { ends, goes_on } on_cancel = OnCancel::ends;
  int cancels = 0;
  std::vector<std::uint64_t> follows;

 private:
  store::Layout layout_;
  store::FileStore& store_;
};

class BuildCommand : public CliTest {
 protected:
  Ran build(std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"build", "-a", "hello"});
    return run_on(scripted_, std::move(words));
  }
  ScriptedRack scripted_{layout_, store_};
};

TEST_F(BuildCommand, PrintsProgressLogAndIds) {
  const Ran ran = build();
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out,
            "Packaging source... \nOK\nStarting build... OK\n"
            "STEP 1\nlast line without end\n"
            "Build:   b1\nRelease: rb1\n");
  EXPECT_EQ(ran.err, "warning: left out a socket\n");
}

TEST_F(BuildCommand, WithIdPrintsTheReleaseAloneOnStdout) {
  const Ran ran = build({"--id"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "rb1\n");
  EXPECT_THAT(ran.err, HasSubstr("Starting build... OK\nSTEP 1\n"));
}

TEST_F(BuildCommand, DetachedReturnsAtOnceWithTheId) {
  scripted_.while_following = [](std::size_t) { FAIL() << "followed"; };
  EXPECT_THAT(build({"--detach"}).out, testing::EndsWith("OK\nBuild:   b1\n"));
  store_.remove_build(app(), id("b1"));
  EXPECT_EQ(build({"--detach", "--id"}).out, "b1\n");
}

TEST_F(BuildCommand, HandsOverWhatWasAskedFor) {
  std::filesystem::create_directory(root_ / "src");
  const std::string folder = (root_ / "src").string();
  build({folder, "-d", "why", "-m", "other.yml", "--build-args", "A=1=2", "--build-args",
         "B=", "--no-cache", "--development", "-j", "3"});
  ASSERT_TRUE(scripted_.started);
  const build::BuildRequest& request = scripted_.started->request;
  EXPECT_EQ(scripted_.started->folder, folder);
  EXPECT_EQ(scripted_.started->app.str(), "hello");
  EXPECT_EQ(request.description, "why");
  EXPECT_EQ(request.manifest, "other.yml");
  EXPECT_THAT(request.build_args, ElementsAre(Pair("A", "1=2"), Pair("B", "")));
  EXPECT_TRUE(request.no_cache && request.development);
  EXPECT_EQ(request.jobs, 3U);
}

TEST_F(BuildCommand, NamesTheAppAfterTheFolderThatIsBuilt) {
  std::filesystem::create_directory(root_ / "shop");
  EXPECT_EQ(run_on(scripted_, {"build", (root_ / "shop").string() + "/"}).code, 0);
  EXPECT_EQ(scripted_.started->app.str(), "shop");
  EXPECT_EQ(run_on(scripted_, {"build", (root_ / "absent").string()}).code, 3);
}

TEST_F(BuildCommand, WarnsOfANewAppThatIsNearlyAnOldOne) {
  store_.create_app(app("hallo"));
  EXPECT_THAT(build().err, HasSubstr("WARNING: app hello is new; there is an app hallo\n"));
  store_.remove_build(app(), id("b1"));
  EXPECT_THAT(build().err, Not(HasSubstr("WARNING")));
}

TEST_F(BuildCommand, ABuildArgumentWithoutANameIsRefusedAndNotRepeated) {
  for (const char* argument : {"s3cret", "=s3cret"}) {
    const Ran ran = build({"--build-args", argument});
    EXPECT_EQ(ran.code, 2) << argument;
    EXPECT_THAT(ran.err, HasSubstr("NAME=VALUE"));
    EXPECT_THAT(ran.err, Not(HasSubstr("s3cret")));
  }
  EXPECT_FALSE(scripted_.started);
}

TEST_F(BuildCommand, NoJobsAndTooManyAreRefused) {
  for (const char* jobs : {"0", "65", "4294967297"}) {
    const Ran ran = build({"--jobs", jobs});
    EXPECT_EQ(ran.code, 2) << jobs;
    EXPECT_THAT(ran.err, HasSubstr(std::string("invalid --jobs \"") + jobs + "\"")) << jobs;
  }
  EXPECT_FALSE(scripted_.started);
  EXPECT_EQ(build({"--jobs", "64"}).code, 0);
}

TEST_F(BuildCommand, WhatCantBeStartedIsOneErrorOnALineOfItsOwn) {
  scripted_.refusal = Error(Errc::unavailable, "disk full", "free some space");
  const Ran ran = build();
  EXPECT_EQ(ran.code, 5);
  EXPECT_EQ(ran.out, "Packaging source... \n");
  EXPECT_EQ(ran.err, "ERROR: disk full\n  hint: free some space\n");
}

struct End {
  Outcome outcome;
  int code;
  std::string message;
};

class BuildEnds : public BuildCommand, public testing::WithParamInterface<End> {};

TEST_P(BuildEnds, WithItsExitCode) {
  scripted_.outcome = GetParam().outcome;
  const Ran ran = build();
  EXPECT_EQ(ran.code, GetParam().code);
  EXPECT_EQ(ran.err, "warning: left out a socket\n" + GetParam().message);
  EXPECT_THAT(ran.out, testing::EndsWith("Build:   b1\n"));
  store_.remove_build(app(), id("b1"));
  EXPECT_THAT(build({"--id"}).out, IsEmpty()) << "no release, no id";
}

INSTANTIATE_TEST_SUITE_P(
    Ends, BuildEnds,
    testing::Values(End{{Status::failed, 1, "", "web: RUN make failed: exit code 2"},
                        1,
                        "ERROR: build failed: web: RUN make failed: exit code 2\n"},
                    End{{Status::failed, 77}, 1, "ERROR: build failed\n"},
                    End{{Status::failed, kTimedOut, "", "longer than 30m"},
                        124,
                        "ERROR: build failed: longer than 30m\n"},
                    End{{Status::canceled, -1}, 130, "ERROR: build canceled\n"}));

TEST_F(BuildCommand, TellsWhenItsProcessIsGone) {
  scripted_.while_following = [&](std::size_t) {
    Build build = *store_.find_build(app(), id("b1"));
    store_.remove_build(app(), id("b1"));
    build.pid = 0x7FFFFFF0;
    store_.insert_build(build);
    write_log("b1", "");
  };
  const Ran ran = build();
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("ERROR: build abandoned"));
  EXPECT_THAT(ran.err, HasSubstr("cooper builds prune -a hello"));
}

// Ctrl-C. Signals go to this process; the follower waits for what they stop.

TEST_F(BuildCommand, CtrlCCancelsAndWaitsForTheEnd) {
  scripted_.outcome = {.status = Status::canceled, .exit_code = -1};
  scripted_.while_following = [](std::size_t follow) {
    if (follow == 1) ::kill(::getpid(), SIGINT);
  };
  const Ran ran = build();
  EXPECT_EQ(ran.code, 130);
  EXPECT_EQ(scripted_.cancels, 1);
  EXPECT_THAT(ran.err, HasSubstr("Canceling build b1..."));
  EXPECT_THAT(ran.err, testing::EndsWith("ERROR: build canceled\n"));
  // Resumed where it was: every byte once.
  EXPECT_THAT(ran.out, HasSubstr("OK\nSTEP 1\nlast line without end\nBuild:   b1\n"));
}

TEST_F(BuildCommand, ABuildThatWinsAgainstTheCancelHasSucceeded) {
  scripted_.while_following = [](std::size_t follow) {
    if (follow == 1) ::kill(::getpid(), SIGINT);
  };
  const Ran ran = build();
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, testing::EndsWith("Build:   b1\nRelease: rb1\n"));
}

TEST_F(BuildCommand, TheSecondCtrlCLeaves) {
  scripted_.on_cancel = ScriptedRack::OnCancel::goes_on;
  scripted_.while_following = [](std::size_t) { ::kill(::getpid(), SIGINT); };
  const Ran ran = build();
  EXPECT_EQ(ran.code, 130);
  EXPECT_EQ(scripted_.cancels, 1);
  EXPECT_THAT(ran.err,
              HasSubstr("Build b1 is still being canceled; see: cooper builds info b1 -a hello\n"));
  EXPECT_EQ(store_.find_build(app(), id("b1"))->status, Status::running);
}

TEST_F(BuildCommand, CtrlCWhilePackagingStartsNothing) {
  scripted_.on_packaging = [&](const std::stop_token& stop) {
    ::kill(::getpid(), SIGINT);
    while (!stop.stop_requested()) std::this_thread::yield();
    scripted_.refusal = Error(Errc::canceled, "canceled before the build began");
  };
  const Ran ran = build();
  EXPECT_EQ(ran.code, 130);
  EXPECT_THAT(ran.err, testing::EndsWith("ERROR: canceled before the build began\n"));
  EXPECT_FALSE(store_.find_app(app()));
}

TEST_F(BuildCommand, CtrlCBetweenStartAndFollowIsNotLost) {
  scripted_.on_packaging = [&](const std::stop_token& stop) {
    ::kill(::getpid(), SIGINT);
    while (!stop.stop_requested()) std::this_thread::yield();
  };
  scripted_.outcome = {.status = Status::canceled, .exit_code = -1};
  scripted_.while_following = [](std::size_t) {};
  EXPECT_EQ(build().code, 130);
  EXPECT_EQ(scripted_.cancels, 1);
}

TEST_F(BuildCommand, AfterwardsCtrlCEndsTheProgramAgain) {
  build();
  sigset_t mask;
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &mask), 0);
  EXPECT_EQ(::sigismember(&mask, SIGINT), 0);
}

TEST_F(BuildCommand, AnIgnoredSignalStaysIgnored) {
  std::signal(SIGINT, SIG_IGN);
  scripted_.while_following = [&](std::size_t) {
    ::kill(::getpid(), SIGINT);
    store_.finalize_build(app(), id("b1"), scripted_.outcome, now());
  };
  EXPECT_EQ(build().code, 0);
  EXPECT_EQ(scripted_.cancels, 0);
  std::signal(SIGINT, SIG_DFL);
}

TEST_F(BuildCommand, CtrlCEndsTheFollowingOfALog) {
  add_build("b1", Status::running);
  write_log("b1", "so far\n");
  scripted_.while_following = [](std::size_t) { ::kill(::getpid(), SIGINT); };
  const Ran ran = run_on(scripted_, {"builds", "logs", "b1", "-a", "hello"});
  EXPECT_EQ(ran.code, 130);
  EXPECT_EQ(scripted_.cancels, 0);
}

// `cooper builds cancel`: one line, ended whatever happens.

class CancelCommand : public BuildCommand {
 protected:
  Ran cancel() {
    add_build("b1", Status::running);
    return run_on(scripted_, {"builds", "cancel", "b1", "-a", "hello"});
  }
};

TEST_F(CancelCommand, SaysHowTheBuildEnded) {
  scripted_.outcome = {.status = Status::canceled, .exit_code = -1};
  const Ran ran = cancel();
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "Canceling build b1... OK\n");
  store_.remove_build(app(), id("b1"));
  scripted_.outcome = {.status = Status::failed, .exit_code = -1, .reason = "abandoned"};
  EXPECT_EQ(cancel().out, "Canceling build b1... OK, failed\n");
}

TEST_F(CancelCommand, OfABuildThatWinsIsAConflict) {
  const Ran ran = cancel();
  EXPECT_EQ(ran.code, 6);
  EXPECT_EQ(ran.out, "Canceling build b1... \n");
  EXPECT_EQ(ran.err, "ERROR: build b1 succeeded before it could be canceled\n");
}

TEST_F(CancelCommand, AnErrorStandsOnALineOfItsOwn) {
  scripted_.refusal = Error(Errc::unavailable, "build b1 does not end");
  const Ran ran = cancel();
  EXPECT_EQ(ran.code, 5);
  EXPECT_EQ(ran.out, "Canceling build b1... \n");
  EXPECT_EQ(ran.err, "ERROR: build b1 does not end\n");
}

}  // namespace
}  // namespace cooper::cli
