#include "base/error.h"
#include "base/text.h"
#include "log/capture.h"
#include "process/pty.h"
#include "unit/log_test_support.h"

#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

namespace cooper::log {
namespace {

using process::Child;
using process::ExitStatus;

struct Recorder : Sink {
  void bytes(std::string_view chunk) override {
    text += chunk;
    if (on_bytes) on_bytes();
  }
  void idle() override {
    ++idles;
    if (on_idle) on_idle();
  }
  std::string text;
  int idles = 0;
  std::function<void()> on_bytes;
  std::function<void()> on_idle;
};

struct Started {
  explicit Started(const std::string& script) : input(make_pipe()), output(make_pipe()) {
    child.emplace(Child::start({.argv = {"sh", "-c", script},
                                .environment = process::own_environment(),
                                .in = input.read.get(),
                                .out = output.write.get()}));
    output.write.reset();
    input.read.reset();
  }
  Pipe input;
  Pipe output;
  std::optional<Child> child;
};

ExitStatus run(Started& started, Sink& sink, std::stop_token stop = {},
               CaptureOptions options = {}) {
  return capture(*started.child, started.output.read, options, sink, std::move(stop));
}

// How long a run takes at most is left to the test's own time limit; what must
// not be waited for is made longer than that.

TEST(Capture, EveryByteAndTheExitCode) {
  Started started("seq 1 200000; printf end; exit 3");
  Recorder sink;
  EXPECT_EQ(run(started, sink), (ExitStatus{.code = 3}));
  std::string expected;
  for (int i = 1; i <= 200000; ++i) expected += std::to_string(i) + "\n";
  EXPECT_TRUE(sink.text == expected + "end");
}

TEST(Capture, AChildThatClosesItsOutputIsWaitedFor) {
  Started started("echo out; exec >&-; exit 4");
  Recorder sink;
  EXPECT_EQ(run(started, sink).code, 4);
  EXPECT_EQ(sink.text, "out\n");
}

TEST(Capture, AChildThatASignalEnds) {
  Started started("kill -SEGV $$");
  Recorder sink;
  EXPECT_EQ(run(started, sink), (ExitStatus{.code = 128 + SIGSEGV, .signal = SIGSEGV}));
}

TEST(Capture, AStopLetsTheChildCleanUp) {
  Started started("trap 'echo cleaned; exit 7' TERM; echo ready; while :; do sleep 0.01; done");
  Recorder sink;
  std::stop_source stop;
  sink.on_bytes = [&] { stop.request_stop(); };
  EXPECT_EQ(run(started, sink, stop.get_token(), {.grace = std::chrono::hours(1)}).code, 7);
  EXPECT_EQ(sink.text, "ready\ncleaned\n");
}

TEST(Capture, AStopBeforeTheStart) {
  Started started("exec sleep 600");
  Recorder sink;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(run(started, sink, stop.get_token()).signal, SIGTERM);
}

TEST(Capture, AChildThatIgnoresTheStopIsKilledWithItsGroup) {
  Started started("trap '' TERM; sleep 600 & echo ready; sleep 600");
  Recorder sink;
  std::stop_source stop;
  sink.on_bytes = [&] { stop.request_stop(); };
  const CaptureOptions options{.grace = std::chrono::milliseconds(50),
                               .linger = std::chrono::hours(1)};
  // An hour's linger, and yet it returns: so the background `sleep`, which held
  // the pipe, was killed too.
  EXPECT_EQ(run(started, sink, stop.get_token(), options).signal, SIGKILL);
}

TEST(Capture, AProcessLeftBehindDoesNotHoldIt) {
  Started started("setsid sh -c 'echo $$; exec sleep 600' & read x; exit 5");
  Recorder sink;
  sink.on_bytes = [&] { started.input.write.reset(); };  // `read` ends, so the child exits
  EXPECT_EQ(run(started, sink, {}, {.linger = std::chrono::milliseconds(30)}).code, 5);
  const auto left_behind = parse_number(trim(sink.text));
  ASSERT_TRUE(left_behind.has_value()) << sink.text;
  EXPECT_EQ(::kill(static_cast<pid_t>(*left_behind), SIGKILL), 0) << "it should still run";
}

TEST(Capture, WhatTheChildWroteIsReadHoweverSlowTheSink) {
  Started started("head -c 700000 /dev/zero; setsid sleep 600 & echo $!");
  Recorder sink;
  bool waited = false;
  sink.on_bytes = [&] {
    if (!std::exchange(waited, true)) started.child->wait();
  };
  run(started, sink, {}, {.linger = std::chrono::milliseconds(0)});
  ASSERT_GT(sink.text.size(), 700000U);
  const auto left_behind = parse_number(trim(std::string_view(sink.text).substr(700000)));
  ASSERT_TRUE(left_behind.has_value());
  EXPECT_EQ(::kill(static_cast<pid_t>(*left_behind), SIGKILL), 0);
}

TEST(Capture, IdleComesOnceAfterAPartialLine) {
  Started started("echo whole; printf part; read x; echo done; read y");
  Recorder sink;
  sink.on_idle = [&] { write_all(started.input.write.get(), "go\n"); };
  sink.on_bytes = [&] {
    if (sink.text.ends_with("done\n")) started.input.write.reset();
  };
  EXPECT_EQ(run(started, sink, {}, {.idle_after = std::chrono::milliseconds(10)}).code, 1);
  EXPECT_EQ(sink.text, "whole\npartdone\n");
  EXPECT_EQ(sink.idles, 1);
}

TEST(Capture, ASinkThatThrowsEndsTheChild) {
  const TempFolder folder;
  const std::string marker = (folder / "cleaned").string();
  // The child writes for ever, and gets room to write until it has cleaned up.
  Started started("trap 'echo yes > " + marker + "; exit 0' TERM; while :; do echo line; done");
  Recorder sink;
  sink.on_bytes = [] { throw Error(Errc::unavailable, "disk full"); };
  EXPECT_THROW(run(started, sink, {}, {.grace = std::chrono::hours(1)}), Error);
  ASSERT_TRUE(started.child->poll().has_value());
  EXPECT_EQ(content(marker), "yes\n");
}

TEST(Capture, ASinkThatThrowsEndsAChildThatIgnoresIt) {
  Started started("trap '' TERM; echo line; while :; do sleep 600; done");
  Recorder sink;
  sink.on_bytes = [] { throw Error(Errc::unavailable, "disk full"); };
  EXPECT_THROW(run(started, sink, {}, {.grace = std::chrono::milliseconds(20)}), Error);
  const auto status = started.child->poll();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->signal, SIGKILL);
}

TEST(Capture, AGroupIsAskedAsAWholeAndHasTheWholeGrace) {
  // The leader goes at once; what it started tidies up for longer than others linger.
  Started started(
      "(trap 'sleep 0.1; echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.02; done) & "
      "wait");
  Recorder sink;
  std::stop_source stop;
  sink.on_bytes = [&] {
    if (sink.text == "ready\n") stop.request_stop();
  };
  run(started, sink, stop.get_token(),
      {.asked = CaptureOptions::Asked::group,
       .grace = std::chrono::seconds(60),
       .linger = std::chrono::milliseconds(0)});
  EXPECT_EQ(sink.text, "ready\ntidied\n");
}

TEST(Capture, ATerminalThatNobodyHasOpenIsAtItsEnd) {
  process::Pty pty =
      process::make_pty({.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0});
  Child child = Child::start({.argv = {"sh", "-c", "seq 1 3; exit 4"},
                              .environment = process::own_environment(),
                              .in = pty.terminal.get(),
                              .out = pty.terminal.get(),
                              .group = process::Group::own_terminal});
  pty.terminal.reset();
  Recorder sink;
  EXPECT_EQ(capture(child, pty.master, {}, sink, {}).code, 4);
  EXPECT_EQ(sink.text, "1\r\n2\r\n3\r\n");
}

}  // namespace
}  // namespace cooper::log
