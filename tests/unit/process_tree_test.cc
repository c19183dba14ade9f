#include "base/file.h"
#include "process/alive.h"
#include "process/cgroup.h"
#include "process/child.h"
#include "process/descendants.h"
#include "unit/test_support.h"

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

namespace cooper::process {
namespace {

using namespace std::chrono_literals;

Command shell(std::string script, std::vector<std::string> arguments = {}) {
  std::vector<std::string> argv = {"sh", "-c", std::move(script), "sh"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return {.argv = std::move(argv), .environment = own_environment()};
}

/// A process that sleeps until it is killed, and how to see that it is gone.
class Sleeper {
 public:
  explicit Sleeper(const std::string& mark = "mark")
      : child_(Child::start(shell("while :; do sleep 600; done", {mark}))) {}
  ~Sleeper() { end(); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  pid_t pid() const { return child_.pid(); }
  Child& child() { return child_; }
  void end() {
    child_.signal_group(SIGKILL);
    child_.wait();
  }

 private:
  Child child_;
};

// is_same_process

TEST(IsSameProcess, OurselvesNow) {
  EXPECT_TRUE(is_same_process(::getpid(), now(), ""));
  EXPECT_TRUE(is_same_process(::getpid(), now() + 1h, ""));
}

TEST(IsSameProcess, NoProcess) {
  for (const pid_t pid : {0, -1, -4711, 2147483647}) {
    EXPECT_FALSE(is_same_process(pid, now(), "mark")) << pid;
  }
}

TEST(IsSameProcess, ADeadOne) {
  pid_t pid = 0;
  {
    Sleeper sleeper;
    pid = sleeper.pid();
    EXPECT_TRUE(is_same_process(pid, now(), ""));
  }
  EXPECT_FALSE(is_same_process(pid, now(), "mark"));
}

TEST(IsSameProcess, AZombieIsDead) {
  Child child = Child::start(shell("exit 0", {"mark"}));
  pollfd entry{child.pidfd(), POLLIN, 0};
  ASSERT_EQ(::poll(&entry, 1, 60'000), 1);
  EXPECT_FALSE(is_same_process(child.pid(), now(), "mark"));
  child.wait();
}

TEST(IsSameProcess, OneThatStartedLaterIsAnotherUnlessItIsMarked) {
  Sleeper sleeper("b1");
  const Time before = now() - 10min;  // or: the clock was set back after the start
  EXPECT_FALSE(is_same_process(sleeper.pid(), before, ""));
  EXPECT_FALSE(is_same_process(sleeper.pid(), before, "b"));  // a whole argument
  EXPECT_FALSE(is_same_process(sleeper.pid(), before, "b12"));
  EXPECT_TRUE(is_same_process(sleeper.pid(), before, "b1"));
}

TEST(IsSameProcess, AHostileProgramNameDoesNotConfuse) {
  const int code = in_child_process([] {
    ::prctl(PR_SET_NAME, ") Z 1 2 3");
    return is_same_process(::getpid(), now(), "") && !is_same_process(::getpid(), now() - 10min, "")
               ? 0
               : 1;
  });
  EXPECT_EQ(code, 0);
}

/// Runs as process 1 of a new pid namespace: there a pid can be made to come again.
int recycle_a_pid() {
  if (::mount("proc", "/proc", "proc", 0, nullptr) != 0) return 77;
  const auto start_as_42 = [] {
    const Fd last(::open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC));
    if (!last || ::write(last.get(), "41", 2) != 2) return pid_t{-1};
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (;;) ::pause();
    }
    return pid;
  };
  const auto end = [](pid_t pid) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  };
  const pid_t first = start_as_42();
  if (first != 42) return 77;
  const Time seen = now();
  if (!is_same_process(first, seen, "")) return 1;
  end(first);
  if (is_same_process(first, seen, "")) return 2;
  // Starts count in ticks of 10 ms: let some pass.
  while (now() - seen < 100ms) ::usleep(1000);
  const pid_t second = start_as_42();
  if (second != first) return 77;
  if (is_same_process(second, seen, "")) return 3;
  if (!is_same_process(second, now(), "")) return 4;
  end(second);
  return 0;
}

TEST(IsSameProcess, ARecycledPidIsAnother) {
  const int code = in_child_process([] {
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) return 77;
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
    return in_child_process(recycle_a_pid);
  });
  if (code == 77) GTEST_SKIP() << "no pid namespace can be made here";
  EXPECT_EQ(code, 0);
}

// Descendants

TEST(Descendants, NoneIsFine) {
  EXPECT_EQ(in_child_process([] { return end_descendants() ? 0 : 1; }), 0);
}

/// Starts a process that flees: double fork, own session, deaf to signals.
constexpr const char* kFleeing =
    "for i in 1 2 3; do"
    "  (setsid sh -c 'trap \"\" TERM INT HUP QUIT; echo started; while :; do sleep 600; done' &);"
    "done; trap '' TERM; ";

/// Reads from `fd` until `lines` lines came or the end.
std::string read_lines(int fd, int lines) {
  std::string text;
  char byte;
  while (lines > 0 && read_some(fd, {&byte, 1}) == 1) {
    text += byte;
    if (byte == '\n') --lines;
  }
  return text;
}

TEST(Descendants, AreEndedWhereverTheyFledTo) {
  const int code = in_child_process([] {
    Pipe alive = make_pipe();
    become_subreaper();
    Command command = shell(std::string(kFleeing) + "sleep 600");
    command.out = alive.write.get();
    Child::start(command);
    alive.write.reset();
    if (read_lines(alive.read.get(), 3) != "started\nstarted\nstarted\n") return 2;
    if (!end_descendants()) return 3;
    char byte;
    return read_some(alive.read.get(), {&byte, 1}) == 0 ? 0 : 4;  // nobody holds the other end
  });
  EXPECT_EQ(code, 0);
}

TEST(Descendants, DeepTrees) {
  const int code = in_child_process([] {
    Pipe alive = make_pipe();
    become_subreaper();
    Command command = shell(
        "f() { if [ $1 -gt 0 ]; then (f $(($1 - 1))); else echo deep; sleep 600; fi; :; }; f 30; "
        ":");
    command.out = alive.write.get();
    Child::start(command);
    alive.write.reset();
    if (read_lines(alive.read.get(), 1) != "deep\n") return 2;
    if (!end_descendants()) return 3;
    char byte;
    return read_some(alive.read.get(), {&byte, 1}) == 0 ? 0 : 4;
  });
  EXPECT_EQ(code, 0);
}

// Cgroups

class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    group_ = Cgroup::create(name_, {});
    if (!group_) GTEST_SKIP() << "cgroups can't be written here";
  }
  void TearDown() override {
    if (group_) {
      group_->kill_all();
      group_->remove();
    }
  }
  /// Starts `script` in the group; its output goes to the pipe that is returned.
  Fd start(const std::string& script) {
    Pipe pipe = make_pipe();
    Command command = shell(script);
    command.out = pipe.write.get();
    command.cgroups = group_->join_folders();
    children_.push_back(Child::start(command));
    return std::move(pipe.read);
  }

  std::string name_ = "test-" + std::to_string(::getpid());
  std::optional<Cgroup> group_;
  std::vector<Child> children_;
};

TEST_F(CgroupTest, IsFoundUntilItIsRemoved) {
  EXPECT_EQ(group_->parent_path(), "/cooper/" + name_);
  EXPECT_FALSE(group_->join_folders().empty());
  EXPECT_TRUE(Cgroup::find(name_));
  EXPECT_FALSE(Cgroup::find(name_ + "-other"));
  EXPECT_TRUE(Cgroup::create(name_, {})) << "again is fine";
  EXPECT_TRUE(group_->kill_all()) << "empty is fine";
  group_->remove();
  EXPECT_FALSE(Cgroup::find(name_));
  group_->remove();
  EXPECT_TRUE(group_->kill_all());
  for (const auto& folder : group_->join_folders()) EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(CgroupTest, KillsWhateverFled) {
  const Fd out = start(std::string(kFleeing) + "sleep 600");
  ASSERT_EQ(read_lines(out.get(), 3), "started\nstarted\nstarted\n");
  // As prune does it, from a process that did not make the group.
  const std::optional<Cgroup> found = Cgroup::find(name_);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->kill_all());
  char byte;
  EXPECT_EQ(read_some(out.get(), {&byte, 1}), 0);
  EXPECT_EQ(children_[0].wait(), (ExitStatus{137, SIGKILL}));
  found->remove();
  EXPECT_FALSE(Cgroup::find(name_));
}

TEST_F(CgroupTest, KillsInGroupsBeneathIt) {
  for (const auto& folder : group_->join_folders()) {
    std::filesystem::create_directories(folder.parent_path() / "container/deep");
  }
  std::string joins = "n=0; ";
  for (const auto& folder : group_->join_folders()) {
    joins += "echo $$ >" + (folder.parent_path() / "container/deep/cgroup.procs").string() + "; ";
  }
  const Fd out = start(joins + "echo in; exec sleep 600");
  ASSERT_EQ(read_lines(out.get(), 1), "in\n");
  EXPECT_TRUE(group_->kill_all());
  char byte;
  EXPECT_EQ(read_some(out.get(), {&byte, 1}), 0);
  children_[0].wait();
  group_->remove();
  EXPECT_FALSE(Cgroup::find(name_));
}

TEST_F(CgroupTest, KillsWhatForksOnAndOn) {
  // Each process lives just long enough to start the next: a list of pids is
  // out of date as soon as it was read.
  const Fd out = start("f() { (f &) ; }; echo go; g() { while :; do (:); done; }; g & g & f");
  ASSERT_EQ(read_lines(out.get(), 1), "go\n");
  EXPECT_TRUE(group_->kill_all());
  char byte;
  EXPECT_EQ(read_some(out.get(), {&byte, 1}), 0);
  children_[0].wait();
}

TEST_F(CgroupTest, SparesEverybodyElse) {
  Sleeper bystander;
  const Fd out = start("echo in; exec sleep 600");
  ASSERT_EQ(read_lines(out.get(), 1), "in\n");
  EXPECT_TRUE(group_->kill_all());
  children_[0].wait();
  EXPECT_EQ(bystander.child().poll(), std::nullopt);
}

TEST_F(CgroupTest, AMemoryLimitIsKeptAndCounted) {
  const std::string name = name_ + "-small";
  const std::optional<Cgroup> small = Cgroup::create(name, {.memory = 16ULL << 20});
  ASSERT_TRUE(small);
  const std::uint64_t before = host_out_of_memory_kills();
  Command command = shell("x=0123456789abcdef; while :; do x=$x$x; done");
  command.cgroups = small->join_folders();
  const ExitStatus status = run(command).status;
  const bool limited =
      std::filesystem::exists(small->join_folders()[0].parent_path() / "memory.limit_in_bytes") ||
      std::filesystem::exists(small->join_folders()[0].parent_path() / "memory.max");
  EXPECT_EQ(small->unkept(), limited ? Limits{} : Limits{.memory = 16ULL << 20});
  if (limited) {
    EXPECT_EQ(status, (ExitStatus{137, SIGKILL}));
    EXPECT_GT(host_out_of_memory_kills(), before);
  }
  EXPECT_TRUE(small->kill_all());
  small->remove();
  if (!limited) GTEST_SKIP() << "no memory controller";
}

TEST_F(CgroupTest, ALimitOfProcessorsIsKept) {
  const std::string name = name_ + "-slow";
  const std::optional<Cgroup> slow = Cgroup::create(name, {.cpus = 50});
  ASSERT_TRUE(slow);
  // Far more than 5 ms of each 100, also where others want the processors.
  Command command = shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done");
  command.cgroups = slow->join_folders();
  EXPECT_EQ(run(command).status, (ExitStatus{0, 0}));
  std::string counted;
  for (const auto& folder : slow->join_folders()) {
    counted += read_file(folder.parent_path() / "cpu.stat").value_or("");
  }
  const bool limited = slow->unkept() == Limits{};
  EXPECT_EQ(limited, counted.find("nr_throttled ") != std::string::npos);
  if (limited) {
    EXPECT_EQ(counted.find("nr_throttled 0\n"), std::string::npos) << counted;
  }
  slow->remove();
  if (!limited) GTEST_SKIP() << "no cpu controller with quotas";
}

TEST_F(CgroupTest, ASharedNameIsHadByOneAtATimeAndTakesWhatIsAskedForNow) {
  const std::string name = name_ + ".shared";
  std::optional<Cgroup> first = Cgroup::claim(name, {.memory = 32ULL << 20});
  ASSERT_TRUE(first);
  EXPECT_FALSE(Cgroup::claim(name, {}));
  EXPECT_FALSE(others_joined(first->join_folders()));
  for (const auto& folder : first->join_folders()) {
    std::filesystem::create_directory(folder.parent_path() / "other");
  }
  EXPECT_TRUE(others_joined(first->join_folders()));
  const std::filesystem::path group = first->join_folders()[0].parent_path();
  first.reset();
  const std::optional<Cgroup> second = Cgroup::claim(name, {});
  ASSERT_TRUE(second);
  for (const char* file : {"memory.limit_in_bytes", "memory.max"}) {
    const std::string limit = read_file(group / file).value_or("");
    EXPECT_NE(limit, "33554432\n");
  }
  EXPECT_FALSE(others_joined(second->join_folders())) << "the first one's are gone";
  second->remove();
  EXPECT_FALSE(Cgroup::find(name));
}

TEST(Limits, ThoseThatAreNotEnforcedAreSaid) {
  EXPECT_EQ(not_enforced({.memory = 64 << 20}), "the memory limit of 64 MiB is not enforced");
  EXPECT_EQ(not_enforced({.cpus = 1500}), "the limit of 1.5 CPUs is not enforced");
  EXPECT_EQ(not_enforced({.cpus = 2000}), "the limit of 2 CPUs is not enforced");
  EXPECT_EQ(not_enforced({.memory = 1 << 30, .cpus = 10}),
            "the memory limit of 1 GiB and the limit of 0.01 CPUs are not enforced");
}

}  // namespace
}  // namespace cooper::process
