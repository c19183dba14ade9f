#include "build/apps_to_prune.h"
#include "build/prune.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cooper::build {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

/// An app with two finished builds and nothing to do, whose neighbour stays like that.
class AppsToPruneTest : public testing::Test {
 protected:
  AppsToPruneTest() {
    for (const AppName& app : {calm_, app_}) {
      store_.create_app(app);
      add(app, "b1", Status::failed, 0);
      add(app, "b2", Status::succeeded, 0);
    }
  }

  void add(const AppName& app, std::string_view id, Status status, std::int64_t pid) {
    Build build{.id = BuildId::parse(id).value(),
                .app = app,
                .pid = pid,
                .started_at = {now() - 1h},
                .status = status};
    if (is_terminal(status)) build.finished_at = build.started_at;
    store_.insert_build(build);
    write_text(layout_.build(app, build.id).log, "its log");
  }

  std::vector<AppName> asked() const { return apps_to_prune(store_, {calm_, app_}); }

  void set(const AppName* app, const char* key, const char* value) {
    store_.set_property(app, PropertyKey::parse(key).value(), value);
  }

  TempFolder folder_;
  const store::Layout layout_{folder_ / "root"};
  store::FileStore store_{layout_};
  const AppName app_ = AppName::parse("app").value();
  const AppName calm_ = AppName::parse("calm").value();
};

TEST_F(AppsToPruneTest, PassesOverAppsWithoutAnythingToDo) {
  set(&app_, "retention", "2");
  EXPECT_THAT(asked(), IsEmpty());
  const Pruned pruned = prune(store_, app_, {});
  EXPECT_TRUE(pruned.reaped.empty() && pruned.removed.empty() && pruned.leftovers.empty());
}

TEST_F(AppsToPruneTest, NamesAppsWithALiveOrUnreadableBuildOrNone) {
  add(app_, "b3", Status::running, 4'194'303);
  EXPECT_THAT(asked(), ElementsAre(app_));
  prune(store_, app_, {});
  EXPECT_THAT(asked(), IsEmpty()) << "reaped";
  write_text(layout_.builds(app_) / "b4.json", "");
  EXPECT_THAT(asked(), ElementsAre(app_));
  fs::remove_all(layout_.builds(app_));
  EXPECT_THAT(asked(), ElementsAre(app_)) << "its folder may be one that can't be read";
}

TEST_F(AppsToPruneTest, NamesAppsBeyondTheirCountAsItIsNow) {
  set(&app_, "retention", "1");
  EXPECT_THAT(asked(), ElementsAre(app_));
  set(&app_, "retention", "2");
  set(nullptr, "retention", "1");
  EXPECT_THAT(asked(), ElementsAre(calm_));
}

TEST_F(AppsToPruneTest, NamesAppsWhoseLimitsNeedTheirRecords) {
  set(&app_, "retention-age", "30d");
  EXPECT_THAT(asked(), ElementsAre(app_));
  set(&app_, "retention-age", "0");
  set(&app_, "retention-size", "1g");
  EXPECT_THAT(asked(), ElementsAre(app_));
}

TEST_F(AppsToPruneTest, NamesAppsOfWhoseSettingsThereIsSomethingToSay) {
  set(&app_, "retention", "many");
  EXPECT_THAT(asked(), ElementsAre(app_));
  set(nullptr, "retention", "many");
  EXPECT_THAT(asked(), ElementsAre(calm_, app_));
}

TEST_F(AppsToPruneTest, NamesAppsWithAnythingThatACrashMayHaveLeft) {
  const fs::path builds = layout_.builds(app_);
  for (const fs::path& left :
       {builds / ".tmp-x", builds / "b9.json.tmp", builds / "b9.log", builds / "b9.log.tail-0",
        builds / "b9.steps.jsonl", layout_.sources(app_) / "b9.tar.zst",
        layout_.work(app_) / "b9/file", layout_.releases(app_) / ".tmp-x",
        layout_.app(app_) / ".tmp-x", layout_.properties(&app_) / ".tmp-x"}) {
    write_text(left, "x");
    EXPECT_THAT(asked(), ElementsAre(app_)) << left;
    fs::remove(left);
    if (left.parent_path() == layout_.work(app_) / "b9") fs::remove(left.parent_path());
    EXPECT_THAT(asked(), IsEmpty()) << left;
  }
  fs::remove(layout_.sources(app_));
  fs::create_symlink(folder_.path(), layout_.sources(app_));
  EXPECT_THAT(asked(), ElementsAre(app_)) << "what can't be looked into is not passed over";
}

}  // namespace
}  // namespace cooper::build
