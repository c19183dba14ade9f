// Which builds and releases a prune leaves to those that need them.

#include "base/file.h"
#include "build/prune.h"
#include "build/release_use.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>

#include <chrono>

namespace cooper::build {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using testing::ElementsAre;

constexpr std::int64_t kNoSuchPid = 4'194'303;

class ReleaseUse : public testing::Test {
 protected:
  ReleaseUse() { store_.create_app(hello_); }

  static BuildId id(std::string_view text) { return BuildId::parse(text).value(); }
  static ReleaseId release(std::string_view text) { return ReleaseId::parse(text).value(); }

  Build add(std::string_view name, Status status, std::chrono::seconds age) {
    Build build{.id = id(name),
                .app = hello_,
                .pid = status == Status::running ? kNoSuchPid : 0,
                .started_at = {now() - age},
                .status = status};
    if (is_terminal(status)) build.finished_at = build.started_at;
    store_.insert_build(build);
    return build;
  }

  /// Releases r1, r2, ... of these builds, with a variable that tells them apart.
  void add_releases(const std::vector<std::string>& builds) {
    for (std::size_t i = 0; i < builds.size(); ++i) {
      store_.insert_release({.id = release("r" + std::to_string(i + 1)),
                             .app = hello_,
                             .build = builds[i],
                             .created_at = {now()},
                             .environment = {{"N", std::to_string(i + 1)}},
                             .images = {{"web", "of " + builds[i]}}});
    }
  }

  TempFolder root_;
  store::Layout layout_{root_.path()};
  store::FileStore store_{layout_};
  const AppName hello_ = AppName::parse("hello").value();
};

TEST_F(ReleaseUse, WhatTheActiveReleaseAndARollbackNeedStays) {
  for (int i = 1; i <= 6; ++i) {
    add("b" + std::to_string(i), Status::succeeded, std::chrono::hours(100 - i));
  }
  store_.change_build(hello_, id("b6"), [](Build& build) { build.kind = Kind::deploy; });
  add_releases({"b1", "b2", "b3", "b2", "b4"});
  store_.activate_release(hello_, release("r2"), id("b6"));
  store_.activate_release(hello_, release("r3"), id("b6"));
  prune(store_, hello_, {.retention = {.age = 1h}});
  // Active, active before, of the newest release; the newest build, and the newest of all.
  EXPECT_THAT(store_.build_ids(hello_),
              ElementsAre(id("b2"), id("b3"), id("b4"), id("b5"), id("b6")));
  EXPECT_EQ(store_.find_release(hello_, release("r1")), std::nullopt);
}

TEST_F(ReleaseUse, TheEnvironmentStaysWhenTheNewestReleaseGoesWithItsBuild) {
  add("b1", Status::succeeded, 3h);
  const Build last = add("b2", Status::succeeded, 2h);
  add_releases({"b1", "b2", "b2"});
  remove_with_images(store_, last, store_.list_releases(hello_, 0).releases);
  const std::vector<Release> left = store_.list_releases(hello_, 0).releases;
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].environment, (Environment{{"N", "3"}}));
  EXPECT_EQ(left[0].build, "b1");
  EXPECT_EQ(left[0].images.at("web"), "of b1");
  EXPECT_EQ(left[1].id.str(), "r1");
}

TEST_F(ReleaseUse, ReleasesOfABuildThatStaysGoWhenTheyAreSuperseded) {
  add("b1", Status::succeeded, 3h);
  add("b2", Status::succeeded, 2h);
  add_releases({"b1", "b2", "b2", "b2", "b2", "", "b2", "b2"});
  store_.activate_release(hello_, release("r3"), id("b2"));
  store_.activate_release(hello_, release("r4"), id("b2"));
  const Settings settings{.retention = {.count = 2}};
  const auto names = [](const std::vector<ReleaseId>& releases) {
    std::vector<std::string> result;
    for (const ReleaseId& release : releases) result.push_back(release.str());
    return result;
  };
  // The newest two, the newest of b1, active, active before.
  EXPECT_THAT(names(would_prune(store_, hello_, settings).releases), ElementsAre("r2", "r5", "r6"));
  EXPECT_THAT(names(prune(store_, hello_, settings).releases), ElementsAre("r2", "r5", "r6"));
  EXPECT_EQ(store_.list_releases(hello_, 0).releases.size(), 5U);
  EXPECT_TRUE(prune(store_, hello_, settings).releases.empty());
}

TEST_F(ReleaseUse, ADeployThatVanishedAfterItsSuccessHasSucceeded) {
  for (const char* name : {"d1", "d2"}) {
    add(name, Status::running, 1h);
    store_.change_build(hello_, id(name), [](Build& build) {
      build.kind = Kind::deploy;
      build.release = "r1";
      build.host = "here";
    });
  }
  add_releases({"b1"});
  store_.activate_release(hello_, release("r1"), id("d2"));
  write_text(layout_.build(hello_, id("d2")).work / "environment", "x");
  prune(store_, hello_, {});
  const Build failed = store_.find_build(hello_, id("d1")).value();
  const Build succeeded = store_.find_build(hello_, id("d2")).value();
  EXPECT_EQ(failed.status, Status::failed);
  EXPECT_EQ(failed.release, "r1");
  EXPECT_EQ(succeeded.status, Status::succeeded);
  EXPECT_EQ(succeeded.reason, "");
  EXPECT_FALSE(fs::exists(layout_.build(hello_, id("d2")).work));
}

}  // namespace
}  // namespace cooper::build
