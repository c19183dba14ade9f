#include "process/alive.h"
#include "process/child.h"
#include "process/family.h"
#include "unit/test_support.h"

#include <csignal>
#include <fcntl.h>
#include <memory>

namespace cooper::process {
namespace {

using namespace std::chrono_literals;

const std::string kMark = "FAMILY_TEST=" + std::to_string(::getpid());

/// A script in a process group of its own. Everything that descends from it holds
/// the other end of `alive`.
struct Started {
  explicit Started(const std::string& script, const std::string& mark = "",
                   Group group = Group::own_group)
      : alive(make_pipe()) {
    Command command{.argv = {"bash", "-c", script},
                    .environment = own_environment({mark.empty() ? "UNUSED=" : mark}),
                    .out = alive.write.get(),
                    .group = group};
    child = std::make_unique<Child>(Child::start(command));
    alive.write.reset();
  }
  ~Started() {
    child->signal(SIGKILL);
    child->wait();
  }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;

  std::string read_line() const {
    std::string line;
    char byte = 0;
    while (::read(alive.read.get(), &byte, 1) == 1 && byte != '\n') line += byte;
    return line;
  }
  /// Nobody of it lives any more. Waits for that.
  std::string rest() const { return read_open_file(alive.read, "rest", 1 << 20); }

  Pipe alive;
  std::unique_ptr<Child> child;
};

TEST(Family, NobodyIsFine) {
  EXPECT_TRUE(Family(0, "").look().empty());
  EXPECT_TRUE(Family(0, "").end(0ms, {}).empty());
  EXPECT_TRUE(Family(2147483647, "NO=SUCH_MARK").end(0ms, {}).empty());
}

TEST(Family, IsNeverProcessOneNorOurselvesNorOurAncestors) {
  EXPECT_TRUE(Family(1, "").look().empty());
  for (const pid_t pid : Family(::getppid(), "").look()) {
    EXPECT_NE(pid, ::getppid());
    EXPECT_NE(pid, ::getpid());
  }
  ::setenv("FAMILY_TEST_OWN", "x", 1);
  EXPECT_TRUE(Family(::getpid(), "FAMILY_TEST_OWN=x").look().empty());
}

TEST(Family, EndsAWholeTreeDeafToEverySignal) {
  const Started started(
      "trap '' TERM QUIT INT HUP; for i in 1 2 3; do (trap '' TERM; (sleep 600 & wait) & wait) & "
      "done; echo ready; wait");
  EXPECT_EQ(started.read_line(), "ready");
  EXPECT_TRUE(Family(started.child->pid(), "").end(20ms, {}).empty());
  EXPECT_EQ(started.rest(), "");
}

TEST(Family, FindsByTheMarkWhoFledAndLostItsParents) {
  const Started started("setsid bash -c 'trap \"\" TERM; echo ready; (sleep 600)' & disown; exit 0",
                        kMark);
  EXPECT_EQ(started.read_line(), "ready");
  started.child->wait();
  EXPECT_FALSE(Family(0, kMark).look().empty());
  EXPECT_TRUE(Family(0, kMark + "x").look().empty()) << "a whole entry";
  EXPECT_TRUE(Family(0, kMark).end(20ms, {}).empty());
  EXPECT_EQ(started.rest(), "");
}

TEST(Family, FindsByTheGroupWhoLostItsParents) {
  const Started started("(bash -c 'echo ready; exec sleep 600' &); sleep 600");
  EXPECT_EQ(started.read_line(), "ready");
  EXPECT_TRUE(Family(started.child->pid(), "").end(20ms, {}).empty());
  EXPECT_EQ(started.rest(), "");
}

TEST(Family, SparesTheGroupOfOneThatDoesNotLeadIt) {
  // Both are in our own group.
  const Started bystander("echo ready; exec sleep 600", "", Group::same);
  const Started started("echo ready; exec sleep 600", "", Group::same);
  EXPECT_EQ(bystander.read_line() + started.read_line(), "readyready");
  EXPECT_TRUE(Family(started.child->pid(), "").end(20ms, {}).empty());
  EXPECT_EQ(started.rest(), "");
  EXPECT_EQ(bystander.child->poll(), std::nullopt);
}

TEST(Family, AsksFirst) {
  const TempFolder folder;
  const std::string told = (folder / "told").string();
  const Started started("trap 'echo quit >>" + told + "' QUIT; trap 'echo term >>" + told +
                        "; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
  EXPECT_EQ(started.read_line(), "ready");
  EXPECT_TRUE(Family(started.child->pid(), "").end(1h, {}).empty());
  EXPECT_EQ(read_file(told), "quit\nterm\n");
  EXPECT_TRUE(started.child->wait().ok());
}

TEST(Family, WakesTheHaltedToAskThem) {
  const Started started("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
  EXPECT_EQ(started.read_line(), "ready");
  started.child->signal(SIGSTOP);
  EXPECT_TRUE(Family(started.child->pid(), "").end(1h, {}).empty());
  EXPECT_EQ(started.child->wait().code, 3);
}

TEST(Family, KillsWhoForksOnAndOn) {
  const Started started(
      "trap '' TERM; f() { while :; do (sleep 0.001; (:) & ) & sleep 0.001; done; }; f & f & echo "
      "ready; f");
  EXPECT_EQ(started.read_line(), "ready");
  EXPECT_TRUE(Family(started.child->pid(), "").end(0ms, {}).empty());
  EXPECT_EQ(started.rest(), "");
}

TEST(Family, WhoWritesTheLogReadsItsInputToTheEnd) {
  // As Dokku does it: a tee in the build's own group, fed by all of it.
  const TempFolder folder;
  const std::string log = (folder / "log").string();
  const Started started("exec > >(exec tee -a " + log + " >/dev/null" +
                        "); echo ready; trap 'seq 1 20000; exit 1' TERM; while :; do sleep 0.01; "
                        "done");
  while (read_file(log).value_or("") != "ready\n") ::usleep(1000);
  EXPECT_TRUE(Family(started.child->pid(), "").end(1h, log).empty());
  const std::string text = *read_file(log);
  EXPECT_TRUE(text.ends_with("\n19999\n20000\n")) << text.substr(text.size() - 40);
}

TEST(Family, AHeadThatWritesTheLogItselfIsNotSpared) {
  const TempFolder folder;
  const std::string log = (folder / "log").string();
  const Started started(
      "exec >>" + log +
      "; trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
  while (read_file(log).value_or("") != "ready\n") ::usleep(1000);
  EXPECT_TRUE(Family(started.child->pid(), "").end(1h, log).empty());
  EXPECT_EQ(read_file(log), "ready\ntold\n");
}

TEST(SignalProcess, HitsOnlyTheOneThatIsMeant) {
  Started started("echo ready; exec sleep 600");
  EXPECT_EQ(started.read_line(), "ready");
  const pid_t pid = started.child->pid();
  EXPECT_FALSE(signal_process(pid, SIGKILL, [] { return false; }));
  EXPECT_EQ(started.child->poll(), std::nullopt);
  for (const pid_t nobody : {1, 0, -1, -pid, 2147483647}) {
    EXPECT_FALSE(signal_process(nobody, SIGKILL, [] { return true; })) << nobody;
  }
  EXPECT_TRUE(signal_process(pid, SIGKILL, [] { return true; }));
  started.child->wait();
  EXPECT_FALSE(signal_process(pid, SIGKILL, [] { return true; }));
}

TEST(SignalProcess, AValueComesWithTheSignal) {
  EXPECT_EQ(in_child_process([] {
              sigset_t set;
              ::sigemptyset(&set);
              ::sigaddset(&set, SIGUSR2);
              ::sigprocmask(SIG_BLOCK, &set, nullptr);
              const auto value = [&](int sent) {
                siginfo_t got{};
                signal_process(
                    ::getpid(), SIGUSR2, [] { return true; }, sent);
                ::sigwaitinfo(&set, &got);
                const bool is_ours = got.si_pid == ::getpid() && got.si_uid == ::getuid();
                return is_ours && got.si_code == SI_QUEUE ? got.si_value.sival_int : -1;
              };
              return value(7) == 7 && value(0) == -1 ? 0 : 1;
            }),
            0);
}

TEST(SignalProcess, ToAnotherUsersProcessIsDenied) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs two users";
  Started started("echo ready; exec sleep 600");
  EXPECT_EQ(started.read_line(), "ready");
  EXPECT_EQ(in_child_process([&] {
              if (::setuid(65534) != 0) return 2;
              const auto code = code_of(
                  [&] { signal_process(started.child->pid(), SIGKILL, [] { return true; }); });
              const bool left = Family(started.child->pid(), "").end(0ms, {}).size() == 1;
              return code == Errc::denied && left ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace cooper::process
