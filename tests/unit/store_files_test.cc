// What the file store promises beyond the contract: files, modes, hostile folders.

#include "model/json.h"
#include "unit/store_test_support.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <thread>

namespace cooper::store {
namespace {
namespace fs = std::filesystem;

TEST(LayoutTest, IsTheOneOfTheFormatDocument) {
  const Layout layout("/r");
  const AppName app = app_name("hello");
  const BuildFiles files = layout.build(app, build_id("b1"));
  EXPECT_EQ(files.record, "/r/data/builds/hello/b1.json");
  EXPECT_EQ(files.log, "/r/data/builds/hello/b1.log");
  EXPECT_EQ(files.steps, "/r/data/builds/hello/b1.steps.jsonl");
  EXPECT_EQ(files.source, "/r/data/sources/hello/b1.tar.zst");
  EXPECT_EQ(layout.releases(app), "/r/data/releases/hello");
  EXPECT_EQ(layout.app(app), "/r/data/apps/hello");
  EXPECT_EQ(layout.deploy_lock(app), "/r/data/apps/hello/.deploy.lock");
  EXPECT_EQ(layout.properties(&app), "/r/config/builds/hello");
  EXPECT_EQ(layout.properties(nullptr), "/r/config/builds/--global");
  EXPECT_EQ(layout.cache(), "/r/cache");
}

TEST(LayoutTest, DefaultRoot) {
  const auto root_for = [](const char* cooper_root, const char* data_home, const char* home,
                           uid_t user) -> std::string {
    TempFolder folder;
    fs::permissions(folder.path(), fs::perms::all);
    in_child_process([&] {
      const auto set = [](const char* name, const char* value) {
        value ? ::setenv(name, value, 1) : ::unsetenv(name);
      };
      set("COOPER_ROOT", cooper_root);
      set("XDG_DATA_HOME", data_home);
      set("HOME", home);
      if (user != 0 && ::geteuid() == 0 && ::setuid(user) != 0) return 1;
      std::string text;
      try {
        text = default_layout().root();
      } catch (const Error& error) {
        text = error.code() == Errc::invalid ? "invalid" : "wrong code";
      }
      write_text(folder / "answer", text);
      return 0;
    });
    return read_file(folder / "answer").value_or("");
  };
  constexpr uid_t kNobody = 65534;
  EXPECT_EQ(root_for("/x", "/d", "/h", 0), "/x");
  EXPECT_EQ(root_for("/x", "/d", "/h", kNobody), "/x");
  EXPECT_TRUE(root_for("rel", nullptr, nullptr, 0).starts_with("/"));
  EXPECT_EQ(root_for("", "/d", "/h", kNobody), "/d/cooper");  // empty is as good as unset
  EXPECT_EQ(root_for(nullptr, "rel", "/h", kNobody), "/h/.local/share/cooper");  // XDG: ignore it
  EXPECT_EQ(root_for(nullptr, nullptr, "/h", kNobody), "/h/.local/share/cooper");
  EXPECT_EQ(root_for(nullptr, nullptr, nullptr, kNobody), "invalid");
  if (::geteuid() == 0) {
    EXPECT_EQ(root_for(nullptr, "/d", "/h", 0), "/var/lib/cooper");
  }
}

TEST_F(FileStoreTest, ModesWhateverTheUmask) {
  const mode_t before = ::umask(077);
  store_.create_app(hello_);
  store_.insert_build(running("b1"));
  store_.insert_release(release("r1"));
  store_.set_property(&hello_, key("timeout"), "1h");
  ::umask(before);
  EXPECT_EQ(mode_of(files("b1").record), 0644U);
  EXPECT_EQ(mode_of(files("b1").folder), 0755U);
  EXPECT_EQ(mode_of(root() / "data/releases/hello/r1.json"), 0600U);  // holds the environment
  EXPECT_EQ(mode_of(root() / "data/releases/hello"), 0700U);
  store_.finalize_build(hello_, build_id("b1"), {.status = Status::failed}, at(2));
  EXPECT_EQ(mode_of(files("b1").record), 0644U);
}

TEST_F(FileStoreTest, ForeignAndTornFilesAreNoBuilds) {
  store_.insert_build(running("b1"));
  const fs::path folder = files("b1").folder;
  write_text(folder / ".tmp-b2.json-0123456789", to_json(running("b2")));  // a crash before rename
  write_text(folder / "b1.log", "log");
  write_text(folder / "b1.steps.jsonl", "{}");
  write_text(folder / "README", "x");
  write_text(folder / ".json", "x");
  write_text(folder / "-rf.json", "x");
  write_text(folder / "b3.json~", "x");
  write_text(folder / "b 4.json", "x");
  write_text(folder / (std::string(65, 'x') + ".json"), "x");
  EXPECT_EQ(store_.build_ids(hello_), std::vector<BuildId>{build_id("b1")});
  const BuildList list = store_.list_builds(hello_, 0);
  EXPECT_EQ(list.builds.size(), 1U);
  EXPECT_TRUE(list.warnings.empty());
}

TEST_F(FileStoreTest, ADamagedRecordHidesNoOther) {
  store_.insert_build(running("b1", 1));
  store_.insert_build(running("b5", 5));
  const fs::path folder = files("b1").folder;
  write_text(folder / "b2.json", "");
  write_text(folder / "b3.json", "{\"status\":\"\x1b[2Jrunning\"}");
  write_text(folder / "b4.json", std::string(5 << 20, ' '));  // larger than any record
  fs::create_directory(folder / "b6.json");
  ASSERT_EQ(::mkfifo((folder / "b7.json").c_str(), 0600), 0);  // must not block
  const BuildList list = store_.list_builds(hello_, 0);
  ASSERT_EQ(list.builds.size(), 2U);
  EXPECT_EQ(list.builds[0].id, build_id("b5"));
  EXPECT_EQ(list.warnings.size(), 5U);
  for (const std::string& warning : list.warnings) {
    EXPECT_TRUE(warning.starts_with("record hello/b")) << warning;
    EXPECT_EQ(warning.find_first_of("\n\x1b"), std::string::npos) << warning;
  }
  EXPECT_EQ(code_of([&] { store_.find_build(hello_, build_id("b2")); }), Errc::corrupt);
  EXPECT_EQ(code_of([&] {
              store_.finalize_build(hello_, build_id("b3"), {.status = Status::failed}, at(1));
            }),
            Errc::corrupt);
  EXPECT_EQ(read_file(folder / "b3.json"), "{\"status\":\"\x1b[2Jrunning\"}");
}

TEST_F(FileStoreTest, ADamagedReleaseHidesNoOther) {
  store_.insert_release(release("r1"));
  write_text(root() / "data/releases/hello/r2.json", "{");
  write_text(root() / "data/releases/hello/rX.json", "{");
  const ReleaseList list = store_.list_releases(hello_, 0);
  EXPECT_EQ(list.releases.size(), 1U);
  EXPECT_EQ(list.warnings.size(), 1U);
}

TEST_F(FileStoreTest, ADamagedNewestReleaseIsNotPassedOver) {
  Release kept = release("r1");
  kept.build = "b1";
  kept.environment = {{"OLD", "1"}};
  store_.insert_release(kept);
  const fs::path damaged = root() / "data/releases/hello/r2.json";
  write_text(damaged, "{");
  const Error error = error_of([&] { store_.newest_release(hello_); });
  EXPECT_EQ(error.code(), Errc::corrupt);
  EXPECT_THAT(error.hint(),
              testing::HasSubstr("mend or remove its file in " + damaged.parent_path().string()));
  EXPECT_EQ(code_of([&] { store_.derive_release(hello_, [](Release&) {}); }), Errc::corrupt);
  // Whose environment the damaged one has, nobody knows: none is made up.
  store_.remove_releases_of(hello_, build_id("b1"), {kept});
  EXPECT_TRUE(store_.list_releases(hello_, 0).releases.empty());
  EXPECT_TRUE(fs::exists(damaged));
}

TEST_F(FileStoreTest, FoldersThatAreNoAppsAreNone) {
  store_.create_app(hello_);
  fs::create_directories(root() / "data/apps/Upper");
  fs::create_directories(root() / "data/apps/.hidden");
  fs::create_directories(root() / "data/apps/empty");  // as a deploy lock makes it
  write_text(root() / "data/apps/file", "");
  fs::create_directory_symlink("hello", root() / "data/apps/link");
  EXPECT_EQ(store_.list_apps().size(), 1U);
}

TEST_F(FileStoreTest, TheFileNameIsTheIdWhateverTheTextSays) {
  store_.insert_build(running("b1"));
  fs::copy_file(files("b1").record, files("b2").record);
  EXPECT_EQ(store_.find_build(hello_, build_id("b2"))->id, build_id("b2"));
}

TEST_F(FileStoreTest, LinksAreNeverFollowed) {
  store_.insert_build(running("b1"));
  store_.insert_release(release("r1"));
  store_.set_property(nullptr, key("timeout"), "1h");
  write_text(folder_ / "outside", to_json(running("b2")));
  fs::create_symlink(folder_ / "outside", files("b2").record);
  EXPECT_NE(code_of([&] { store_.find_build(hello_, build_id("b2")); }), std::nullopt);
  EXPECT_EQ(store_.list_builds(hello_, 0).builds.size(), 1U);
  EXPECT_EQ(store_.list_builds(hello_, 0).warnings.size(), 1U);
  EXPECT_EQ(code_of([&] { store_.insert_build(running("b2")); }), Errc::conflict);
  store_.remove_build(hello_, build_id("b2"));
  EXPECT_TRUE(fs::exists(folder_ / "outside"));
  EXPECT_FALSE(fs::is_symlink(files("b2").record));
  fs::create_symlink("/etc/hostname", root() / "config/builds/--global/memory");
  EXPECT_NE(code_of([&] { store_.find_property(nullptr, key("memory")); }), std::nullopt);
}

TEST_F(FileStoreTest, AFolderThatIsALinkLeadsNowhere) {
  fs::create_directories(folder_ / "elsewhere");
  write_text(folder_ / "elsewhere/b1.json", to_json(running("b1")));
  write_text(folder_ / "elsewhere/b1.log", "log");
  fs::create_directories(root() / "data/builds");
  fs::create_directory_symlink(folder_ / "elsewhere", root() / "data/builds/hello");
  EXPECT_NE(code_of([&] { store_.find_build(hello_, build_id("b1")); }), std::nullopt);
  EXPECT_NE(code_of([&] { store_.insert_build(running("b2")); }), std::nullopt);
  EXPECT_NE(code_of([&] { store_.remove_build(hello_, build_id("b1")); }), std::nullopt);
  std::vector<std::string> left = list_folder(folder_ / "elsewhere");
  std::ranges::sort(left);
  EXPECT_EQ(left, (std::vector<std::string>{"b1.json", "b1.log"}));
}

TEST_F(FileStoreTest, ARootThatIsALinkIsFine) {
  fs::create_directory(folder_ / "disk");
  fs::create_directory_symlink("disk", folder_ / "link");
  FileStore store{Layout(folder_ / "link")};
  store.insert_build(running("b1"));
  EXPECT_TRUE(store.find_build(hello_, build_id("b1")));
  EXPECT_TRUE(fs::exists(folder_ / "disk/data/builds/hello/b1.json"));
}

TEST_F(FileStoreTest, ARemovedBuildLeavesNoFile) {
  store_.create_app(hello_);
  store_.insert_build(running("b1"));
  store_.insert_build(running("b11"));
  const BuildFiles gone = files("b1");
  fs::create_directories(gone.source.parent_path());
  fs::create_directories(gone.work / "deep");
  for (const fs::path& path : {gone.log, gone.steps, gone.source, gone.request, gone.work / "x"}) {
    write_text(path, "x");
  }
  write_text(files("b11").log, "kept");
  store_.remove_build(hello_, build_id("b1"));
  for (const fs::path& path :
       {gone.record, gone.log, gone.steps, gone.source, gone.request, gone.work}) {
    EXPECT_FALSE(fs::exists(path)) << path;
  }
  EXPECT_EQ(read_file(files("b11").log), "kept");
  EXPECT_TRUE(store_.find_build(hello_, build_id("b11")));
}

TEST_F(FileStoreTest, AnUnwritableRootIsDenied) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a folder of another user";
  fs::create_directories(root());
  fs::permissions(folder_.path(), fs::perms(0755));
  const int code = in_child_process([&] {
    if (::setuid(65534) != 0) return 2;
    return code_of([&] { store_.insert_build(running("b1")); }) == Errc::denied ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
}

TEST_F(FileStoreTest, OfManyFinalizersInProcessesOneWins) {
  constexpr int kProcesses = 3;
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round)
    store_.insert_build(running("b" + std::to_string(round)));
  // Each tells by one byte a round whether it won: of each round exactly one.
  std::vector<Pipe> reports;
  std::vector<pid_t> pids;
  for (int i = 0; i < kProcesses; ++i) {
    reports.push_back(make_pipe());
    const pid_t pid = ::fork();
    if (pid == 0) {
      std::string won;
      const std::optional<Errc> failed = code_of([&] {
        for (int round = 0; round < kRounds; ++round) {
          const Finalized done =
              FileStore(layout_).finalize_build(hello_, build_id("b" + std::to_string(round)),
                                                {.status = Status::failed, .exit_code = i}, at(i));
          won += done.won ? '1' : '0';
        }
        write_all(reports[static_cast<std::size_t>(i)].write.get(), won);
      });
      ::_exit(failed ? 1 : 0);
    }
    pids.push_back(pid);
  }
  std::vector<std::string> won;
  for (std::size_t i = 0; i < kProcesses; ++i) {
    reports[i].write.reset();
    int status = 0;
    ::waitpid(pids[i], &status, 0);
    EXPECT_EQ(status, 0);
    won.push_back(read_open_file(reports[i].read, "report", 10'000));
    ASSERT_EQ(won[i].size(), std::size_t{kRounds});
  }
  for (std::size_t round = 0; round < kRounds; ++round) {
    std::vector<int> winners;
    for (int i = 0; i < kProcesses; ++i) {
      if (won[static_cast<std::size_t>(i)][round] == '1') winners.push_back(i);
    }
    ASSERT_EQ(winners.size(), 1U) << "round " << round;
    ASSERT_EQ(store_.find_build(hello_, build_id("b" + std::to_string(round)))->exit_code,
              winners[0]);
  }
  EXPECT_EQ(store_.build_ids(hello_).size(), std::size_t{kRounds});
  EXPECT_EQ(list_folder(layout_.builds(hello_)).size(),
            std::size_t{kRounds} + 1);  // and the lock; nothing temporary
}

TEST_F(FileStoreTest, AReaderAlwaysSeesAWholeRecord) {
  std::atomic<bool> done = false;
  for (int i = 0; i < 30; ++i) store_.insert_build(running("b" + std::to_string(i)));
  std::thread writer([&] {
    for (int i = 0; i < 30; ++i) {
      store_.finalize_build(hello_, build_id("b" + std::to_string(i)), {.status = Status::failed},
                            at(2));
    }
    done = true;
  });
  while (!done) {
    const BuildList list = store_.list_builds(hello_, 0);
    ASSERT_EQ(list.builds.size(), 30U);
    ASSERT_TRUE(list.warnings.empty()) << list.warnings[0];
  }
  writer.join();
}

}  // namespace
}  // namespace cooper::store
