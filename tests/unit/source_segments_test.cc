// Archives in segments: packing takes over, and unpacking leaves alone, those that are the same.

#include "source/archive_table.h"
#include "source/repack.h"
#include "source/tree_digest.h"
#include "source/tree_update.h"
#include "unit/source_test_support.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <vector>

namespace cooper::source {
namespace {

namespace fs = std::filesystem;

constexpr int kPackages = 12;
constexpr int kFiles = 24;  // in each

/// Text that compresses somewhat, always the same for one seed.
std::string text_of(unsigned seed, std::size_t size) {
  std::minstd_rand random(seed + 1);
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>('a' + random() % 16);
  return text;
}

fs::path file_in(const fs::path& folder, int package, int file) {
  return folder / ("package-" + std::to_string(package)) / ("file-" + std::to_string(file));
}

/// The archive with another table in place of its own, which has so many bytes.
std::string with_table(const std::string& archive, const ArchiveTable& table,
                       std::optional<std::size_t> bytes = {}) {
  const std::string frame = table.frame();
  const std::size_t begin = table.end_offset - bytes.value_or(frame.size());
  return archive.substr(0, begin) + frame + archive.substr(table.end_offset);
}

class Segments : public testing::Test {
 protected:
  void SetUp() override {
    for (int package = 0; package < kPackages; ++package) {
      for (int file = 0; file < kFiles; ++file) {
        const auto seed = static_cast<unsigned>(package * kFiles + file);
        write_text(file_in(folder(), package, file), text_of(seed, 5000 + seed * 97 % 30000));
      }
    }
    fs::create_directory(folder() / "empty");
    fs::create_symlink("package-1", folder() / "link");
  }

  fs::path folder() const { return temp_ / "app"; }

  /// Takes over what it can of `earlier`. Empty if repack() does not.
  std::string repacked(std::string_view earlier, unsigned threads = 2) {
    TreeList list;
    const auto digest = quick_tree_digest({.root = folder(), .list = &list}, UINT64_MAX);
    const Fd file = memory_file(earlier);
    const Fd out = memory_file();
    const auto result =
        repack({.folder = folder(), .threads = threads}, list, file.get(), out.get());
    if (!result) return {};
    last_ = *result;
    EXPECT_EQ(last_.tree, digest->digest);
    return all_of(out);
  }

  struct Unpacked {
    fs::path folder;
    ContentDigests digests;
  };
  Unpacked unpacked(const std::string& archive) {
    Unpacked result{temp_ / ("unpacked-" + std::to_string(++unpacked_)), {}};
    fs::create_directory(result.folder);
    unpack(memory_file(archive).get(), result.folder, {}, {}, &result.digests);
    return result;
  }
  static std::optional<TreeUpdate> update(const std::string& archive, Unpacked& there,
                                          const Sha256Digest& tree) {
    return update_tree(memory_file(archive).get(), there.folder, hex(tree), there.digests);
  }

  /// The whole tree with its times; that each file's digest is known, and right.
  static void expect_same(const Unpacked& got, const Unpacked& wanted) {
    EXPECT_EQ(tree_of(got.folder), tree_of(wanted.folder));
    for (const auto& entry : fs::recursive_directory_iterator(got.folder)) {
      struct stat info {};
      ASSERT_EQ(::lstat(entry.path().c_str(), &info), 0);
      EXPECT_EQ(info.st_mtim.tv_sec, PackOptions().mtime) << entry.path();
      if (!S_ISREG(info.st_mode)) continue;
      const auto digest = got.digests.find(info);
      ASSERT_TRUE(digest) << entry.path();
      EXPECT_EQ(*digest, sha256(read_file(entry.path()).value()));
    }
  }

  TempFolder temp_;
  PackResult last_;
  int unpacked_ = 0;
};

struct Change {
  const char* name;
  std::function<void(const fs::path& folder)> make;
};

/// Each is made on top of those before.
std::vector<Change> changes() {
  return {
      {"none", [](const fs::path&) {}},
      {"content", [](const fs::path& f) { write_text(file_in(f, 3, 7), "changed"); }},
      {"grows over segments",
       [](const fs::path& f) { write_text(file_in(f, 5, 5), text_of(9, 5 << 20)); }},
      {"another end of the large one",
       [](const fs::path& f) { write_text(file_in(f, 5, 5), text_of(9, (5 << 20) - 1) + "!"); }},
      {"shrinks again", [](const fs::path& f) { write_text(file_in(f, 5, 5), ""); }},
      {"removed", [](const fs::path& f) { fs::remove(file_in(f, 0, 0)); }},
      {"folder removed", [](const fs::path& f) { fs::remove_all(f / "package-8"); }},
      {"renamed", [](const fs::path& f) { fs::rename(file_in(f, 2, 2), f / "zzz"); }},
      {"folder moved", [](const fs::path& f) { fs::rename(f / "package-4", f / "a"); }},
      {"mode", [](const fs::path& f) { ::chmod(file_in(f, 6, 6).c_str(), 0755); }},
      {"folder's mode", [](const fs::path& f) { ::chmod((f / "package-6").c_str(), 0700); }},
      {"link leads elsewhere",
       [](const fs::path& f) {
         fs::remove(f / "link");
         fs::create_symlink("package-2", f / "link");
       }},
      {"file becomes folder",
       [](const fs::path& f) {
         fs::remove(file_in(f, 7, 1));
         write_text(file_in(f, 7, 1) / "inner/deep", "d");
       }},
      {"folder becomes file",
       [](const fs::path& f) {
         fs::remove_all(f / "package-9");
         write_text(f / "package-9", "was a folder");
       }},
      {"folder becomes link",
       [](const fs::path& f) {
         fs::remove(f / "empty");
         fs::create_symlink("/etc", f / "empty");
       }},
      {"link becomes file",
       [](const fs::path& f) {
         fs::remove(f / "link");
         write_text(f / "link", "l");
       }},
      {"added at both ends",
       [](const fs::path& f) {
         write_text(f / "!first", "1");
         write_text(f / "~last", "2");
         fs::create_directories(f / "package-1-and/empty");
       }},
  };
}

TEST_F(Segments, RepackingGivesTheVeryBytesOfPacking) {
  std::string earlier = packed({.folder = folder(), .threads = 1});
  for (const Change& change : changes()) {
    SCOPED_TRACE(change.name);
    change.make(folder());
    PackResult whole;
    const std::string anew = packed({.folder = folder(), .threads = 3}, &whole);
    EXPECT_EQ(whole.taken_bytes, 0U);
    for (const unsigned threads : {1U, 3U}) {
      EXPECT_TRUE(repacked(earlier, threads) == anew) << threads;
    }
    EXPECT_GT(last_.taken_bytes, 0U);
    EXPECT_EQ(last_.files, whole.files);
    EXPECT_EQ(last_.folders, whole.folders);
    EXPECT_EQ(last_.links, whole.links);
    EXPECT_EQ(last_.bytes, whole.bytes);
    EXPECT_EQ(last_.archive_bytes, anew.size());
    earlier = anew;
  }
}

TEST_F(Segments, OneChangedFileCostsOneSegment) {
  const std::string earlier = packed({.folder = folder()});
  const auto table = read_table(memory_file(earlier).get());
  ASSERT_TRUE(table);
  ASSERT_GT(table->segments.size(), 4U);
  std::uint64_t all = 0;
  std::uint64_t largest = 0;
  for (const Segment& segment : table->segments) {
    all += segment.bytes;
    largest = std::max(largest, segment.bytes);
  }
  std::string content = read_file(file_in(folder(), 3, 7)).value();
  content[5] = '!';
  write_text(file_in(folder(), 3, 7), content);
  ASSERT_FALSE(repacked(earlier).empty());
  EXPECT_GE(last_.taken_bytes, all - largest);
  EXPECT_LT(last_.taken_bytes, all);
}

TEST_F(Segments, SomebodyElsesToolsReadTheArchive) {
  write_text(temp_ / "a.tar.zst", packed({.folder = folder()}));
  fs::create_directory(temp_ / "by-tar");
  const std::string archive = (temp_ / "a.tar.zst").string();
  ASSERT_EQ(std::system(("zstd -tq " + archive).c_str()), 0);
  ASSERT_EQ(
      std::system(("zstd -dcq " + archive + " | tar -xpC " + (temp_ / "by-tar").string()).c_str()),
      0);
  EXPECT_EQ(tree_of(temp_ / "by-tar"), tree_of(folder()));
}

TEST_F(Segments, TakesNothingFromAnArchiveThatDoesNotFit) {
  const std::string whole = packed({.folder = folder()});
  EXPECT_FALSE(repacked(whole).empty());
  EXPECT_TRUE(repacked("").empty());
  EXPECT_TRUE(repacked(whole.substr(0, whole.size() / 2)).empty());
  EXPECT_TRUE(repacked(whole.substr(1)).empty());
  EXPECT_TRUE(repacked(raw_tar(RawEntry{.name = "a"})).empty());
  EXPECT_TRUE(repacked(packed({.folder = folder(), .level = 4})).empty());
  EXPECT_TRUE(repacked(packed({.folder = folder(), .mtime = 1})).empty());
  auto table = read_table(memory_file(whole).get()).value();
  EXPECT_EQ(with_table(whole, table), whole);
  ++table.maker.zstd;
  EXPECT_TRUE(repacked(with_table(whole, table)).empty());
}

TEST_F(Segments, FolderThatIsNotAsListedIsNotRepacked) {
  const std::string earlier = packed({.folder = folder()});
  write_text(file_in(folder(), 3, 7), "changed");
  TreeList list;
  ASSERT_TRUE(quick_tree_digest({.root = folder(), .list = &list}, UINT64_MAX));
  const Fd from = memory_file(earlier);
  const Fd out = memory_file("before");
  ::lseek(out.get(), 0, SEEK_END);
  const auto again = [&] { return repack({.folder = folder()}, list, from.get(), out.get()); };
  for (const std::function<void()>& change : std::vector<std::function<void()>>{
           [&] { write_text(file_in(folder(), 3, 7), "CHANGED"); },
           [&] { write_text(file_in(folder(), 3, 7), "longer than it was"); },
           [&] { fs::remove(file_in(folder(), 3, 7)); },
           [&] { fs::create_symlink("file-8", file_in(folder(), 3, 7)); },
       }) {
    change();
    EXPECT_FALSE(again());
    EXPECT_EQ(all_of(out), "before");
  }
  fs::remove(file_in(folder(), 3, 7));
  write_text(file_in(folder(), 3, 7), "changed");
  EXPECT_TRUE(again());
}

TEST_F(Segments, DamagedTableIsSeen) {
  const std::string whole = packed({.folder = folder()});
  const auto table = read_table(memory_file(whole).get());
  ASSERT_TRUE(table);
  const Sha256Digest tree = table->list.digest();
  EXPECT_EQ(tree, tree_digest({.root = folder()}).digest);
  const std::size_t begin = table->end_offset - table->frame().size();
  for (std::size_t at = begin; at < whole.size(); at += at < begin + 180 ? 7 : 397) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    // Whatever is left of it, it is not taken for the table of this tree, but for what
    // tells how large files are or where segments lie, whose content is checked then.
    const auto got = read_table(memory_file(damaged).get());
    if (!got || got->list.digest() != tree) continue;
    Unpacked there{temp_ / ("damaged-" + std::to_string(at)), {}};
    fs::create_directory(there.folder);
    try {
      update(damaged, there, tree);
      EXPECT_EQ(tree_digest({.root = there.folder}).digest, tree) << at - begin;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::corrupt) << error.message();
    }
    fs::remove_all(there.folder);
  }
  for (const std::size_t size : {begin, begin + 8, begin + 100, table->end_offset - 1}) {
    EXPECT_FALSE(read_table(memory_file(whole.substr(0, size)).get())) << size;
  }
  EXPECT_FALSE(read_table(memory_file("x" + whole).get()));
}

TEST_F(Segments, UpdatingGivesTheVeryTreeOfUnpacking) {
  Unpacked there = unpacked(packed({.folder = folder()}));
  for (const Change& change : changes()) {
    SCOPED_TRACE(change.name);
    change.make(folder());
    PackResult result;
    const std::string archive = packed({.folder = folder()}, &result);
    const auto updated = update(archive, there, result.tree);
    ASSERT_TRUE(updated);
    expect_same(there, unpacked(archive));
    EXPECT_LT(updated->bytes_read, archive.size());
    const auto again = update(archive, there, result.tree);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->written + again->removed + again->bytes_read, 0U);
  }
}

TEST_F(Segments, UpdatingWritesOnlyWhatIsOther) {
  Unpacked there = unpacked(packed({.folder = folder()}));
  const auto inodes = [&] {
    std::map<fs::path, ino_t> found;
    for (const auto& entry : fs::recursive_directory_iterator(there.folder)) {
      struct stat info {};
      EXPECT_EQ(::lstat(entry.path().c_str(), &info), 0);
      found[entry.path()] = info.st_ino;
    }
    return found;
  };
  auto before = inodes();
  fs::remove(file_in(folder(), 1, 1));
  write_text(file_in(folder(), 3, 7), "changed");
  PackResult result;
  const std::string archive = packed({.folder = folder()}, &result);
  const auto updated = update(archive, there, result.tree);
  ASSERT_TRUE(updated);
  EXPECT_EQ(updated->written, 1U);
  EXPECT_EQ(updated->removed, 1U);
  auto after = inodes();
  before.erase(file_in(there.folder, 1, 1));
  for (auto* one : {&before, &after}) one->erase(file_in(there.folder, 3, 7));
  EXPECT_EQ(before, after);
}

TEST_F(Segments, UpdatingMendsWhatSomebodyDidToTheFolder) {
  PackResult result;
  const std::string archive = packed({.folder = folder()}, &result);
  Unpacked there = unpacked(archive);
  const fs::path& f = there.folder;
  const std::string content = read_file(file_in(f, 1, 1)).value();
  write_text(file_in(f, 1, 1), std::string(content.size(), '!'));  // same size
  const timespec times[2] = {{0, UTIME_OMIT}, {PackOptions().mtime, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, file_in(f, 1, 1).c_str(), times, 0), 0);
  write_text(f / "package-1/more/deep", "not of the archive");
  write_text(f / "package-1-", "beside");
  fs::remove_all(f / "package-2");
  fs::create_symlink("/etc", f / "package-2");
  ASSERT_EQ(::mkfifo((f / "package-3/fifo").c_str(), 0600), 0);
  ::chmod(file_in(f, 5, 5).c_str(), 0600);
  ASSERT_TRUE(update(archive, there, result.tree));
  expect_same(there, unpacked(archive));

  // As after a kill in the middle, with digests of what was there before.
  there.digests = {};
  ASSERT_TRUE(update(archive, there, result.tree));
  expect_same(there, unpacked(archive));
}

TEST_F(Segments, UpdatingLeavesAloneWhatIsNotTheArchives) {
  PackResult result;
  const std::string archive = packed({.folder = folder()}, &result);
  Unpacked there = unpacked(archive);
  write_text(there.folder / "more", "m");
  EXPECT_FALSE(update(archive, there, Sha256Digest{}));
  EXPECT_FALSE(update(archive.substr(1), there, result.tree));
  EXPECT_TRUE(fs::exists(there.folder / "more"));

  fs::create_symlink(there.folder, temp_ / "link");
  Unpacked link{temp_ / "link", {}};
  EXPECT_THROW(update(archive, link, result.tree), Error);
  EXPECT_TRUE(fs::exists(there.folder / "more"));
}

TEST_F(Segments, SegmentThatIsNotWhatTheTableSaysIsRefused) {
  PackResult result;
  const std::string archive = packed({.folder = folder()}, &result);
  Unpacked there = unpacked(archive);
  fs::remove(file_in(there.folder, 0, 0));
  std::string damaged = archive;
  damaged[5000] = static_cast<char>(damaged[5000] ^ 1);
  EXPECT_EQ(code_of([&] { update(damaged, there, result.tree); }), Errc::corrupt);

  // The entries of one tree under the table of another.
  write_text(file_in(folder(), 0, 0), "other content");
  PackResult other;
  const std::string second = packed({.folder = folder()}, &other);
  auto table = read_table(memory_file(archive).get()).value();
  const std::size_t bytes = table.frame().size();
  table.list = read_table(memory_file(second).get()).value().list;
  const std::string mixed = with_table(archive, table, bytes);
  EXPECT_EQ(code_of([&] { update(mixed, there, other.tree); }), Errc::corrupt);

  // The same, where the file with the other content need not be written.
  Unpacked new_one = unpacked(second);
  fs::remove(file_in(new_one.folder, 0, 1));
  EXPECT_EQ(code_of([&] { update(mixed, new_one, other.tree); }), Errc::corrupt);

  fs::rename(file_in(folder(), 0, 0), file_in(folder(), 0, 9999));
  const std::string third = packed({.folder = folder()}, &other);
  table.list = read_table(memory_file(third).get()).value().list;
  EXPECT_EQ(code_of([&] { update(with_table(archive, table, bytes), there, other.tree); }),
            Errc::corrupt);
}

}  // namespace
}  // namespace cooper::source
