// Storing a build's source: packed, or one more name of what an earlier build packed.

#include "base/file.h"
#include "rack/store_source.h"
#include "source/stat_cache.h"
#include "source/tree_digest.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <functional>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>

namespace cooper::rack {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

/// A data root with one app, and a folder that is its source.
class StoreSource : public testing::Test {
 protected:
  void SetUp() override {
    write_text(folder() / "convox.yml", "services:\n");
    write_text(folder() / "web/page", "one");
    fs::create_symlink("page", folder() / "web/link");
    settle();
  }

  fs::path folder() const { return temp_ / "app"; }

  /// Stores the source of a new build, and its request, as start_build does.
  BuildId store(source::PackOptions options = {}) {
    const BuildId id = new_build_id();
    options.folder = folder();
    last_ = store_source(layout_, app_, id, std::move(options), FilesSeen::again, {});
    write_text(layout_.build(app_, id).request,
               to_json(build::BuildRequest{
                   .tree = last_.tree, .archive = last_.archive, .archive_bytes = last_.bytes}));
    return id;
  }
  fs::path archive(const BuildId& id) const { return layout_.build(app_, id).source; }
  bool same_file(const BuildId& a, const BuildId& b) const {
    return fs::equivalent(archive(a), archive(b));
  }

  /// What was written just now is not remembered: makes all files old enough.
  void settle() const {
    std::this_thread::sleep_until(std::chrono::steady_clock::now() + source::StatCache::kSettled +
                                  std::chrono::milliseconds(50));
  }

  TempFolder temp_;
  store::Layout layout_{temp_ / "root"};
  AppName app_ = AppName::parse("shop").value();
  SourceStored last_;
};

TEST_F(StoreSource, WhatDidNotChangeIsNotPackedAgain) {
  const BuildId first = store();
  EXPECT_EQ(last_.archive, hex(sha256(read_file(archive(first)).value())));
  EXPECT_EQ(last_.bytes, fs::file_size(archive(first)));
  EXPECT_EQ(last_.tree, hex(source::tree_digest({.root = folder()}).digest));
  const SourceStored before{.tree = last_.tree, .archive = last_.archive, .bytes = last_.bytes};
  const BuildId second = store();
  EXPECT_TRUE(same_file(first, second));
  EXPECT_EQ(last_.tree, before.tree);
  EXPECT_EQ(last_.archive, before.archive);
  EXPECT_EQ(last_.bytes, before.bytes);
  // Each is removed on its own.
  fs::remove(archive(first));
  EXPECT_EQ(hex(sha256(read_file(archive(second)).value())), before.archive);
  EXPECT_TRUE(same_file(second, store()));
}

TEST_F(StoreSource, EveryChangeIsSeen) {
  const std::vector<std::function<void()>> changes{
      [&] { write_text(folder() / "web/page", "two"); },
      [&] { ::chmod((folder() / "web/page").c_str(), 0755); },
      [&] { ::chmod((folder() / "web").c_str(), 0700); },
      [&] {
        fs::remove(folder() / "web/link");
        fs::create_symlink("gone", folder() / "web/link");
      },
      [&] {
        fs::remove(folder() / "web/link");
        write_text(folder() / "web/link", "gone");
      },
      [&] { fs::create_directory(folder() / "empty"); },
      [&] { fs::rename(folder() / "web/page", folder() / "web/site"); },
      [&] { fs::remove(folder() / "web/site"); },
  };
  BuildId last = store();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    changes[i]();
    const BuildId next = store();
    EXPECT_FALSE(same_file(last, next)) << i;
    EXPECT_EQ(last_.tree, hex(source::tree_digest({.root = folder()}).digest)) << i;
    EXPECT_TRUE(same_file(next, store())) << i;
    last = next;
  }
}

/// Files that the cache knows: same size and modification time, other content.
TEST_F(StoreSource, NobodyFoolsTheCache) {
  write_text(folder() / "web/replaced", "one");
  settle();
  const BuildId first = store();
  source::StatCache cache(layout_.stat_cache(app_));
  const auto stat_of = [&](const char* name) {
    struct stat info {};
    EXPECT_EQ(::stat((folder() / name).c_str(), &info), 0);
    return info;
  };
  const auto put_time_back = [&](const char* name, const struct stat& info) {
    const timespec times[2] = {info.st_atim, info.st_mtim};
    EXPECT_EQ(::utimensat(AT_FDCWD, (folder() / name).c_str(), times, 0), 0);
  };
  for (const char* name : {"web/page", "web/replaced"}) {
    ASSERT_TRUE(cache.find((folder() / name).string(), stat_of(name)));
  }
  struct stat info = stat_of("web/page");
  write_text(folder() / "web/page", "TWO");
  put_time_back("web/page", info);
  const BuildId second = store();
  EXPECT_FALSE(same_file(first, second));
  info = stat_of("web/replaced");
  write_text(temp_ / "new", "TWO");
  fs::rename(temp_ / "new", folder() / "web/replaced");
  put_time_back("web/replaced", info);
  EXPECT_FALSE(same_file(second, store()));
  EXPECT_EQ(last_.tree, hex(source::tree_digest({.root = folder()}).digest));
}

/// So much that it is more than one segment, half of it in each of two folders.
void write_much(const fs::path& folder) {
  for (int i = 0; i < 400; ++i) {
    std::string text;
    for (int line = 0; line < 400; ++line) text += std::to_string(i * line * 7919) + "\n";
    write_text(folder / (i % 2 == 0 ? "even" : "odd") / std::to_string(i), text);
  }
}

TEST_F(StoreSource, TakesOverWhatDidNotChange) {
  write_much(folder());
  store();
  EXPECT_EQ(last_.taken_bytes, 0U);
  write_text(folder() / "even/0", "changed");
  const BuildId second = store();
  EXPECT_GT(last_.taken_bytes, 0U);
  EXPECT_EQ(last_.archive, hex(sha256(read_file(archive(second)).value())));
  EXPECT_EQ(last_.tree, hex(source::tree_digest({.root = folder()}).digest));
  const std::string taken = last_.archive;
  for (const auto& entry : fs::directory_iterator(archive(second).parent_path())) {
    fs::remove(entry);
  }
  store();
  EXPECT_EQ(last_.taken_bytes, 0U);
  EXPECT_EQ(last_.archive, taken);
}

TEST_F(StoreSource, TakesNothingFromADamagedArchive) {
  write_much(folder());
  const BuildId first = store();
  std::string bytes = read_file(archive(first)).value();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_text(archive(first), bytes);
  write_text(folder() / "even/0", "changed");
  const BuildId second = store();
  EXPECT_EQ(last_.taken_bytes, 0U);
  EXPECT_EQ(last_.archive, hex(sha256(read_file(archive(second)).value())));
  store();
  write_text(folder() / "even/0", "changed again");
  store();
  EXPECT_GT(last_.taken_bytes, 0U);
}

TEST_F(StoreSource, IgnoreRulesCount) {
  write_text(folder() / "web/notes", "n");
  const auto rules = [](const char* text) { return source::IgnoreRules::parse(text).value(); };
  const BuildId all = store();
  const BuildId some = store({.ignore = rules("web\n")});
  EXPECT_FALSE(same_file(all, some));
  EXPECT_TRUE(same_file(some, store({.ignore = rules("web/*\nweb\n")})));
  EXPECT_FALSE(same_file(some, store({.ignore = rules("web\n"), .always = {"web/page"}})));
  // What is not packed may change.
  write_text(folder() / "web/notes", "other");
  EXPECT_TRUE(same_file(some, store({.ignore = rules("web\n")})));
}

TEST_F(StoreSource, AnyEarlierBuildWillDo) {
  const BuildId one = store();
  write_text(folder() / "web/page", "two");
  const BuildId two = store();
  EXPECT_FALSE(same_file(one, two));
  write_text(folder() / "web/page", "one");
  EXPECT_TRUE(same_file(one, store()));
}

TEST_F(StoreSource, AnArchiveThatIsNotAsItWasIsNotUsed) {
  const BuildId first = store();
  fs::resize_file(archive(first), fs::file_size(archive(first)) - 1);
  const BuildId second = store();
  EXPECT_FALSE(same_file(first, second));
  fs::remove(archive(second));
  const BuildId third = store();
  EXPECT_TRUE(fs::exists(archive(third)));
  write_text(layout_.build(app_, third).request, "{");
  EXPECT_FALSE(same_file(third, store()));
}

/// Who looks for leftovers locks a source for a moment; it is the same file as this build's.
TEST_F(StoreSource, WaitsForWhoeverLooksAtTheArchive) {
  const BuildId first = store();
  last_ = {};  // its own lock
  Fd looked_at = open_file(archive(first), O_RDONLY);
  ASSERT_EQ(::flock(looked_at.get(), LOCK_EX), 0);
  {
    const std::jthread looking([looks = std::move(looked_at)]() mutable {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      looks = Fd();
    });
    EXPECT_TRUE(same_file(first, store()));
  }
}

TEST_F(StoreSource, ADamagedOrUnwritableCacheCostsTimeOnly) {
  const BuildId first = store();
  const fs::path cache = layout_.stat_cache(app_);
  ASSERT_TRUE(fs::exists(cache));
  write_text(cache, "damaged");
  EXPECT_TRUE(same_file(first, store()));
  fs::remove_all(cache.parent_path());
  write_text(cache.parent_path(), "no folder");
  EXPECT_TRUE(same_file(first, store()));
}

TEST_F(StoreSource, AFileThatCanNotBeReadIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads all";
  ::chmod((folder() / "web/page").c_str(), 0);
  const Error error = error_of([&] { store(); });
  EXPECT_THAT(error.message(), testing::HasSubstr("web/page"));
  EXPECT_TRUE(fs::is_empty(layout_.sources(app_)));
}

TEST_F(StoreSource, TellsEachTimeWhatIsLeftOut) {
  ASSERT_EQ(::mkfifo((folder() / "fifo").c_str(), 0600), 0);
  const auto fifo = ElementsAre("fifo was left out: it is a fifo");
  const BuildId first = store();
  EXPECT_THAT(last_.warnings, fifo);
  EXPECT_TRUE(same_file(first, store()));
  EXPECT_THAT(last_.warnings, fifo);
}

TEST_F(StoreSource, TwoAtOnceShareOneCache) {
  const BuildId first = store();
  write_text(folder() / "web/page", "two");
  std::vector<SourceStored> stored(4);
  {
    std::vector<std::jthread> threads;
    for (SourceStored& each : stored) {
      threads.emplace_back([&] {
        each =
            store_source(layout_, app_, new_build_id(), {.folder = folder()}, FilesSeen::again, {});
      });
    }
  }
  for (const SourceStored& each : stored) EXPECT_EQ(each.archive, stored[0].archive);
  EXPECT_NE(stored[0].archive, hex(sha256(read_file(archive(first)).value())));
}

}  // namespace
}  // namespace cooper::rack
