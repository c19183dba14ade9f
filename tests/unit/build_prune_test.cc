#include "base/text.h"
#include "build/erase_log.h"
#include "build/prune.h"
#include "build/request.h"
#include "log/log_file.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace cooper::build {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::int64_t kNoSuchPid = 4'194'303;

/// PATH leads to no engine while it lives.
class NoPrograms {
 public:
  NoPrograms() : path_(std::getenv("PATH")) { ::setenv("PATH", "/nowhere", 1); }
  NoPrograms(const NoPrograms&) = delete;
  NoPrograms& operator=(const NoPrograms&) = delete;
  ~NoPrograms() { ::setenv("PATH", path_.c_str(), 1); }

 private:
  const std::string path_;
};

class PruneTest : public testing::Test {
 protected:
  PruneTest() { store_.create_app(hello_); }

  static BuildId id(std::string_view text) { return BuildId::parse(text).value(); }

  Build add(std::string_view name, Status status, std::chrono::seconds age,
            std::string_view log = "") {
    Build build{.id = id(name),
                .app = hello_,
                .pid = status == Status::running ? kNoSuchPid : 0,
                .started_at = {now() - age},
                .status = status};
    if (is_terminal(status)) build.finished_at = build.started_at;
    store_.insert_build(build);
    write_text(layout_.build(hello_, build.id).log, log);
    return build;
  }

  /// As if nobody had touched it for so long.
  static void make_old(const fs::path& path, std::chrono::seconds age) {
    const std::time_t then = std::chrono::system_clock::to_time_t(
        std::chrono::time_point_cast<std::chrono::system_clock::duration>(now() - age));
    const timespec times[2] = {{then, 0}, {then, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << path;
  }

  fs::path old_file(const fs::path& path, std::chrono::seconds age, std::string_view text = "x") {
    write_text(path, text);
    make_old(path, age);
    return path;
  }

  std::vector<std::string> all_files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      files.push_back(entry.path().lexically_relative(folder_.path()).string() + " " +
                      (entry.is_regular_file() ? read_file(entry.path()).value_or("") : ""));
    }
    std::ranges::sort(files);
    return files;
  }

  static std::vector<std::string> removed(const Pruned& pruned) {
    std::vector<std::string> texts;
    for (const RemovedBuild& build : pruned.removed) {
      texts.push_back(build.id.str() + " " + std::string(to_string(build.beyond)) + " " +
                      std::to_string(build.bytes));
    }
    return texts;
  }

  static std::vector<std::string> leftovers(const Pruned& pruned) {
    std::vector<std::string> texts;
    for (const Leftover& leftover : pruned.leftovers) {
      texts.push_back(leftover.path + " " + std::to_string(leftover.bytes));
    }
    return texts;
  }

  /// What is left over, by a dry run, and gone after a real one.
  std::vector<std::string> cleaned() {
    const auto expected = leftovers(would_prune(store_, hello_, {}));
    const Pruned pruned = prune(store_, hello_, {});
    EXPECT_THAT(pruned.warnings, IsEmpty());
    EXPECT_EQ(leftovers(pruned), expected);
    for (const Leftover& leftover : pruned.leftovers) {
      EXPECT_FALSE(fs::exists(fs::symlink_status(layout_.root() / leftover.path)));
    }
    return expected;
  }

  TempFolder folder_;
  const store::Layout layout_{folder_ / "root"};
  store::FileStore store_{layout_};
  const AppName hello_ = AppName::parse("hello").value();
};

TEST_F(PruneTest, RemovesWhatIsBeyondALimitAndSaysWhy) {
  add("b1", Status::failed, 50h, "1");
  add("b2", Status::succeeded, 40h, "22");
  add("b3", Status::canceled, 30h, "333");
  write_text(layout_.build(hello_, id("b3")).source, "4444");
  add("b4", Status::succeeded, 20h, "55555");
  const Settings settings{.retention = {.count = 3, .age = 36h, .size = 11}};
  const auto before = all_files();
  const Pruned expected = would_prune(store_, hello_, settings);
  EXPECT_EQ(all_files(), before) << "a dry run changed something";
  const Pruned pruned = prune(store_, hello_, settings);
  EXPECT_THAT(removed(pruned), ElementsAre("b1 count 1", "b2 age 2", "b3 size 7"));
  EXPECT_EQ(removed(expected), removed(pruned));
  EXPECT_THAT(store_.build_ids(hello_), ElementsAre(id("b4")));
  EXPECT_FALSE(fs::exists(layout_.build(hello_, id("b3")).source));
  EXPECT_THAT(removed(prune(store_, hello_, settings)), IsEmpty());
}

TEST_F(PruneTest, KeepsPinnedAndNeededOnes) {
  add("b1", Status::succeeded, 50h);
  add("b2", Status::succeeded, 40h);
  add("b3", Status::failed, 30h);
  store_.change_build(hello_, id("b1"), [](Build& build) { build.pinned = true; });
  const Settings settings{.retention = {.count = 1, .age = 1h, .size = 1}};
  const BuildId just_ended = id("b3");
  EXPECT_THAT(removed(prune(store_, hello_, settings, &just_ended)), IsEmpty());
  EXPECT_THAT(removed(prune(store_, hello_, settings)), ElementsAre("b3 age 0"));
  EXPECT_THAT(store_.build_ids(hello_), ElementsAre(id("b1"), id("b2")));
  // The app itself may go with its pins.
  remove_builds(store_, hello_);
  EXPECT_THAT(store_.build_ids(hello_), IsEmpty());
}

TEST_F(PruneTest, ADryRunSaysWhatWouldBeReapedAndReapsNothing) {
  add("b1", Status::failed, 3h);
  add("b2", Status::running, 2h);
  const Settings settings{.retention = {.count = 1}};
  const auto before = all_files();
  Pruned pruned = would_prune(store_, hello_, settings);
  EXPECT_EQ(all_files(), before);
  EXPECT_THAT(pruned.reaped, ElementsAre(id("b2")));
  EXPECT_THAT(removed(pruned), ElementsAre("b1 count 0"));
  pruned = prune(store_, hello_, settings);
  EXPECT_THAT(pruned.reaped, ElementsAre(id("b2")));
  EXPECT_THAT(removed(pruned), ElementsAre("b1 count 0"));
  EXPECT_EQ(store_.find_build(hello_, id("b2"))->status, Status::failed);
}

TEST_F(PruneTest, OthersDeploysNeedNoEngine) {
  const std::string path = std::getenv("PATH");
  ASSERT_EQ(::setenv("PATH", "/nowhere", 1), 0);
  add("b1", Status::running, 2h);
  add("b2", Status::running, 1h);
  const Pruned pruned = prune(store_, hello_, {.retention = {.count = 1}});
  ASSERT_EQ(::setenv("PATH", path.c_str(), 1), 0);
  EXPECT_THAT(pruned.warnings, IsEmpty());
  EXPECT_EQ(pruned.reaped.size(), 2U);
  EXPECT_THAT(removed(pruned).size(), 1U);
  EXPECT_EQ(read_file(layout_.build(hello_, id("b2")).log), "") << "their log is theirs";
}

TEST_F(PruneTest, ATrackedCommandNeedsNoEngineAnImageBuildDoes) {
  const NoPrograms no_engine;
  const auto log_after_reaping = [&](std::string_view name, const std::string& request) {
    const Build build = add(name, Status::running, 1h);
    write_text(layout_.build(hello_, build.id).request, request);
    EXPECT_TRUE(reap(store_, build));
    return read_file(layout_.build(hello_, build.id).log).value();
  };
  BuildRequest request;
  EXPECT_THAT(log_after_reaping("b1", to_json(request)), testing::HasSubstr("warning: buildah"));
  EXPECT_THAT(log_after_reaping("b2", "{"), testing::HasSubstr("warning: buildah"));
  request.command = {.words = {"true"}, .folder = "/"};
  EXPECT_THAT(log_after_reaping("b3", to_json(request)), testing::Not(testing::HasSubstr("warn")));
}

/// Each of them finds what a killed supervisor left of a log beyond its limit.
TEST_F(PruneTest, OfManyThatReapAtOnceOneEndsTheLog) {
  for (int round = 0; round < 20; ++round) {
    const BuildId build_id = id("b" + std::to_string(round));
    const Build build{.id = build_id,
                      .app = hello_,
                      .pid = kNoSuchPid,
                      .started_at = {now()},
                      .status = Status::running,
                      .host = "here"};
    store_.insert_build(build);
    const store::BuildFiles files = layout_.build(hello_, build_id);
    {
      log::LogFile log =
          log::LogFile::create(files.log, 0640, {.bytes = 8192, .tail_files = files.log_tails});
      for (int i = 0; i < 1000; ++i) log.append("line " + std::to_string(i) + "\n");
    }
    ASSERT_TRUE(fs::exists(files.log_tails[0]));
    constexpr int kReapers = 6;
    std::barrier begin(kReapers);
    std::atomic<int> winners = 0;
    std::vector<std::jthread> reapers;
    for (int i = 0; i < kReapers; ++i) {
      reapers.emplace_back([&] {
        begin.arrive_and_wait();
        winners += reap(store_, build) ? 1 : 0;
      });
    }
    reapers.clear();
    EXPECT_EQ(winners, 1);
    const std::string text = read_file(files.log).value();
    std::map<std::string_view, int> times;
    for (const std::string_view line : split(text, '\n')) ++times[line];
    for (const auto& [line, count] : times) ASSERT_EQ(count, 1) << line << "\n" << text;
    std::size_t cuts = 0;
    for (std::size_t at = 0; (at = text.find(" are cut here", at)) != std::string::npos; ++at)
      ++cuts;
    EXPECT_EQ(cuts, 1U) << text;
    EXPECT_THAT(text, testing::EndsWith("line 999\nERROR: abandoned: the build's process vanished "
                                        "(killed, or the host restarted)\n"));
  }
}

/// Its images go before its record, and that takes time.
TEST_F(PruneTest, ABuildThatIsBeingRemovedCantBePinned) {
  const NoPrograms no_engine;
  Build build = add("b1", Status::failed, 50h);
  store_.change_build(hello_, build.id, [](Build& it) { it.engine = "buildah 1"; });
  add("b2", Status::succeeded, 40h);
  const Pruned pruned = prune(store_, hello_, {.retention = {.count = 1}});
  EXPECT_EQ(pruned.warnings.size(), 1U) << "there is no engine";
  EXPECT_EQ(code_of([&] { store_.pin_build(hello_, build.id); }), Errc::conflict);
  store_.unpin_build(hello_, build.id);
  EXPECT_TRUE(store_.pin_build(hello_, build.id).pinned);
  EXPECT_THAT(prune(store_, hello_, {.retention = {.count = 1}}).warnings, IsEmpty());
}

TEST_F(PruneTest, ALogThatIsErasedWhileItsBuildIsRemovedLeavesNothing) {
  for (int round = 0; round < 100; ++round) {
    const Build build = add("b1", Status::failed, 1h, "secret");
    std::barrier begin(2);
    std::jthread eraser([&] {
      begin.arrive_and_wait();
      try {
        erase_log(store_, hello_, build.id, "me", now());
      } catch (const Error& error) {  // boundary: it was gone
        EXPECT_EQ(error.code(), Errc::not_found);
      }
    });
    begin.arrive_and_wait();
    EXPECT_TRUE(store_.remove_unpinned_build(hello_, build.id));
    eraser.join();
    ASSERT_FALSE(fs::exists(layout_.build(hello_, build.id).log)) << round;
    ASSERT_FALSE(fs::exists(layout_.build(hello_, build.id).record)) << round;
  }
}

TEST_F(PruneTest, StepsThatAreTooLargeToReadGoWithTheErasedLog) {
  const Build build = add("b1", Status::failed, 1h, "secret");
  const store::BuildFiles files = layout_.build(hello_, build.id);
  write_text(files.steps, "secret");
  fs::resize_file(files.steps, std::uintmax_t{300} << 20);
  EXPECT_FALSE(erase_log(store_, hello_, build.id, "me", now()).log_erased.empty());
  EXPECT_FALSE(fs::exists(files.steps));
  EXPECT_THAT(read_file(files.log).value(), testing::StartsWith("[cooper] this log was erased"));
}

TEST_F(PruneTest, TemporaryFilesGoWhenNobodyIsAboutToRenameThem) {
  for (const fs::path& folder :
       {layout_.builds(hello_), layout_.releases(hello_), layout_.sources(hello_),
        layout_.app(hello_), layout_.properties(&hello_)}) {
    old_file(folder / ".tmp-old", 2min);
    write_text(folder / ".tmp-new", "x");
  }
  old_file(layout_.builds(hello_) / "b1.json.tmp", 2min, "of Dokku's plugin");
  write_text(layout_.builds(hello_) / "b2.json.tmp", "x");
  EXPECT_THAT(cleaned(), UnorderedElementsAre(
                             "data/builds/hello/.tmp-old 1", "data/releases/hello/.tmp-old 1",
                             "data/sources/hello/.tmp-old 1", "data/apps/hello/.tmp-old 1",
                             "config/builds/hello/.tmp-old 1", "data/builds/hello/b1.json.tmp 17"));
}

TEST_F(PruneTest, ALogWithoutARecordGoesAfterADayWithoutAByte) {
  add("b1", Status::succeeded, 48h);
  make_old(layout_.build(hello_, id("b1")).log, 48h);
  const fs::path builds = layout_.builds(hello_);
  old_file(builds / "b2.log", 25h, "12345");
  old_file(builds / "b2.steps.jsonl", 25h);
  old_file(builds / "b3.log", 23h);
  const fs::path open = old_file(builds / "b4.log", 25h);
  const Fd writer = open_file(open, O_WRONLY | O_APPEND);
  old_file(builds / "notes.txt", 1000h);
  old_file(builds / "no.id.log", 1000h);
  EXPECT_THAT(cleaned(), UnorderedElementsAre("data/builds/hello/b2.log 5",
                                              "data/builds/hello/b2.steps.jsonl 1"));
  EXPECT_TRUE(fs::exists(builds / "b1.log"));
}

TEST_F(PruneTest, ARecordWithoutAByteGoesAfterADayAndTakesItsLogAlong) {
  const fs::path builds = layout_.builds(hello_);
  old_file(builds / "b1.json", 25h, "");
  old_file(builds / "b1.log", 25h);
  old_file(builds / "b2.json", 23h, "");
  old_file(builds / "b2.log", 25h);
  old_file(builds / "b3.json", 25h, "{");  // somebody may still mend it
  old_file(builds / "b3.log", 25h);
  const Pruned first = prune(store_, hello_, {});
  const Pruned second = prune(store_, hello_, {});
  EXPECT_THAT(leftovers(first), ElementsAre("data/builds/hello/b1.json 0"));
  EXPECT_THAT(leftovers(second), ElementsAre("data/builds/hello/b1.log 1"));
  EXPECT_EQ(second.warnings.size(), 2U);  // b2 and b3 can't be read
}

/// To see whether one is in use is to lock it, and a build that starts now may share it.
TEST_F(PruneTest, SourcesWithARecordAreNotOpened) {
  add("b1", Status::succeeded, 2h);
  const fs::path source = old_file(layout_.build(hello_, id("b1")).source, 2min);
  const Fd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch.get(), source.c_str(), IN_OPEN), 0);
  EXPECT_THAT(cleaned(), IsEmpty());
  alignas(inotify_event) char events[4096];
  EXPECT_EQ(::read(watch.get(), events, sizeof events), -1) << "it was opened";
}

TEST_F(PruneTest, SourcesAndScratchWithoutARecordGo) {
  add("b1", Status::succeeded, 2h);
  const store::BuildFiles known = layout_.build(hello_, id("b1"));
  const store::BuildFiles gone = layout_.build(hello_, id("b2"));
  const store::BuildFiles held = layout_.build(hello_, id("b3"));
  for (const store::BuildFiles& files : {known, gone, held}) old_file(files.source, 2min, "12");
  old_file(gone.work / "deep/file", 2min, "123");
  make_old(gone.work, 2min);
  const Fd holder = open_file(held.source, O_RDONLY);
  ASSERT_EQ(::flock(holder.get(), LOCK_SH), 0);
  EXPECT_THAT(cleaned(),
              UnorderedElementsAre("data/sources/hello/b2.tar.zst 2", "data/work/hello/b2 3"));
}

TEST_F(PruneTest, LinksFifosAndSocketsAreRemovedAsWhatTheyAre) {
  old_file(folder_ / "outside/.tmp-precious", 48h);
  old_file(folder_ / "outside/b9.log", 48h);
  const fs::path builds = layout_.builds(hello_);
  fs::create_directories(builds);
  fs::create_symlink(folder_ / "outside", builds / ".tmp-link");
  make_old(builds / ".tmp-link", 48h);
  ASSERT_EQ(::mkfifo((builds / "b1.log").c_str(), 0600), 0);
  make_old(builds / "b1.log", 48h);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = (builds / "b2.log").string();
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  make_old(builds / "b2.log", 48h);
  EXPECT_EQ(cleaned().size(), 3U);
  EXPECT_TRUE(fs::exists(folder_ / "outside/.tmp-precious"));
  // A folder that is a link is not looked through at all.
  fs::remove_all(layout_.releases(hello_));
  fs::create_directories(layout_.releases(hello_).parent_path());
  fs::create_symlink(folder_ / "outside", layout_.releases(hello_));
  EXPECT_NE(code_of([&] { prune(store_, hello_, {}); }), std::nullopt);
  EXPECT_TRUE(fs::exists(folder_ / "outside/.tmp-precious"));
}

}  // namespace
}  // namespace cooper::build
