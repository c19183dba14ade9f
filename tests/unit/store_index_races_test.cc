// The index of builds under random changes, and with many who use it at once.

#include "unit/store_index_test_support.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <random>
#include <thread>
#include <tuple>

namespace cooper::store {
namespace {

/// What a query means, said as plainly as can be.
Texts naive(const std::vector<Build>& all, const BuildQuery& query) {
  std::vector<Build> kept;
  for (const Build& build : all) {
    const auto place = std::tuple(build.started_at.at, build.id);
    if (query.app && build.app != *query.app) continue;
    if (query.kind && build.kind != *query.kind) continue;
    if (!query.source.empty() && build.source != query.source) continue;
    if (!query.statuses.empty() && std::ranges::count(query.statuses, build.status) == 0) continue;
    if (query.since && build.started_at.at < *query.since) continue;
    if (query.until && build.started_at.at >= *query.until) continue;
    if (query.before && place >= std::tuple(query.before->started, query.before->id)) continue;
    kept.push_back(build);
  }
  std::ranges::sort(kept, [](const Build& a, const Build& b) {
    return std::tie(a.started_at.at, a.id) > std::tie(b.started_at.at, b.id);
  });
  Texts ids;
  for (const Build& build : kept) ids.push_back(build.app.str() + "/" + build.id.str());
  return ids;
}

class RandomRecords : public BuildIndexTest {
 protected:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  void change_something() {
    if (all_.empty() || below(10) < 5) {
      Build build{.id = build_id("b" + std::to_string(++last_)),
                  .app = app_name("app" + std::to_string(below(4))),
                  .kind = below(2) == 0 ? Kind::build : Kind::deploy,
                  .started_at = {at(static_cast<std::int64_t>(below(50)))},
                  .status = static_cast<Status>(below(5)),
                  .source = below(2) == 0 ? "deploy" : "git-hook"};
      below(8) == 0 ? store_.insert_build(build) : write_as_others_do(build);
      all_.push_back(std::move(build));
      return;
    }
    const std::size_t which = below(all_.size());
    Build& build = all_[which];
    switch (below(3)) {
      case 0:
        build.status = static_cast<Status>(below(5));
        build.started_at = {at(static_cast<std::int64_t>(below(50)))};
        write_as_others_do(build);
        break;
      case 1:
        build = store_
                    .finalize_build(build.app, build.id, {.status = Status::failed, .exit_code = 1},
                                    at(60))
                    .build;
        break;
      default:
        store_.remove_build(build.app, build.id);
        all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(which));
    }
  }

  BuildQuery any_query() {
    BuildQuery query;
    if (below(3) == 0) query.app = app_name("app" + std::to_string(below(5)));
    for (std::size_t i = below(3); i > 0; --i)
      query.statuses.push_back(static_cast<Status>(below(5)));
    if (below(4) == 0) query.kind = Kind::deploy;
    if (below(4) == 0) query.source = "git-hook";
    if (below(4) == 0) query.since = at(static_cast<std::int64_t>(below(50)));
    if (below(4) == 0) query.until = at(static_cast<std::int64_t>(below(50)));
    if (below(4) == 0 && !all_.empty()) {
      const Build& build = all_[below(all_.size())];
      query.before = BuildQuery::Position{build.started_at.at, build.id};
    }
    return query;
  }

  std::mt19937 random_{20261121};
  std::vector<Build> all_;
  int last_ = 0;
};

TEST_F(RandomRecords, AreFoundAsIfEachHadBeenRead) {
  for (int round = 0; round < 100; ++round) {
    for (std::size_t i = below(4); i > 0; --i) change_something();
    const BuildQuery query = any_query();
    ASSERT_EQ(found(query), naive(all_, query)) << "round " << round;
    const Texts few = found(query, 3);
    Texts expected = naive(all_, query);
    expected.resize(std::min<std::size_t>(expected.size(), 3));
    ASSERT_EQ(few, expected) << "round " << round;
    if (round % 50 == 49) remove_tree(layout_.cache());
    if (round % 20 == 19) let_the_index_settle(store_);
  }
}

TEST_F(BuildIndexTest, ManyAskWhileOthersWrite) {
  constexpr int kWriters = 3;
  constexpr int kBuilds = 60;
  add("steady", "s1", 1, Status::failed);
  std::atomic<int> writing = kWriters;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      FileStore store(layout_);
      const std::string app = "w" + std::to_string(writer);
      for (int i = 0; i < kBuilds; ++i) {
        Build build{.id = build_id("b" + std::to_string(1000 + i)),
                    .app = app_name(app),
                    .started_at = {at(100 + i)}};
        store.insert_build(build);
        store.finalize_build(build.app, build.id, {.status = Status::succeeded, .exit_code = 0},
                             at(200));
      }
      --writing;
    });
  }
  for (int reader = 0; reader < 3; ++reader) {
    threads.emplace_back([&] {
      FileStore store(layout_);
      do {
        std::size_t steady = 0;
        std::optional<Time> last;
        const auto warnings = store.query_builds({}, [&](Build&& build) {
          if (build.app == app_name("steady")) ++steady;
          EXPECT_TRUE(!last || build.started_at.at <= *last);
          last = build.started_at.at;
          return true;
        });
        EXPECT_EQ(steady, 1U);
        EXPECT_TRUE(warnings.empty()) << warnings[0];
      } while (writing > 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(found({}).size(), 1U + kWriters * kBuilds);
  EXPECT_EQ(found({.statuses = {Status::running}}).size(), 0U);
}

TEST_F(BuildIndexTest, ProcessesThatDieInTheMiddleDoNoHarm) {
  for (int i = 0; i < 50; ++i) add("a", "b" + std::to_string(100 + i), i);
  const Texts all = found({});
  for (int round = 0; round < 20; ++round) {
    std::filesystem::last_write_time(layout_.builds(app_name("a")),
                                     std::filesystem::file_time_type::clock::now());
    if (round % 5 == 0) remove_tree(layout_.cache());
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (;;) {
        std::filesystem::last_write_time(layout_.builds(app_name("a")),
                                         std::filesystem::file_time_type::clock::now());
        store_.count_builds();
      }
    }
    while (!std::filesystem::exists(index())) std::this_thread::yield();
    EXPECT_EQ(found({}), all);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    EXPECT_EQ(found({}), all);
  }
}

}  // namespace
}  // namespace cooper::store
