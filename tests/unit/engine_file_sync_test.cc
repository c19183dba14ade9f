// What a BuildKit daemon gets of a folder: order, contents, what is asked for.

#include "engine/buildkit/file_sync.h"
#include "source/content_time.h"
#include "unit/engine_sync_support.h"

#include <gmock/gmock.h>

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <random>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace cooper::engine::buildkit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr source::ContentTime::Key kKey{1, 2, 3};

void set_times(const std::filesystem::path& path, std::int64_t seconds) {
  const timespec times[2] = {{0, UTIME_OMIT}, {seconds, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

TEST(FileSync, SendsFoldersBeforeTheirSiblingsNames) {
  const TempFolder folder;
  for (const char* name : {"d/x", "d-0", "d.0", "d0", "a", "\xff", "D", "d/y/z"}) {
    write_text(folder / name, name);
  }
  EXPECT_THAT(paths_sent({.root = folder.path()}),
              ElementsAre("D", "a", "d", "d/x", "d/y", "d/y/z", "d-0", "d.0", "d0", "\xff"));
}

TEST(FileSync, SendsAnEmptyTree) {
  const TempFolder folder;
  EXPECT_THAT(paths_sent({.root = folder.path()}), IsEmpty());
}

TEST(FileSync, SendsContentsModesAndLinks) {
  const TempFolder folder;
  const std::string large(1'000'000, 'x');
  write_text(folder / "large", large);
  write_text(folder / "empty", "");
  write_text(folder / "run", "#!");
  ::chmod((folder / "run").c_str(), 04755);
  std::filesystem::create_directory(folder / "tmp");
  ::chmod((folder / "tmp").c_str(), 01777);
  std::filesystem::create_symlink("/etc/passwd", folder / "link");
  set_times(folder / "large", 1'234'567'890);
  Receiver receiver;
  const TreeSent sent = transfer(receiver, {.root = folder.path()});
  EXPECT_EQ(receiver.tree["large"].content, large);
  EXPECT_EQ(receiver.tree["large"].stat.mod_time, 1'234'567'890'000'000'000);
  EXPECT_EQ(receiver.tree["empty"].content, "");
  EXPECT_EQ(receiver.tree["run"].stat.mode, kModeSetuid | 0755U);
  EXPECT_EQ(receiver.tree["tmp"].stat.mode, kModeFolder | kModeSticky | 0777U);
  EXPECT_EQ(receiver.tree["tmp"].stat.size, 0);
  EXPECT_EQ(receiver.tree["link"].stat.mode, kModeSymlink | 0777U);
  EXPECT_EQ(receiver.tree["link"].stat.linkname, "/etc/passwd");
  EXPECT_EQ(receiver.tree["link"].stat.size, 11);
  EXPECT_EQ(sent.entries, 5U);
  EXPECT_EQ(sent.requested, 3U);
  EXPECT_EQ(sent.bytes, 1'000'002U);
  EXPECT_THAT(sent.warnings, IsEmpty());
}

TEST(FileSync, SendsHardLinksAfterTheFirstThatIsSent) {
  const TempFolder folder;
  write_text(folder / "a", "content");
  std::filesystem::create_hard_link(folder / "a", folder / "b");
  std::filesystem::create_directory(folder / "d");
  std::filesystem::create_hard_link(folder / "a", folder / "d/c");
  for (const bool without_a : {false, true}) {
    Receiver receiver;
    const source::ContentTime times(kKey);
    transfer(receiver,
             {.root = folder.path(),
              .exclude = without_a ? std::vector<std::string>{"a"} : std::vector<std::string>{},
              .times = &times});
    const std::string first = without_a ? "b" : "a";
    EXPECT_EQ(receiver.tree[first].content, "content");
    EXPECT_EQ(receiver.tree[first].stat.linkname, "");
    EXPECT_EQ(receiver.tree["d/c"].stat.linkname, first);
    EXPECT_EQ(receiver.tree["d/c"].stat.mod_time, receiver.tree[first].stat.mod_time);
    EXPECT_EQ(receiver.requested.size(), 1U);
  }
}

TEST(FileSync, LeavesOutWhatIsNoFileFolderOrLink) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder / "socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  write_text(folder / "file", "x");
  Receiver receiver;
  const TreeSent sent = transfer(receiver, {.root = folder.path()});
  EXPECT_THAT(receiver.order, ElementsAre("file"));
  EXPECT_THAT(sent.warnings, ElementsAre("fifo was left out: it is a fifo",
                                         "socket was left out: it is a socket"));
}

TEST(FileSync, SendsOnlyWhatChanged) {
  const TempFolder folder;
  for (int i = 0; i < 50; ++i) write_text(folder / ("d/" + std::to_string(i)), "content");
  const source::ContentTime times(kKey);
  const TreeRequest request{.root = folder.path(), .times = &times};
  Receiver receiver;
  EXPECT_EQ(transfer(receiver, request).requested, 50U);
  EXPECT_EQ(transfer(receiver, request).requested, 0U);
  // Same size, same time: only the content tells.
  struct stat before {};
  ::stat((folder / "d/7").c_str(), &before);
  write_text(folder / "d/7", "CONTENT");
  const timespec stamps[2] = {before.st_atim, before.st_mtim};
  ::utimensat(AT_FDCWD, (folder / "d/7").c_str(), stamps, 0);
  std::filesystem::remove(folder / "d/8");
  write_text(folder / "new", "");
  const TreeSent sent = transfer(receiver, request);
  EXPECT_THAT(receiver.requested, ElementsAre("d/7", "new"));
  EXPECT_EQ(sent.bytes, 7U);
  EXPECT_EQ(receiver.tree["d/7"].content, "CONTENT");
  EXPECT_FALSE(receiver.tree.contains("d/8"));
  // Touched, or made anew elsewhere: nothing to send.
  set_times(folder / "d/9", 5);
  EXPECT_EQ(transfer(receiver, request).requested, 0U);
}

TEST(FileSync, KeepsNoContentUnderTheTimeOfAnother) {
  const TempFolder folder;
  write_text(folder / "a", std::string(100, 'a'));
  const source::ContentTime times(kKey);
  const TreeRequest request{.root = folder.path(), .times = &times};
  Receiver receiver;
  receiver.on_stat = [&](const Stat&) { write_text(folder / "a", std::string(100, 'b')); };
  EXPECT_EQ(code_of([&] { transfer(receiver, request); }), Errc::conflict);
  EXPECT_EQ(receiver.failure, "a changed while it was sent");
}

TEST(FileSync, SendsVanishedFilesEmpty) {
  const TempFolder folder;
  write_text(folder / "a/file", "content");
  write_text(folder / "b", "content");
  Receiver receiver;
  receiver.ask = Receiver::Ask::backwards_at_the_end;
  receiver.on_stat = [&](const Stat& stat) {
    if (stat.path == "b") std::filesystem::remove_all(folder / "a");
  };
  const TreeSent sent = transfer(receiver, {.root = folder.path()});
  EXPECT_EQ(receiver.tree["a/file"].content, "");
  EXPECT_EQ(receiver.tree["b"].content, "content");
  EXPECT_THAT(sent.warnings,
              ElementsAre("a/file is empty there: it could not be read when it was sent"));
}

TEST(FileSync, FollowsNoLinkThatTookAFoldersPlace) {
  const TempFolder outside;
  write_text(outside / "file", "secret!");
  const TempFolder folder;
  write_text(folder / "a/file", "content");
  write_text(folder / "b", "content");
  Receiver receiver;
  receiver.ask = Receiver::Ask::backwards_at_the_end;
  receiver.on_stat = [&](const Stat& stat) {
    if (stat.path != "b") return;
    std::filesystem::remove_all(folder / "a");
    std::filesystem::create_directory_symlink(outside.path(), folder / "a");
    std::filesystem::remove(folder / "b");
    ASSERT_EQ(::mkfifo((folder / "b").c_str(), 0600), 0);
  };
  const TreeSent sent = transfer(receiver, {.root = folder.path()});
  EXPECT_EQ(receiver.tree["a/file"].content, "");
  EXPECT_EQ(receiver.tree["b"].content, "");
  EXPECT_EQ(sent.warnings.size(), 2U);
}

TEST(FileSync, CutsWhatGrowsAndSaysWhatShrinks) {
  const TempFolder folder;
  write_text(folder / "grows", "12345");
  write_text(folder / "shrinks", "12345");
  write_text(folder / "z", "");
  Receiver receiver;
  receiver.ask = Receiver::Ask::backwards_at_the_end;
  receiver.on_stat = [&](const Stat& stat) {
    if (stat.path != "z") return;
    write_text(folder / "grows", "1234567890");
    write_text(folder / "shrinks", "1");
  };
  const TreeSent sent = transfer(receiver, {.root = folder.path()});
  EXPECT_EQ(receiver.tree["grows"].content, "12345");
  EXPECT_EQ(receiver.tree["shrinks"].content, "1");
  EXPECT_THAT(sent.warnings, ElementsAre("shrinks shrank while it was sent"));
}

TEST(FileSync, TellsBothSidesWhatIsWrong) {
  const TempFolder folder;
  Receiver receiver;
  EXPECT_EQ(code_of([&] { transfer(receiver, {.root = folder / "missing"}); }), Errc::not_found);
  EXPECT_THAT(receiver.failure, HasSubstr("missing"));
  EXPECT_EQ(code_of([&] { transfer(receiver, {.root = folder.path(), .exclude = {"[a"}}); }),
            Errc::invalid);
  EXPECT_THAT(receiver.failure, HasSubstr("bad pattern"));
}

// --- any tree

/// Makes some files, folders and links in `folder`, or changes those there.
void scatter(const std::filesystem::path& folder, std::mt19937& random) {
  const auto pick = [&](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  const std::string names = "ad.-0";
  for (int i = pick(40); i >= 0; --i) {
    std::filesystem::path path = folder;
    for (int depth = pick(4); depth >= 0; --depth) {
      std::string name(1, names[static_cast<std::size_t>(pick(3) == 0 ? 1 : pick(2))]);
      if (pick(2) == 0) name += names[static_cast<std::size_t>(pick(5))];
      path /= name;
      if (depth > 0 && !std::filesystem::exists(std::filesystem::symlink_status(path))) {
        std::filesystem::create_directory(path);
      }
      if (depth > 0 && !std::filesystem::is_directory(std::filesystem::symlink_status(path))) break;
    }
    const auto status = std::filesystem::symlink_status(path);
    if (std::filesystem::is_directory(status)) {
      if (pick(4) == 0) std::filesystem::remove_all(path);
    } else if (pick(5) == 0) {
      std::filesystem::remove(path);
      std::filesystem::create_symlink(pick(2) == 0 ? "../a" : "nowhere", path);
    } else {
      std::filesystem::remove(path);
      write_text(path, std::string(static_cast<std::size_t>(pick(200'000)),
                                   static_cast<char>('a' + pick(3))));
    }
  }
}

void expect_same(const Tree& tree, const std::filesystem::path& folder) {
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    ++entries;
    const std::string path = entry.path().lexically_relative(folder).string();
    const auto held = tree.find(path);
    ASSERT_TRUE(held != tree.end()) << path;
    if (entry.is_symlink()) {
      EXPECT_EQ(held->second.stat.linkname, std::filesystem::read_symlink(entry.path())) << path;
    } else if (entry.is_regular_file()) {
      EXPECT_EQ(held->second.content, read_file(entry.path())) << path;
    }
  }
  EXPECT_EQ(tree.size(), entries);
}

class AnyTree : public testing::TestWithParam<unsigned> {};

TEST_P(AnyTree, ArrivesThroughAnyWindowAgainAndAgain) {
  std::mt19937 random(GetParam());
  const TempFolder folder;
  const source::ContentTime times(kKey);
  Receiver receiver;
  for (int round = 0; round < 4; ++round) {
    scatter(folder.path(), random);
    receiver.ask = random() % 2 == 0 ? Receiver::Ask::at_once : Receiver::Ask::backwards_at_the_end;
    transfer(receiver, {.root = folder.path(), .times = &times}, 1 + random() % 3);
    expect_same(receiver.tree, folder.path());
  }
  EXPECT_EQ(transfer(receiver, {.root = folder.path(), .times = &times}).requested, 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyTree, testing::Range(1U, 11U));

}  // namespace
}  // namespace cooper::engine::buildkit
