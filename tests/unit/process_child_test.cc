#include "process/child.h"
#include "process/wake.h"
#include "unit/test_support.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sstream>
#include <thread>

namespace cooper::process {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

Command shell(std::string script, std::vector<std::string> arguments = {}) {
  std::vector<std::string> argv = {"sh", "-c", std::move(script), "sh"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return {.argv = std::move(argv), .environment = own_environment()};
}

bool is_readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

// Environment

TEST(OwnEnvironment, ReplacesAddsAndRemoves) {
  ::setenv("COOPER_TEST_A", "old", 1);
  ::setenv("COOPER_TEST_AB", "other", 1);
  ::setenv("COOPER_TEST_GONE", "x", 1);
  const auto count = [](const std::vector<std::string>& all, const std::string& entry) {
    return std::ranges::count(all, entry);
  };
  const auto all = own_environment({"COOPER_TEST_A=new=1", "COOPER_TEST_GONE", "COOPER_TEST_B="});
  EXPECT_EQ(count(all, "COOPER_TEST_A=new=1"), 1);
  EXPECT_EQ(count(all, "COOPER_TEST_A=old"), 0);
  EXPECT_EQ(count(all, "COOPER_TEST_AB=other"), 1);
  EXPECT_EQ(count(all, "COOPER_TEST_B="), 1);
  EXPECT_EQ(count(all, "COOPER_TEST_GONE=x"), 0);
  for (const char* name : {"COOPER_TEST_A", "COOPER_TEST_AB", "COOPER_TEST_GONE"}) ::unsetenv(name);
}

// run

struct Ending {
  const char* script;
  ExitStatus status;
};

void PrintTo(const Ending& ending, std::ostream* out) { *out << ending.script; }

class EndingTest : public testing::TestWithParam<Ending> {};

TEST_P(EndingTest, IsData) { EXPECT_EQ(run(shell(GetParam().script)).status, GetParam().status); }

INSTANTIATE_TEST_SUITE_P(Table, EndingTest,
                         testing::Values(Ending{"exit 0", {0, 0}}, Ending{"exit 3", {3, 0}},
                                         Ending{"exit 255", {255, 0}},
                                         Ending{"exit 137", {137, 0}},  // told from a signal
                                         Ending{"kill -9 $$", {137, SIGKILL}},
                                         Ending{"kill -TERM $$", {143, SIGTERM}},
                                         Ending{"kill -QUIT $$", {131, SIGQUIT}}));

TEST(Run, KeepsTheStreamsApart) {
  const Captured captured = run(shell("echo out; echo err >&2; printf 'no newline'"));
  EXPECT_EQ(captured.out, "out\nno newline");
  EXPECT_EQ(captured.err, "err\n");
}

TEST(Run, ManyBytesOnBothStreamsDoNotBlock) {
  const Captured captured =
      run(shell("yes o | head -c 400000; yes e | head -c 400000 >&2; yes o | head -c 400000"));
  EXPECT_TRUE(captured.status.ok());
  EXPECT_EQ(captured.out.size(), 800'000U);
  EXPECT_EQ(captured.err.size(), 400'000U);
}

TEST(Run, WhatIsTooMuchIsReadAndDropped) {
  const Captured captured = run(shell("yes | head -c 300000; echo x >&2"), 60s, {}, 1000);
  EXPECT_TRUE(captured.status.ok());
  EXPECT_EQ(captured.out.size(), 1000U);
  EXPECT_EQ(captured.err, "x\n");
}

TEST(Run, InputIsEmptyUnlessGiven) {
  EXPECT_EQ(run(shell("cat")).out, "");
  TempFolder folder;
  write_text(folder / "in", "hello");
  const Fd in = open_file(folder / "in", O_RDONLY);
  Command command = shell("cat");
  command.in = in.get();
  EXPECT_EQ(run(command).out, "hello");
}

TEST(Run, FolderAndArgumentsArriveAsTheyAre) {
  TempFolder folder;
  Command command = shell("pwd; printf '<%s>' \"$@\"", {"a b", "", "*", "$HOME", "\n"});
  command.folder = folder.path();
  EXPECT_EQ(run(command).out, fs::canonical(folder.path()).string() + "\n<a b><><*><$HOME><\n>");
}

TEST(Run, TheEnvironmentIsTheGivenOneOnly) {
  const Captured captured = run({.argv = {"env"}, .environment = {"A=1", "PATH=/usr/bin:/bin"}});
  EXPECT_EQ(captured.out, "A=1\nPATH=/usr/bin:/bin\n");
}

TEST(Run, AMissingProgramIsNamed) {
  const Error error =
      error_of([] { run({.argv = {"no-such-program-x"}, .environment = own_environment()}); });
  EXPECT_EQ(error.code(), Errc::not_found);
  EXPECT_EQ(error.message(), "program \"no-such-program-x\" was not found in PATH");
  EXPECT_NE(error.hint(), "");
  const Error absolute = error_of([] { run({.argv = {"/no/such/program"}}); });
  EXPECT_EQ(absolute.code(), Errc::not_found);
  EXPECT_NE(absolute.message().find("/no/such/program"), std::string::npos);
}

TEST(Run, WhatCanNotStartIsAnErrorNotAnExitCode) {
  TempFolder folder;
  write_text(folder / "plain", "#!/bin/sh\n");
  EXPECT_EQ(code_of([&] { run({.argv = {folder / "plain"}}); }), Errc::denied);  // no x
  EXPECT_NE(code_of([&] { run({.argv = {folder.path()}}); }), std::nullopt);
  write_text(folder / "script", "#!/no/such/interpreter\n");
  fs::permissions(folder / "script", fs::perms::owner_all);
  EXPECT_EQ(code_of([&] { run({.argv = {folder / "script"}}); }), Errc::not_found);
  Command command = shell("true");
  command.folder = folder / "absent";
  EXPECT_EQ(code_of([&] { run(command); }), Errc::not_found);
  command = shell("true");
  command.cgroups = {folder / "absent"};
  EXPECT_EQ(code_of([&] { run(command); }), Errc::not_found);
}

TEST(Run, LooksIntoEachFolderOfThePath) {
  TempFolder folder;
  fs::create_directories(folder / "a/tool");  // a folder is no program
  fs::create_directories(folder / "b");
  fs::create_directories(folder / "c");
  write_text(folder / "b/tool", "not executable");
  write_text(folder / "c/tool", "#!/bin/sh\necho found\n");
  fs::permissions(folder / "c/tool", fs::perms::owner_all);
  const std::string path = "PATH=/no/such:" + (folder / "a").string() + ":" +
                           (folder / "b").string() + ":" + (folder / "c").string();
  EXPECT_EQ(run({.argv = {"tool"}, .environment = {path}}).out, "found\n");
}

TEST(Run, IsKilledWithItsGroupAfterItsLimit) {
  Pipe alive = make_pipe();
  Command command = shell("sleep 600 & wait");
  command.keep = {alive.write.get()};
  const Error error = error_of([&] { run(command, 300ms); });
  EXPECT_EQ(error.code(), Errc::unavailable);
  EXPECT_EQ(error.message(), "sh: gave no answer in time");
  alive.write.reset();
  char byte;
  EXPECT_EQ(read_some(alive.read.get(), {&byte, 1}), 0);  // the end comes when all are gone
}

TEST(Run, TheLimitAlsoHoldsOnceTheStreamsAreClosed) {
  EXPECT_EQ(code_of([] { run(shell("exec >&- 2>&-; exec sleep 600"), 300ms); }), Errc::unavailable);
}

TEST(Run, TheLimitAlsoHoldsInOurOwnGroup) {
  Command command = shell("exec sleep 600");
  command.group = Group::same;
  EXPECT_EQ(code_of([&] { run(command, 100ms); }), Errc::unavailable);
}

TEST(Run, AStopRequestEndsIt) {
  std::stop_source stop;
  Pipe started = make_pipe();
  Command command = shell("echo >&$0; exec sleep 600");
  command.argv.at(3) = std::to_string(started.write.get());
  command.keep = {started.write.get()};
  std::thread stopper([&] {
    char byte;
    read_some(started.read.get(), {&byte, 1});
    stop.request_stop();
  });
  EXPECT_EQ(code_of([&] { run(command, 60s, stop.get_token()); }), Errc::canceled);
  stopper.join();
}

TEST(Run, AStopRequestedBeforeEndsItAtOnce) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(code_of([&] { run(shell("exec sleep 600"), 60s, stop.get_token()); }), Errc::canceled);
}

// Descriptors and signals

TEST(Start, LeaksNoDescriptorIntoTheChild) {
  const Fd closed = open_file("/dev/null", O_RDONLY);
  const Fd kept = open_file("/dev/null", O_RDONLY);
  Command command = shell("for fd in $1 $2; do test -e /proc/$$/fd/$fd && echo $fd; done",
                          {std::to_string(closed.get()), std::to_string(kept.get())});
  command.keep = {kept.get()};
  EXPECT_EQ(run(command).out, std::to_string(kept.get()) + "\n");
  // What is opened close-on-exec is all that we have: beyond that, only 0, 1, 2.
  const auto inherited = [] {
    std::vector<std::string> fds;
    for (const std::string& fd : list_folder("/proc/self/fd")) {
      if (::fcntl(std::stoi(fd), F_GETFD) == 0 && std::stoi(fd) > 2) fds.push_back(fd);
    }
    return fds.size();
  }();
  const std::string out = run(shell("exec ls /proc/self/fd")).out;
  constexpr std::size_t kOpenedByLs = 1;  // the folder it lists
  EXPECT_LE(static_cast<std::size_t>(std::ranges::count(out, '\n')), 3 + inherited + kOpenedByLs)
      << out;
}

TEST(Start, LeaksNoDescriptorIntoUs) {
  run(shell("true"));
  const std::size_t before = list_folder("/proc/self/fd").size();
  for (int i = 0; i < 20; ++i) {
    run(shell("echo x"));
    code_of([] { run({.argv = {"/no/such"}}); });
    code_of([] { run({.argv = {"no-such-program-x"}}); });
  }
  EXPECT_EQ(list_folder("/proc/self/fd").size(), before);
}

TEST(Start, TheStandardStreamsMayBeCrossed) {
  // Our own 1 and 2 as the child's 2 and 1: neither may be lost on the way.
  Pipe one = make_pipe();
  Pipe two = make_pipe();
  const int code = in_child_process([&] {
    ::dup2(one.write.get(), 1);
    ::dup2(two.write.get(), 2);
    Command command = shell("echo out; echo err >&2");
    command.out = 2;
    command.err = 1;
    return Child::start(command).wait().code;
  });
  EXPECT_EQ(code, 0);
  one.write.reset();
  two.write.reset();
  EXPECT_EQ(read_open_file(one.read, "one", 100), "err\n");
  EXPECT_EQ(read_open_file(two.read, "two", 100), "out\n");
}

TEST(Start, SignalsHaveACleanSlate) {
  const int code = in_child_process([] {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGTERM, SIG_IGN);
    sigset_t blocked;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGINT);
    ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
    const std::string status = run(shell("grep -E 'Sig(Blk|Ign)' /proc/self/status")).out;
    sigset_t after;
    ::sigprocmask(SIG_BLOCK, nullptr, &after);
    const bool ours_unchanged = ::sigismember(&after, SIGINT) == 1;
    return status == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n" && ours_unchanged ? 0
                                                                                                : 1;
  });
  EXPECT_EQ(code, 0);
}

TEST(Start, Groups) {
  const auto ids_of = [](Group group) {
    Command command =
        shell("ps -o pid=,pgid=,sid= -p $$ 2>/dev/null || cut -d' ' -f1,5,6 /proc/$$/stat");
    command.group = group;
    std::vector<long> ids;
    std::istringstream text(run(command).out);
    for (long id; text >> id;) ids.push_back(id);
    EXPECT_EQ(ids.size(), 3U);
    return ids;
  };
  const auto same = ids_of(Group::same);
  EXPECT_EQ(same.at(1), ::getpgrp());
  EXPECT_EQ(same.at(2), ::getsid(0));
  const auto group = ids_of(Group::own_group);
  EXPECT_EQ(group.at(1), group.at(0));
  EXPECT_EQ(group.at(2), ::getsid(0));
  const auto session = ids_of(Group::own_session);
  EXPECT_EQ(session.at(1), session.at(0));
  EXPECT_EQ(session.at(2), session.at(0));
}

TEST(Start, TheDeathSignalComesWithOurEnd) {
  Pipe alive = make_pipe();
  const int code = in_child_process([&] {
    Command command = shell("exec sleep 600");
    command.keep = {alive.write.get()};
    command.death_signal = SIGKILL;
    Child::start(command);
    return 0;
  });
  EXPECT_EQ(code, 0);
  alive.write.reset();
  char byte;
  EXPECT_EQ(read_some(alive.read.get(), {&byte, 1}), 0);  // the end comes when it is gone
}

// Child

TEST(ChildTest, PollWaitAndPidfd) {
  Pipe gate = make_pipe();
  Command command = shell("read line; exit 7");
  command.in = gate.read.get();
  Child child = Child::start(command);
  EXPECT_EQ(child.poll(), std::nullopt);
  EXPECT_FALSE(is_readable(child.pidfd()));
  write_all(gate.write.get(), "go\n");
  EXPECT_EQ(child.wait(), (ExitStatus{7, 0}));
  EXPECT_TRUE(is_readable(child.pidfd()));
  EXPECT_EQ(child.poll(), (ExitStatus{7, 0}));
  EXPECT_EQ(child.wait(), (ExitStatus{7, 0}));
  child.signal(SIGKILL);  // nothing happens
}

TEST(ChildTest, PollSeesTheEndByItself) {
  Child child = Child::start(shell("exit 3"));
  pollfd entry{child.pidfd(), POLLIN, 0};
  ASSERT_EQ(::poll(&entry, 1, 60'000), 1);
  EXPECT_EQ(child.poll(), (ExitStatus{3, 0}));
}

TEST(ChildTest, SignalsReachTheProcessOrItsGroup) {
  Pipe alive = make_pipe();
  Command command = shell("trap '' TERM; sleep 600 & echo >&$0; wait");
  command.argv.at(3) = std::to_string(alive.write.get());
  command.keep = {alive.write.get()};
  Child child = Child::start(command);
  alive.write.reset();
  char byte;
  ASSERT_EQ(read_some(alive.read.get(), {&byte, 1}), 1);
  child.signal(SIGTERM);  // ignored
  EXPECT_EQ(child.poll(), std::nullopt);
  child.signal_group(SIGKILL);
  EXPECT_EQ(child.wait(), (ExitStatus{137, SIGKILL}));
  EXPECT_EQ(read_some(alive.read.get(), {&byte, 1}), 0);  // `sleep` is gone, too
}

TEST(ChildTest, ManyThreadsStartChildrenAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      for (int j = 0; j < 10; ++j) {
        const Captured captured = run(shell("echo $1; exit $1", {std::to_string(10 * i + j)}));
        EXPECT_EQ(captured.status.code, 10 * i + j);
        EXPECT_EQ(captured.out, std::to_string(10 * i + j) + "\n");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// StopWake

TEST(StopWakeTest, IsReadableOnceAStopIsRequested) {
  std::stop_source stop;
  const StopWake wake(stop.get_token());
  EXPECT_FALSE(is_readable(wake.fd()));
  stop.request_stop();
  EXPECT_TRUE(is_readable(wake.fd()));
  EXPECT_TRUE(is_readable(wake.fd()));  // it stays so
  const StopWake late(stop.get_token());
  EXPECT_TRUE(is_readable(late.fd()));
  const StopWake never(std::stop_token{});
  EXPECT_FALSE(is_readable(never.fd()));
}

TEST(StopWakeTest, WakesAPollInAnotherThread) {
  for (int round = 0; round < 50; ++round) {
    std::stop_source stop;
    std::thread waiter([token = stop.get_token()] {
      const StopWake wake(token);
      pollfd entry{wake.fd(), POLLIN, 0};
      EXPECT_EQ(::poll(&entry, 1, 60'000), 1);
    });
    stop.request_stop();
    waiter.join();
  }
}

}  // namespace
}  // namespace cooper::process
