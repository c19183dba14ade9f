// What every store must keep to, whatever it writes to.

#include "unit/store_test_support.h"

#include <atomic>
#include <memory>
#include <thread>

namespace cooper::store {
namespace {

/// One kind of store, empty and for one test.
struct Backend {
  const char* name;
  std::unique_ptr<Store> (*open)(const std::filesystem::path& folder);
};

void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }

class StoreContract : public testing::TestWithParam<Backend> {
 protected:
  TempFolder folder_;
  std::unique_ptr<Store> store_ = GetParam().open(folder_ / "root");
  const AppName hello_ = app_name("hello");
};

std::vector<std::string> ids(const BuildList& list) {
  std::vector<std::string> result;
  for (const Build& build : list.builds) result.push_back(build.id.str());
  return result;
}

std::vector<std::string> ids(const ReleaseList& list) {
  std::vector<std::string> result;
  for (const Release& one : list.releases) result.push_back(one.id.str());
  return result;
}

using Texts = std::vector<std::string>;

TEST_P(StoreContract, AnEmptyStoreAnswers) {
  EXPECT_EQ(store_->find_app(hello_), std::nullopt);
  EXPECT_TRUE(store_->list_apps().empty());
  EXPECT_EQ(store_->find_build(hello_, build_id("b1")), std::nullopt);
  EXPECT_TRUE(store_->list_builds(hello_, 0).builds.empty());
  EXPECT_TRUE(store_->build_ids(hello_).empty());
  EXPECT_EQ(store_->find_release(hello_, release_id("r1")), std::nullopt);
  EXPECT_TRUE(store_->list_releases(hello_, 0).releases.empty());
  EXPECT_EQ(store_->find_property(&hello_, key("timeout")), std::nullopt);
  EXPECT_EQ(store_->find_property(nullptr, key("timeout")), std::nullopt);
}

TEST_P(StoreContract, ReadingAndFailingWriteNothing) {
  store_->list_apps();
  store_->find_build(hello_, build_id("b1"));
  store_->remove_build(hello_, build_id("b1"));
  store_->remove_release(hello_, release_id("r1"));
  store_->set_property(&hello_, key("timeout"), std::nullopt);
  EXPECT_EQ(code_of([&] { store_->delete_app(hello_); }), Errc::not_found);
  EXPECT_EQ(code_of([&] { store_->finalize_build(hello_, build_id("b1"), {}, at(1)); }),
            Errc::not_found);
  EXPECT_TRUE(list_folder(folder_.path()).empty());
}

TEST_P(StoreContract, Apps) {
  const App made = store_->create_app(app_name("zoo"));
  EXPECT_EQ(made.name, app_name("zoo"));
  EXPECT_EQ(made.release, "");
  EXPECT_EQ(store_->find_app(app_name("zoo")), made);
  EXPECT_EQ(code_of([&] { store_->create_app(app_name("zoo")); }), Errc::conflict);
  EXPECT_EQ(store_->find_app(app_name("zoo")), made);
  store_->create_app(app_name("a.b"));
  store_->create_app(app_name("a-b"));
  Texts names;
  for (const App& app : store_->list_apps()) names.push_back(app.name.str());
  EXPECT_EQ(names, (Texts{"a-b", "a.b", "zoo"}));
  EXPECT_EQ(store_->app_names(), (std::vector{app_name("a-b"), app_name("a.b"), app_name("zoo")}));
}

TEST_P(StoreContract, ADeletedAppTakesEverythingAlong) {
  store_->create_app(hello_);
  store_->create_app(app_name("other"));
  store_->insert_build(running("b1"));
  store_->insert_release(release("r1"));
  store_->set_property(&hello_, key("timeout"), "1h");
  store_->set_property(nullptr, key("timeout"), "2h");
  store_->delete_app(hello_);
  EXPECT_EQ(store_->find_app(hello_), std::nullopt);
  EXPECT_EQ(store_->find_build(hello_, build_id("b1")), std::nullopt);
  EXPECT_EQ(store_->find_release(hello_, release_id("r1")), std::nullopt);
  EXPECT_EQ(store_->find_property(&hello_, key("timeout")), std::nullopt);
  EXPECT_EQ(store_->find_property(nullptr, key("timeout")), "2h");
  EXPECT_TRUE(store_->find_app(app_name("other")));
  EXPECT_EQ(code_of([&] { store_->delete_app(hello_); }), Errc::not_found);
  store_->create_app(hello_);
  EXPECT_TRUE(store_->list_builds(hello_, 0).builds.empty());
}

TEST_P(StoreContract, ABuildReadsBackAsItWasWritten) {
  Build build = running("b1");
  build.description = "d\n\"\u00e4";
  build.unknown_fields = {{"theirs", "[1]"}};
  store_->insert_build(build);
  EXPECT_EQ(store_->find_build(hello_, build.id), build);
  EXPECT_EQ(store_->find_build(app_name("other"), build.id), std::nullopt);
  EXPECT_EQ(code_of([&] { store_->insert_build(running("b1", 99)); }), Errc::conflict);
  EXPECT_EQ(store_->find_build(hello_, build.id), build);
}

TEST_P(StoreContract, BuildsAreListedNewestFirst) {
  // Own ids sort by time; those of others do not, and times decide among all.
  store_->insert_build(running("00000001aaaaaa", 10));
  store_->insert_build(running("00000003aaaaaa", 30));
  store_->insert_build(running("00000002aaaaaa", 20));
  store_->insert_build(running("pid-9", 25));
  store_->insert_build(running("pid-1", 25));
  store_->insert_build(running("Zed", 5));
  EXPECT_EQ(ids(store_->list_builds(hello_, 0)),
            (Texts{"00000003aaaaaa", "pid-9", "pid-1", "00000002aaaaaa", "00000001aaaaaa", "Zed"}));
  EXPECT_EQ(ids(store_->list_builds(hello_, 3)), (Texts{"00000003aaaaaa", "pid-9", "pid-1"}));
  EXPECT_EQ(ids(store_->list_builds(hello_, 1)), Texts{"00000003aaaaaa"});
  EXPECT_EQ(store_->list_builds(hello_, 100).builds.size(), 6U);
  EXPECT_TRUE(store_->list_builds(app_name("other"), 0).builds.empty());
  Texts ascending;
  for (const BuildId& id : store_->build_ids(hello_)) ascending.push_back(id.str());
  EXPECT_EQ(ascending,
            (Texts{"00000001aaaaaa", "00000002aaaaaa", "00000003aaaaaa", "Zed", "pid-1", "pid-9"}));
}

TEST_P(StoreContract, TheFirstToFinalizeWins) {
  store_->insert_build(running("b1"));
  const Finalized first = store_->finalize_build(
      hello_, build_id("b1"),
      {.status = Status::canceled, .exit_code = -1, .reason = "canceled by a person"}, at(5));
  EXPECT_TRUE(first.won);
  EXPECT_EQ(first.build.status, Status::canceled);
  EXPECT_EQ(store_->find_build(hello_, build_id("b1")), first.build);
  const Finalized second =
      store_->finalize_build(hello_, build_id("b1"),
                             {.status = Status::succeeded, .exit_code = 0, .release = "r9"}, at(6));
  EXPECT_FALSE(second.won);
  EXPECT_EQ(second.build, first.build);
  EXPECT_EQ(store_->find_build(hello_, build_id("b1")), first.build);
}

TEST_P(StoreContract, ARecordIsChangedAsItStands) {
  EXPECT_EQ(code_of([&] { store_->change_build(hello_, build_id("b1"), [](Build&) {}); }),
            Errc::not_found);
  Build build = running("b1");
  build.unknown_fields = {{"theirs", "[1]"}};
  store_->insert_build(build);
  const Build pinned =
      store_->change_build(hello_, build.id, [](Build& current) { current.pinned = true; });
  EXPECT_TRUE(pinned.pinned);
  EXPECT_EQ(pinned.unknown_fields, build.unknown_fields);
  EXPECT_EQ(store_->find_build(hello_, build.id), pinned);
  EXPECT_EQ(code_of([&] {
              store_->change_build(hello_, build.id, [](Build& current) {
                current.pinned = false;
                throw Error(Errc::conflict, "not now");
              });
            }),
            Errc::conflict);
  EXPECT_EQ(store_->find_build(hello_, build.id), pinned);
}

TEST_P(StoreContract, ChangesByManyAtOnceAreAllKept) {
  store_->insert_build(running("b1"));
  constexpr int kEach = 25;
  const auto count = [&] {
    for (int i = 0; i < kEach; ++i)
      store_->change_build(hello_, build_id("b1"), [](Build& build) { build.reason += "x"; });
  };
  { const std::jthread one(count), two(count), three(count); }
  EXPECT_EQ(store_->find_build(hello_, build_id("b1"))->reason.size(), 3U * kEach);
}

TEST_P(StoreContract, AFinalizeKeepsWhatOthersWrote) {
  Build build = running("b1");
  build.unknown_fields = {{"theirs", R"({"a":1})"}};
  store_->insert_build(build);
  const Build done =
      store_->finalize_build(hello_, build.id, {.status = Status::failed, .exit_code = 1}, at(5))
          .build;
  EXPECT_EQ(done.unknown_fields, build.unknown_fields);
  EXPECT_EQ(store_->find_build(hello_, build.id)->unknown_fields, build.unknown_fields);
}

TEST_P(StoreContract, OfManyFinalizersInThreadsOneWins) {
  for (int round = 0; round < 30; ++round) {
    const BuildId id = build_id("b" + std::to_string(round));
    store_->insert_build(running(id.str()));
    std::atomic<int> winner = -1;
    std::atomic<int> wins = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        const Finalized done =
            store_->finalize_build(hello_, id, {.status = Status::failed, .exit_code = i}, at(i));
        if (done.won) {
          winner = i;
          ++wins;
        }
        EXPECT_EQ(done.build.status, Status::failed);
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(wins, 1);
    ASSERT_EQ(store_->find_build(hello_, id)->exit_code, winner);
  }
}

TEST_P(StoreContract, ARemovedBuildIsGone) {
  store_->insert_build(running("b1"));
  store_->insert_build(running("b2"));
  store_->remove_build(hello_, build_id("b1"));
  EXPECT_EQ(store_->find_build(hello_, build_id("b1")), std::nullopt);
  EXPECT_EQ(ids(store_->list_builds(hello_, 0)), Texts{"b2"});
  store_->remove_build(hello_, build_id("b1"));
}

TEST_P(StoreContract, APinnedBuildIsNotRemovedInPassing) {
  store_->insert_build(running("b1"));
  store_->change_build(hello_, build_id("b1"), [](Build& build) { build.pinned = true; });
  EXPECT_FALSE(store_->remove_unpinned_build(hello_, build_id("b1")));
  EXPECT_TRUE(store_->find_build(hello_, build_id("b1"))->pinned);
  store_->change_build(hello_, build_id("b1"), [](Build& build) { build.pinned = false; });
  EXPECT_TRUE(store_->remove_unpinned_build(hello_, build_id("b1")));
  EXPECT_EQ(store_->find_build(hello_, build_id("b1")), std::nullopt);
  EXPECT_TRUE(store_->remove_unpinned_build(hello_, build_id("b1")));  // absent is fine
  EXPECT_TRUE(store_->remove_unpinned_build(app_name("other"), build_id("b1")));
}

TEST_P(StoreContract, ABuildWhoseRemovalHasBegunIsNotPinned) {
  const BuildId b1 = build_id("b1");
  store_->insert_build(running("b1"));
  EXPECT_TRUE(store_->pin_build(hello_, b1).pinned);
  EXPECT_FALSE(store_->begin_removal(hello_, b1));
  EXPECT_FALSE(store_->unpin_build(hello_, b1).pinned);
  EXPECT_TRUE(store_->begin_removal(hello_, b1));
  EXPECT_TRUE(store_->begin_removal(hello_, b1));
  EXPECT_EQ(code_of([&] { store_->pin_build(hello_, b1); }), Errc::conflict);
  EXPECT_FALSE(store_->find_build(hello_, b1)->pinned);
  store_->unpin_build(hello_, b1);
  EXPECT_EQ(store_->find_build(hello_, b1), running("b1")) << "taken back";
  EXPECT_TRUE(store_->pin_build(hello_, b1).pinned);
  store_->remove_build(hello_, b1);
  EXPECT_TRUE(store_->begin_removal(hello_, b1)) << "absent is fine";
  EXPECT_EQ(code_of([&] { store_->pin_build(hello_, b1); }), Errc::not_found);
}

TEST_P(StoreContract, Releases) {
  Release one = release("r1");
  one.environment = {{"SECRET", "s\n"}, {"EMPTY", ""}};
  one.images = {{"web", "x@sha256:0"}};
  one.manifest = "services: {}\n";
  store_->insert_release(one);
  EXPECT_EQ(store_->find_release(hello_, one.id), one);
  EXPECT_EQ(code_of([&] { store_->insert_release(release("r1")); }), Errc::conflict);
  store_->insert_release(release("r3"));
  store_->insert_release(release("r2"));
  EXPECT_EQ(ids(store_->list_releases(hello_, 0)), (Texts{"r3", "r2", "r1"}));
  EXPECT_EQ(ids(store_->list_releases(hello_, 2)), (Texts{"r3", "r2"}));
  store_->remove_release(hello_, release_id("r2"));
  store_->remove_release(hello_, release_id("r2"));
  EXPECT_EQ(ids(store_->list_releases(hello_, 0)), (Texts{"r3", "r1"}));
}

TEST_P(StoreContract, AReleaseIsDerivedFromTheNewestOne) {
  const Release first = store_->derive_release(hello_, [](Release& release) {
    release.environment = {{"A", "1"}};
  });
  EXPECT_EQ(first.build, "");
  const Release second =
      store_->derive_release(hello_, [](Release& release) { release.build = "b1"; });
  EXPECT_EQ(second.environment, first.environment);
  EXPECT_GT(second.id, first.id);
  EXPECT_EQ(store_->find_release(hello_, second.id), second);

  // Made by a clock that is ahead of ours.
  for (const char* ahead : {"rzzzzzzzy0000zz", "rzzzzzzzzzzzzzz"}) {
    Release future = second;
    future.id = release_id(ahead);
    future.environment = {{"FROM", ahead}};
    store_->insert_release(future);
    const Release next = store_->derive_release(hello_, [](Release&) {});
    EXPECT_GT(next.id, future.id);
    EXPECT_EQ(next.environment, future.environment);
    store_->remove_release(hello_, next.id);
  }
}

TEST_P(StoreContract, WhatWasReleasedSinceGoesWithItsBuild) {
  const auto add = [&](const char* build, const char* variable) {
    return store_->derive_release(hello_, [&](Release& release) {
      release.build = build;
      release.environment = {{variable, "1"}};
    });
  };
  const Release other = add("b1", "OLD");
  const Release seen = add("b2", "A");
  const Release since = add("b2", "B");
  store_->remove_releases_of(hello_, build_id("b2"), {seen, other});
  const std::vector<Release> left = store_->list_releases(hello_, 0).releases;
  ASSERT_EQ(left.size(), 2U);
  EXPECT_GT(left[0].id, since.id);
  EXPECT_EQ(left[0].environment, since.environment);
  EXPECT_EQ(left[0].build, "b1");
  EXPECT_EQ(left[1], other);
  EXPECT_EQ(store_->newest_release(hello_), left[0]);
  store_->remove_releases_of(hello_, build_id("b9"), {});
  EXPECT_EQ(ids(store_->list_releases(hello_, 0)).size(), 2U);
}

TEST_P(StoreContract, AReleaseThatIsNotToBeIsNotMade) {
  store_->insert_release(release("r1"));
  EXPECT_EQ(code_of([&] {
              store_->derive_release(hello_, [](Release&) { throw Error(Errc::invalid, "no"); });
            }),
            Errc::invalid);
  EXPECT_EQ(ids(store_->list_releases(hello_, 0)), Texts{"r1"});
}

TEST_P(StoreContract, ChangesOfTheEnvironmentAtOnceAllCount) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        store_->derive_release(hello_, [&](Release& release) {
          release.environment["V" + std::to_string(t) + "_" + std::to_string(i)] = "x";
        });
      }
    });
  }
  threads.clear();
  const ReleaseList list = store_->list_releases(hello_, 1);
  EXPECT_EQ(list.releases.at(0).environment.size(), std::size_t{kThreads * kEach});
}

TEST_P(StoreContract, TheActiveRelease) {
  EXPECT_EQ(code_of([&] { store_->activate_release(hello_, release_id("r1"), build_id("d1")); }),
            Errc::not_found);
  store_->create_app(hello_);
  EXPECT_EQ(code_of([&] { store_->activate_release(hello_, release_id("r1"), build_id("d1")); }),
            Errc::not_found);
  EXPECT_EQ(store_->find_app(hello_)->release, "");
  for (const char* id : {"r1", "r2"}) store_->insert_release(release(id));
  store_->activate_release(hello_, release_id("r1"), build_id("d1"));
  App app = store_->activate_release(hello_, release_id("r2"), build_id("d2"));
  EXPECT_EQ((Texts{app.release, app.previous, app.deploy}), (Texts{"r2", "r1", "d2"}));
  app = store_->activate_release(hello_, release_id("r2"), build_id("d3"));
  EXPECT_EQ((Texts{app.release, app.previous, app.deploy}), (Texts{"r2", "r1", "d3"}));
  EXPECT_EQ(store_->find_app(hello_), app);
}

TEST_P(StoreContract, TheKeysThatAreSet) {
  EXPECT_TRUE(store_->property_keys(&hello_).empty());
  store_->set_property(&hello_, key("timeout"), "1h");
  store_->set_property(&hello_, key("memory"), "");
  store_->set_property(nullptr, key("retention"), "5");
  EXPECT_EQ(store_->property_keys(&hello_), (std::vector{key("memory"), key("timeout")}));
  EXPECT_EQ(store_->property_keys(nullptr), std::vector{key("retention")});
  store_->set_property(&hello_, key("memory"), std::nullopt);
  EXPECT_EQ(store_->property_keys(&hello_), std::vector{key("timeout")});
}

TEST_P(StoreContract, Properties) {
  store_->set_property(&hello_, key("timeout"), "1h");
  store_->set_property(nullptr, key("timeout"), "2h");
  EXPECT_EQ(store_->find_property(&hello_, key("timeout")), "1h");
  EXPECT_EQ(store_->find_property(nullptr, key("timeout")), "2h");
  const AppName other = app_name("other");
  EXPECT_EQ(store_->find_property(&other, key("timeout")), std::nullopt);
  store_->set_property(&hello_, key("timeout"), "");
  EXPECT_EQ(store_->find_property(&hello_, key("timeout")), "");  // set to nothing is not unset
  store_->set_property(&hello_, key("timeout"), std::nullopt);
  store_->set_property(&hello_, key("timeout"), std::nullopt);
  EXPECT_EQ(store_->find_property(&hello_, key("timeout")), std::nullopt);
  EXPECT_EQ(store_->find_property(nullptr, key("timeout")), "2h");
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreContract,
                         testing::Values(Backend{
                             "files",
                             [](const std::filesystem::path& folder) -> std::unique_ptr<Store> {
                               return std::make_unique<FileStore>(Layout(folder));
                             }}),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace cooper::store
