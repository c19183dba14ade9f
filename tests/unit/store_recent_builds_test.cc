#include "unit/store_index_test_support.h"

#include <gtest/gtest.h>

#include <fcntl.h>

namespace cooper::store {
namespace {

/// A store that keeps records in memory, beside one that reads them.
class RecentBuildsTest : public BuildIndexTest {
 protected:
  Texts recent(const BuildQuery& query, std::size_t limit = 0) {
    Texts ids;
    EXPECT_EQ(keeping_.query_builds(query,
                                    [&](Build&& build) {
                                      ids.push_back(build.app.str() + "/" + build.id.str() + " " +
                                                    std::string(to_string(build.status)));
                                      return limit == 0 || ids.size() < limit;
                                    }),
              Texts{});
    return ids;
  }
  Texts read(const BuildQuery& query, std::size_t limit = 0) {
    Texts ids;
    store_.query_builds(query, [&](Build&& build) {
      ids.push_back(build.app.str() + "/" + build.id.str() + " " +
                    std::string(to_string(build.status)));
      return limit == 0 || ids.size() < limit;
    });
    return ids;
  }
  /// Long enough for a folder's times to say something.
  static void settle() {
    struct timespec pause {
      .tv_nsec = 150'000'000
    };
    ::nanosleep(&pause, nullptr);
  }

  FileStore keeping_{layout_, FileStore::Memory::recent};
};

TEST_F(RecentBuildsTest, whatever_happens_it_finds_what_is_there) {
  for (int i = 0; i < 50; ++i) {
    add("hello", "b" + std::to_string(100 + i), i, i % 3 ? Status::succeeded : Status::failed);
  }
  const BuildQuery all{.app = hello_};
  const BuildQuery failed{.app = hello_, .statuses = {Status::failed}};
  const BuildQuery since{.app = hello_, .since = at(10), .until = at(45)};
  for (const bool wait : {false, true}) {
    if (wait) settle();
    for (int round = 0; round < 2; ++round) {
      EXPECT_EQ(recent(all), read(all));
      EXPECT_EQ(recent(all, 5), read(all, 5));
      EXPECT_EQ(recent(failed), read(failed));
      EXPECT_EQ(recent(since), read(since));
    }
  }
  add("hello", "b200", 200, Status::running);
  EXPECT_EQ(recent(all, 1), Texts{"hello/b200 running"});
  settle();
  EXPECT_EQ(recent(all, 1), Texts{"hello/b200 running"});
  store_.finalize_build(hello_, build_id("b200"), {.status = Status::failed, .exit_code = 1},
                        at(201));
  EXPECT_EQ(recent(all, 1), Texts{"hello/b200 failed"});
  settle();
  EXPECT_EQ(recent(all, 1), Texts{"hello/b200 failed"});
  store_.remove_build(hello_, build_id("b200"));
  EXPECT_EQ(recent(all, 1), Texts{"hello/b149 succeeded"});
  EXPECT_EQ(recent(all), read(all));
}

TEST_F(RecentBuildsTest, an_untouched_folder_is_not_read_again) {
  const Build build = add("hello", "b1", 1, Status::failed);
  settle();
  EXPECT_EQ(recent({.app = hello_}), Texts{"hello/b1 failed"});
  // Nobody writes like this: it shows that the record is not read.
  Build other = build;
  other.status = Status::succeeded;
  write_text(layout_.build(hello_, build.id).record, to_json(other));
  EXPECT_EQ(recent({.app = hello_}), Texts{"hello/b1 failed"});
  EXPECT_EQ(read({.app = hello_}), Texts{"hello/b1 succeeded"});
  write_as_others_do(other);
  EXPECT_EQ(recent({.app = hello_}), Texts{"hello/b1 succeeded"});
}

TEST_F(RecentBuildsTest, what_cannot_be_read_is_said_each_time) {
  add("hello", "b1", 1);
  write_text(layout_.build(hello_, build_id("b2")).record, "{");
  settle();
  for (int round = 0; round < 2; ++round) {
    Texts ids;
    const auto warnings = keeping_.query_builds({.app = hello_}, [&](Build&& build) {
      ids.push_back(build.id.str());
      return true;
    });
    EXPECT_EQ(ids, Texts{"b1"});
    EXPECT_EQ(warnings.size(), 1U);
  }
}

TEST_F(RecentBuildsTest, apps_that_nobody_asks_for_are_forgotten_first) {
  RecentBuilds kept;
  std::vector<AppName> apps;
  for (std::size_t i = 0; i <= RecentBuilds::kApps; ++i) {
    apps.push_back(app_name("app-" + std::to_string(i)));
  }
  std::filesystem::create_directories(root());
  settle();
  const Fd folder = open_file(root(), O_RDONLY | O_DIRECTORY);
  const auto seen = RecentBuilds::look(folder.get());
  ASSERT_TRUE(seen);
  for (const AppName& app : apps) {
    kept.keep(app, *seen, {});
    EXPECT_TRUE(kept.find(apps[0], folder.get()));
  }
  EXPECT_FALSE(kept.find(apps[1], folder.get()));
  EXPECT_TRUE(kept.find(apps[2], folder.get()));
}

}  // namespace
}  // namespace cooper::store
