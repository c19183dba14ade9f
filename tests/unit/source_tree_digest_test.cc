// The digest of a folder, and the cache that makes it quick.

#include "source/tree_digest.h"
#include "unit/source_test_support.h"

#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace cooper::source {
namespace {

namespace fs = std::filesystem;
using Make = std::function<void(const fs::path&)>;

std::string digest_of(const fs::path& folder) { return hex(tree_digest({.root = folder}).digest); }

std::string digest_of(const Make& make) {
  const TempFolder folder;
  make(folder.path());
  return digest_of(folder.path());
}

TEST(TreeDigest, DiffersForAllThatABuildCanSee) {
  const std::vector<Make> trees{
      [](const fs::path&) {},
      [](const fs::path& at) { write_text(at / "a", ""); },
      [](const fs::path& at) { write_text(at / "a", "b"); },
      [](const fs::path& at) { write_text(at / "ab", ""); },
      [](const fs::path& at) { fs::create_directory(at / "a"); },
      [](const fs::path& at) { fs::create_symlink("b", at / "a"); },
      [](const fs::path& at) { fs::create_symlink("bc", at / "a"); },
      [](const fs::path& at) { fs::create_symlink("c", at / "ab"); },
      [](const fs::path& at) {
        write_text(at / "a", "");
        ::chmod((at / "a").c_str(), 0755);
      },
      [](const fs::path& at) {
        write_text(at / "a", "");
        ::chmod((at / "a").c_str(), 0444);
      },
      [](const fs::path& at) {
        fs::create_directory(at / "a");
        ::chmod((at / "a").c_str(), 0700);
      },
      [](const fs::path& at) { write_text(at / "a/b", ""); },
      [](const fs::path& at) {
        write_text(at / "a/x", "");
        write_text(at / "b", "");
      },
      [](const fs::path& at) {
        write_text(at / "a/b", "");
        write_text(at / "x", "");
      },
      // Contents swapped, or moved from one file to the next.
      [](const fs::path& at) {
        write_text(at / "a", "1");
        write_text(at / "b", "2");
      },
      [](const fs::path& at) {
        write_text(at / "a", "2");
        write_text(at / "b", "1");
      },
      [](const fs::path& at) {
        write_text(at / "a", "12");
        write_text(at / "b", "");
      },
      // A content, or a name, that looks like the next entry's bytes.
      [](const fs::path& at) {
        write_text(at / "a", std::string("f\1\xa4"
                                         "b\0",
                                         5));
      },
      [](const fs::path& at) { write_text(at / "a\nf\1b", ""); },
  };
  std::set<std::string> digests;
  for (const Make& make : trees) digests.insert(digest_of(make));
  EXPECT_EQ(digests.size(), trees.size());
}

TEST(TreeDigest, IsTheSameForWhatNoBuildSees) {
  const std::string plain = digest_of([](const fs::path& at) {
    write_text(at / "a", "x");
    write_text(at / "b", "x");
  });
  EXPECT_EQ(digest_of([](const fs::path& at) {
              write_text(at / "b", "x");
              fs::create_hard_link(at / "b", at / "a");
              fs::last_write_time(at / "b", fs::file_time_type());
              ASSERT_EQ(::mkfifo((at / "fifo").c_str(), 0600), 0);
            }),
            plain);
}

TEST(TreeDigest, OfAFolderIsThatOfItsUnpackedCopy) {
  const TempFolder folder;
  write_text(folder / "in/d/file", "content");
  write_text(folder / "in/d.x", "");
  ::chmod((folder / "in/d.x").c_str(), 04751);
  fs::create_directory(folder / "in/empty");
  fs::create_symlink("/nowhere", folder / "in/d/link");
  fs::create_hard_link(folder / "in/d/file", folder / "in/other");
  fs::create_directory(folder / "out");
  const Fd archive = memory_file(packed({.folder = folder / "in"}));
  ContentDigests known;
  unpack(archive.get(), folder / "out", {}, {}, &known);
  const TreeDigest copy = tree_digest({.root = folder / "out", .known = &known});
  EXPECT_EQ(hex(copy.digest), digest_of(folder / "in"));
  EXPECT_EQ(copy.files_read, 0U);
  EXPECT_EQ(copy.entries, 6U);
}

TEST(TreeDigest, SeesOnlyWhatTheFilterSelects) {
  const TempFolder folder;
  write_text(folder / "a/keep", "x");
  const std::string before = digest_of(folder.path());
  write_text(folder / "a/node_modules/x.js", "1");
  const TreeDigestOptions options{
      .root = folder.path(), .filter = {.exclude = IgnoreRules::parse("**/node_modules").value()}};
  EXPECT_EQ(hex(tree_digest(options).digest), before);
  EXPECT_NE(digest_of(folder.path()), before);
}

TEST(TreeDigest, KnowsAnUnpackedFileOnlyAsItWas) {
  const TempFolder folder;
  ContentDigests known;
  const Fd archive = memory_file(raw_tar(
      RawEntry{.name = "a", .content = "one"}, RawEntry{.name = "b", .content = "two"},
      RawEntry{.name = "b", .content = "new"}, RawEntry{.name = "h", .type = '1', .target = "a"}));
  unpack(archive.get(), folder.path(), {}, {}, &known);
  struct stat info {};
  ASSERT_EQ(::stat((folder / "b").c_str(), &info), 0);
  ASSERT_TRUE(known.find(info));
  EXPECT_EQ(*known.find(info), sha256("new"));
  const ino_t inode = info.st_ino;
  // Changed, with size and time put back: the change time can't be. (Until its
  // clock, which ticks, goes on, nobody could tell: so write until it does.)
  const auto changed_before = nanoseconds(info.st_ctim);
  const timespec times[2] = {info.st_atim, info.st_mtim};
  while (nanoseconds(info.st_ctim) == changed_before) {
    write_text(folder / "b", "NEW");
    ::utimensat(AT_FDCWD, (folder / "b").c_str(), times, 0);
    ASSERT_EQ(::stat((folder / "b").c_str(), &info), 0);
  }
  EXPECT_EQ(info.st_ino, inode);
  EXPECT_FALSE(known.find(info));
  EXPECT_EQ(digest_of(folder.path()),
            hex(tree_digest({.root = folder.path(), .known = &known}).digest));
}

TEST(TreeDigest, AlwaysIsNotExcluded) {
  const TempFolder folder;
  for (const char* name : {"a/keep", "a/b/keep", "a/drop", "drop"}) write_text(folder / name, name);
  const auto all = IgnoreRules::parse("*\n").value();
  const auto digest = [&](std::vector<std::string> always) {
    return tree_digest({.root = folder.path(), .filter = {.exclude = all, .always = always}});
  };
  EXPECT_EQ(digest({}).entries, 0U);
  EXPECT_EQ(digest({"./a//keep", "../out", "/drop"}).entries, 2U);
  EXPECT_EQ(digest({"a/b"}).entries, 3U);
  EXPECT_EQ(hex(digest({"."}).digest), digest_of(folder.path()));
}

TEST(TreeDigest, GivesUpWhereTooMuchIsToBeRead) {
  const TempFolder folder;
  write_text(folder / "a", "123");
  write_text(folder / "b", "4567");
  const TreeDigestOptions options{.root = folder.path()};
  EXPECT_FALSE(quick_tree_digest(options, 6));
  const auto digest = quick_tree_digest(options, 7);
  ASSERT_TRUE(digest);
  EXPECT_EQ(hex(digest->digest), digest_of(folder.path()));
  EXPECT_EQ(code_of([&] { quick_tree_digest({.root = folder / "none"}, 0); }), Errc::not_found);
}

// --- the cache

struct stat stat_of(const fs::path& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0);
  return info;
}

/// When a file that was made just now counts as settled.
std::chrono::sys_time<std::chrono::nanoseconds> later() {
  return std::chrono::system_clock::now() + std::chrono::minutes(1);
}

TEST(StatCache, AnswersForUntouchedFilesOnly) {
  const TempFolder folder;
  const std::string path = (folder / "a").string();
  write_text(path, "1");
  const struct stat info = stat_of(path);
  {
    StatCache cache(folder / "cache/stat");
    cache.add(path, info, later(), sha256("1"));
    cache.save();
  }
  StatCache cache(folder / "cache/stat");
  ASSERT_EQ(cache.find(path, info), sha256("1"));
  EXPECT_FALSE(cache.find(path + "b", info));
  const auto expect_unknown = [&](auto change) {
    struct stat other = info;
    change(other);
    EXPECT_FALSE(cache.find(path, other));
  };
  expect_unknown([](struct stat& other) { ++other.st_ino; });
  expect_unknown([](struct stat& other) { ++other.st_size; });
  expect_unknown([](struct stat& other) { ++other.st_mtim.tv_nsec; });
  expect_unknown([](struct stat& other) { ++other.st_ctim.tv_nsec; });
  EXPECT_EQ(mode_of(folder / "cache/stat"), 0600U);
}

TEST(StatCache, KeepsTheLastOfSeveral) {
  const TempFolder folder;
  const struct stat info = stat_of(folder.path());
  for (const char* content : {"1", "2", "3"}) {
    StatCache cache(folder / "stat");
    cache.add("/a", info, later(), sha256("other"));
    cache.add("/a", info, later(), sha256(content));
    cache.add("/b", info, later(), sha256("b"));
    cache.save();
  }
  StatCache cache(folder / "stat");
  EXPECT_EQ(cache.find("/a", info), sha256("3"));
  EXPECT_EQ(cache.find("/b", info), sha256("b"));
}

TEST(StatCache, FindsEachOfAnyNumber) {
  const TempFolder folder;
  const struct stat info = stat_of(folder.path());
  for (const int count : {1, 2, 3, 10, 100, 5000}) {
    const auto path = [&](int i) { return "/" + std::to_string(count) + "/" + std::to_string(i); };
    const fs::path file = folder / std::to_string(count);
    {
      StatCache cache(file);
      for (int i = 0; i < count; ++i) cache.add(path(i), info, later(), sha256(path(i)));
      cache.save();
    }
    StatCache cache(file);
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(cache.find(path(i), info), sha256(path(i))) << path(i);
    }
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(cache.find("/none/" + std::to_string(i), info));
  }
}

TEST(StatCache, DoesNotRememberWhatWasJustTouched) {
  const TempFolder folder;
  write_text(folder / "a", "1");
  StatCache cache(folder / "stat");
  EXPECT_EQ(tree_digest({.root = folder.path(), .cache = &cache}).files_read, 1U);
  cache.save();
  EXPECT_FALSE(fs::exists(folder / "stat"));
}

TEST(StatCache, SparesReading) {
  const TempFolder folder;
  for (const char* name : {"in/a", "in/b/c"}) write_text(folder / name, name);
  const std::string expected = digest_of(folder / "in");
  StatCache cache(folder / "stat");
  for (const char* name : {"in/a", "in/b/c"}) {
    cache.add((folder / name).string(), stat_of(folder / name), later(), sha256(name));
  }
  const TreeDigest digest = tree_digest({.root = folder / "in", .cache = &cache});
  EXPECT_EQ(digest.files_read, 0U);
  EXPECT_EQ(hex(digest.digest), expected);
}

TEST(StatCache, ForgetsAllWhenOneByteIsDamaged) {
  const TempFolder folder;
  const struct stat info = stat_of(folder.path());
  const fs::path file = folder / "stat";
  {
    StatCache cache(file);
    cache.add("/a", info, later(), sha256("1"));
    cache.save();
  }
  const std::string good = read_file(file).value();
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    write_text(file, bad);
    EXPECT_FALSE(StatCache(file).find("/a", info)) << i;
    write_text(file, good.substr(0, i));
    EXPECT_FALSE(StatCache(file).find("/a", info)) << i;
  }
  write_text(file, good);
  EXPECT_TRUE(StatCache(file).find("/a", info));
}

}  // namespace
}  // namespace cooper::source
