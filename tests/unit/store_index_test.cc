// The index of builds: what others do to the records or to the index itself.

#include "model/json.h"
#include "store/sqlite.h"
#include "unit/store_index_test_support.h"

#include <fcntl.h>

namespace cooper::store {
namespace {

TEST_F(BuildIndexTest, AnEmptyRootHasNoBuildsAndGetsNoIndex) {
  EXPECT_TRUE(found({}).empty());
  EXPECT_TRUE(store_.count_builds().apps.empty());
  EXPECT_FALSE(std::filesystem::exists(root()));
}

TEST_F(BuildIndexTest, FindsTheBuildsOfAllAppsNewestFirst) {
  add("a", "b1", 10);
  add("b", "b2", 30, Status::failed);
  add("a", "b3", 20);
  add("c", "b4", 20, Status::running);
  EXPECT_EQ(found({}), (Texts{"b/b2", "c/b4", "a/b3", "a/b1"}));
  EXPECT_EQ(found({}, 2), (Texts{"b/b2", "c/b4"}));
  EXPECT_EQ(found({.statuses = {Status::failed, Status::running}}), (Texts{"b/b2", "c/b4"}));
  EXPECT_EQ(found({.statuses = {Status::succeeded}}), (Texts{"a/b3", "a/b1"}));
  EXPECT_EQ(found({.since = at(20), .until = at(30)}), (Texts{"c/b4", "a/b3"}));
  EXPECT_EQ(found({.before = BuildQuery::Position{at(20), build_id("b4")}}),
            (Texts{"a/b3", "a/b1"}));
  EXPECT_EQ(found({.id = build_id("b3")}), Texts{"a/b3"});
  EXPECT_EQ(found({.app = app_name("a")}), (Texts{"a/b3", "a/b1"}));
  EXPECT_EQ(found({.kind = Kind::deploy}), Texts{});
  EXPECT_EQ(found({.source = "deploy"}).size(), 4U);
  EXPECT_EQ(found({.source = "build"}), Texts{});
  EXPECT_EQ(mode_of(index()), 0600U);
}

TEST_F(BuildIndexTest, CountsTheBuildsOfEachApp) {
  add("b", "b1", 10);
  add("b", "b2", 30, Status::running);
  add("b", "b0", 20, Status::failed);
  write_text(layout_.builds(app_name("b")) / "b7.json", "{");
  write_text(layout_.builds(app_name("b")) / "b1.log", "its log");
  write_text(layout_.builds(app_name("b")) / "b9.log", "nobody's log");
  write_text(layout_.builds(app_name("b")) / "b9.log.tail-0", "the end of it");
  write_text(layout_.builds(app_name("b")) / "b2.log.tail-0", "the end of one that has a record");
  write_text(layout_.builds(app_name("b")) / ".tmp-b9.json-x", "");
  write_text(layout_.builds(app_name("b")) / "b8.json.tmp", "of Dokku's plugin");
  add("a", "b1", 10, Status::queued);
  const AppBuildsList list = store_.count_builds();
  ASSERT_EQ(list.apps.size(), 2U);
  EXPECT_EQ(list.apps[0].app, app_name("a"));
  EXPECT_EQ(list.apps[0].live, 1U);
  EXPECT_EQ(list.apps[1].newest, build_id("b2"));
  EXPECT_EQ(list.apps[1].live, 1U);
  EXPECT_EQ(list.apps[1].finished, 2U);
  EXPECT_EQ(list.apps[1].unreadable, 1U);
  EXPECT_EQ(list.apps[1].leftovers, 4U);
  EXPECT_EQ(list.warnings.size(), 1U);
}

TEST_F(BuildIndexTest, TalliesKindsAndStatuses) {
  EXPECT_TRUE(store_.tally_builds().empty());
  add("web", "a", 1);
  add("web", "b", 2, Status::failed);
  add("api", "c", 3);
  const auto number = [&](Kind kind, Status status) {
    std::size_t builds = 0;
    for (const BuildTally& tally : store_.tally_builds()) {
      if (tally.kind == kind && tally.status == status) builds += tally.builds;
    }
    return builds;
  };
  EXPECT_EQ(number(Kind::build, Status::succeeded), 2U);
  EXPECT_EQ(number(Kind::build, Status::failed), 1U);
  EXPECT_EQ(number(Kind::deploy, Status::succeeded), 0U);
  store_.remove_build(app_name("web"), build_id("b"));
  EXPECT_EQ(number(Kind::build, Status::failed), 0U);
}

TEST_F(BuildIndexTest, WhatOthersAddReplaceAndRemoveIsNoticed) {
  Build build = add("a", "b1", 10, Status::running);
  EXPECT_EQ(found({.statuses = {Status::running}}), Texts{"a/b1"});
  build.status = Status::failed;
  write_as_others_do(build);
  EXPECT_EQ(found({.statuses = {Status::running}}), Texts{});
  EXPECT_EQ(found({.statuses = {Status::failed}}), Texts{"a/b1"});
  std::filesystem::create_directories(layout_.builds(app_name("new")));
  build.app = app_name("new");
  write_as_others_do(build);
  EXPECT_EQ(found({}), (Texts{"new/b1", "a/b1"}));
  remove_file(layout_.build(app_name("a"), build.id).record);
  EXPECT_EQ(found({}), Texts{"new/b1"});
  std::filesystem::rename(layout_.builds(app_name("new")), layout_.builds(app_name("newer")));
  EXPECT_EQ(found({}), Texts{"newer/b1"});
  remove_tree(layout_.builds());
  EXPECT_EQ(found({}), Texts{});
}

TEST_F(BuildIndexTest, ARowWhoseRecordWasRewrittenInPlaceIsNoticed) {
  Build build = add("a", "b1", 10, Status::running);
  add("a", "b2", 5, Status::failed);
  let_the_index_settle(store_);
  build.status = Status::failed;
  write_text(layout_.build(build.app, build.id).record, to_json(build));
  EXPECT_EQ(found({.statuses = {Status::running}}), Texts{});
  EXPECT_EQ(found({.statuses = {Status::failed}}), (Texts{"a/b1", "a/b2"}));
}

TEST_F(BuildIndexTest, ADamagedRecordIsAWarningUntilItIsMended) {
  const Build build = add("a", "b1", 10);
  add("a", "b2", 20);
  write_text(layout_.build(build.app, build.id).record, "{\"id\": ");
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(found({}), Texts{"a/b2"});
    ASSERT_EQ(warnings_.size(), 1U);
    EXPECT_NE(warnings_[0].find("record a/b1 can't be read: is not JSON"), std::string::npos);
    let_the_index_settle(store_);
  }
  write_text(layout_.build(build.app, build.id).record, to_json(build));  // in place
  EXPECT_EQ(found({}), (Texts{"a/b2", "a/b1"}));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(BuildIndexTest, FilesAndFoldersThatAreNoRecordsAreLeftAlone) {
  add("a", "b1", 10);
  write_text(layout_.builds() / "a/not an id.json", "{}");
  write_text(layout_.builds() / "Not-An-App/b1.json", "{}");
  write_text(layout_.builds() / "file", "");
  std::filesystem::create_directory_symlink(layout_.builds(app_name("a")),
                                            layout_.builds(app_name("link")));
  EXPECT_EQ(found({}), Texts{"a/b1"});
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(BuildIndexTest, ALostOrDamagedIndexIsMadeAnew) {
  add("a", "b1", 10);
  add("b", "b2", 20);
  const Texts all = {"b/b2", "a/b1"};
  const auto damage = [&](auto&& action) {
    EXPECT_EQ(found({}), all);
    for (const char* suffix : {"-wal", "-shm"}) remove_file(index().string() + suffix);
    action();
    EXPECT_EQ(found({}), all);
    EXPECT_EQ(store_.count_builds().apps.size(), 2U);
    EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(index())));
    EXPECT_EQ(mode_of(index()), 0600U);
  };
  damage([&] { remove_file(index()); });
  damage([&] { remove_tree(layout_.cache()); });
  damage([&] { std::filesystem::resize_file(index(), 0); });
  damage([&] { std::filesystem::resize_file(index(), 5000); });
  damage([&] { write_text(index(), std::string(20'000, 'x')); });
  damage([&] {
    const std::uintmax_t size = std::filesystem::file_size(index());
    std::fstream file(index());
    file.seekp(4096);
    file << std::string(size - 4096, '\xA5');
  });
}

TEST_F(BuildIndexTest, AnotherDatabaseIsReplaced) {
  add("a", "b1", 10);
  std::filesystem::create_directories(layout_.cache());
  for (const char* sql :
       {"CREATE TABLE folder (x)", "CREATE TABLE folder (x); PRAGMA user_version = 1",
        "PRAGMA user_version = 1", "PRAGMA user_version = 99"}) {
    remove_tree(layout_.cache());
    std::filesystem::create_directories(layout_.cache());
    sqlite::Database::open(std::filesystem::canonical(layout_.cache()) / "builds.sqlite").run(sql);
    EXPECT_EQ(found({}), Texts{"a/b1"}) << sql;
    EXPECT_EQ(store_.count_builds().apps.size(), 1U) << sql;
  }
}

TEST_F(BuildIndexTest, RowsThatNobodyWouldWriteAreNotFollowed) {
  add("a", "b1", 10);
  write_text(root() / "data/secret.json", "{}");
  EXPECT_EQ(found({}), Texts{"a/b1"});
  sqlite::Database::open(std::filesystem::canonical(index()))
      .run("UPDATE folder SET app = '../../x' WHERE app = 'a'");
  EXPECT_EQ(found({}), Texts{"a/b1"});
  sqlite::Database::open(std::filesystem::canonical(index())).run("UPDATE record SET id = '../b1'");
  EXPECT_EQ(found({}), Texts{"a/b1"});
}

TEST_F(BuildIndexTest, ALinkInItsPlaceIsNotFollowed) {
  add("a", "b1", 10);
  write_text(folder_ / "elsewhere", "precious");
  std::filesystem::create_directories(layout_.cache());
  std::filesystem::create_symlink(folder_ / "elsewhere", index());
  EXPECT_EQ(found({}), Texts{"a/b1"});
  EXPECT_EQ(read_file(folder_ / "elsewhere"), "precious");
  EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(index())));
  // A folder of the cache that leads elsewhere: found without a file.
  remove_tree(layout_.cache());
  std::filesystem::create_directories(folder_ / "other");
  std::filesystem::create_directory_symlink(folder_ / "other", layout_.cache());
  EXPECT_EQ(found({}), Texts{"a/b1"});
  EXPECT_TRUE(list_folder(folder_ / "other").empty());
}

TEST_F(BuildIndexTest, WithoutAPlaceToWriteBuildsAreFoundNevertheless) {
  add("a", "b1", 10);
  write_text(layout_.cache(), "a file, where a folder is wanted");
  EXPECT_EQ(found({}), Texts{"a/b1"});
  remove_file(layout_.cache());
  std::filesystem::create_directories(index());  // a folder, where a file is wanted
  EXPECT_EQ(found({}), Texts{"a/b1"});
  EXPECT_EQ(store_.count_builds().apps.size(), 1U);
}

TEST_F(BuildIndexTest, AReaderWithoutRightsFindsBuildsAndWritesNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
  add("a", "b1", 10);
  ::chmod(folder_.path().c_str(), 0755);
  EXPECT_EQ(in_child_process([&] {
              if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 2;
              return found({}) == Texts{"a/b1"} ? 0 : 1;
            }),
            0);
  EXPECT_FALSE(std::filesystem::exists(layout_.cache()));
}

TEST_F(BuildIndexTest, AnAppOfVeryManyBuildsIsAnsweredByTheIndex) {
  Texts expected;
  for (int i = 0; i < 300; ++i) {
    const std::string id = "b" + std::to_string(1000 + i);
    add("a", id, i, i % 100 == 0 ? Status::failed : Status::succeeded);
    expected.insert(expected.begin(), "a/" + id);
  }
  EXPECT_EQ(found({.app = app_name("a")}), expected);
  EXPECT_TRUE(std::filesystem::exists(index()));
  EXPECT_EQ(found({.app = app_name("a"), .statuses = {Status::failed}}),
            (Texts{"a/b1200", "a/b1100", "a/b1000"}));
  EXPECT_EQ(found({}).size(), 300U);
  const BuildList newest = store_.list_builds(app_name("a"), 2);
  ASSERT_EQ(newest.builds.size(), 2U);
  EXPECT_EQ(newest.builds[1].id, build_id("b1298"));
}

}  // namespace
}  // namespace cooper::store
