// Packing a folder, and what unpacking makes of it.

#include "process/child.h"
#include "source/archive_reader.h"
#include "source/block_writer.h"
#include "source/pack.h"
#include "source/tar_writer.h"
#include "source/tree_digest.h"
#include "unit/source_test_support.h"

#include <gmock/gmock.h>

#include <chrono>
#include <random>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <vector>

namespace cooper::source {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> names_in(std::string_view archive) {
  const Fd in = memory_file(archive);
  ArchiveReader reader(in.get());
  std::vector<std::string> names;
  while (const auto entry = reader.next()) names.push_back(entry->path);
  return names;
}

IgnoreRules rules(std::string_view text) { return IgnoreRules::parse(text).value(); }

/// Incompressible over less than 1 MiB.
std::string random_text(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(std::min(size, std::size_t{1} << 20), '\0');
  for (char& c : text) c = static_cast<char>(random());
  while (text.size() < size) text += text.substr(0, size - text.size());
  return text;
}

/// A bit of everything.
void make_tree(const fs::path& folder) {
  write_text(folder / "plain", "text\n");
  write_text(folder / "empty", "");
  write_text(folder / "run.sh", "#!/bin/sh\n");
  fs::permissions(folder / "run.sh", fs::perms{0755});
  write_text(folder / "private", "x");
  fs::permissions(folder / "private", fs::perms{0600});
  fs::create_directories(folder / "empty folder");
  fs::permissions(folder / "empty folder", fs::perms{0711});
  write_text(folder / "read-only" / "inside", "y");
  fs::permissions(folder / "read-only", fs::perms{0555});
  fs::create_symlink("../run.sh", folder / "empty folder" / "up");
  fs::create_symlink("/nowhere/at/all", folder / "dangling");
  fs::create_symlink("empty folder", folder / "to a folder");
  write_text(folder / "naïve-日本語-🚀", "unicode");
  write_text(folder / "not utf-8: \xff\xfe", "bytes");
  write_text(folder / "new\nline", "still a name");
  write_text(folder / "large", random_text((std::size_t{5} << 20) + 3, 1));
}

TEST(Pack, RoundTripKeepsContentModesLinksAndEmptyFolders) {
  const TempFolder from, to;
  make_tree(from.path());
  PackResult result;
  const std::string archive = packed({.folder = from.path()}, &result);
  const UnpackResult unpacked = unpack_bytes(archive, to.path());

  EXPECT_EQ(tree_of(to.path()), tree_of(from.path()));
  EXPECT_EQ(result.files, 9);
  EXPECT_EQ(result.folders, 2);
  EXPECT_EQ(result.links, 3);
  EXPECT_EQ(result.archive_bytes, archive.size());
  EXPECT_THAT(result.warnings, IsEmpty());
  EXPECT_EQ(unpacked.files, result.files);
  EXPECT_EQ(unpacked.folders, result.folders);
  EXPECT_EQ(unpacked.links, result.links);
  EXPECT_EQ(unpacked.bytes, result.bytes);
  EXPECT_EQ(result.tree, tree_digest({.root = to.path()}).digest);
}

TEST(Pack, RoundTripKeepsNamesOfEveryLength) {
  const TempFolder from, to;
  // Around the limits of ustar: 100 for the name, 155 for the prefix.
  for (const std::size_t length : {1U, 98U, 99U, 100U, 101U, 154U, 155U, 156U, 254U, 255U}) {
    write_text(from / std::string(length, 'n'), std::to_string(length));
    fs::create_directories(from / ("d" + std::string(length - 1, 'd')) / std::string(100, 'e'));
    write_text(from / ("d" + std::string(length - 1, 'd')) / std::string(length, 'f'), "f");
    fs::create_symlink(std::string(length, 't'), from / ("l" + std::to_string(length)));
  }
  fs::path deep = from.path();
  for (int i = 0; i < 14; ++i) deep /= std::string(250, static_cast<char>('a' + i));
  write_text(deep / "bottom", "far down");
  unpack_bytes(packed({.folder = from.path()}), to.path());
  EXPECT_EQ(tree_of(to.path()), tree_of(from.path()));
}

TEST(Pack, OtherToolsReadTheArchive) {
  const TempFolder from, to;
  make_tree(from.path());
  write_text(from / std::string(200, 'l') / std::string(200, 'm'), "long");
  write_text(to / "archive.tar.zst", packed({.folder = from.path()}));
  fs::create_directory(to / "tree");
  const process::Captured tar = process::run(
      {.argv = {"tar", "--zstd", "--no-same-owner", "-xpf", (to / "archive.tar.zst").string()},
       .environment = process::own_environment(),
       .folder = to / "tree"});
  ASSERT_TRUE(tar.status.ok()) << tar.err;
  EXPECT_EQ(tar.err, "");
  EXPECT_EQ(tree_of(to / "tree"), tree_of(from.path()));
}

TEST(Pack, SameFolderGivesSameBytesWhateverTheThreads) {
  const TempFolder from;
  make_tree(from.path());
  const std::string one = packed({.folder = from.path(), .threads = 1});
  EXPECT_EQ(packed({.folder = from.path(), .threads = 1}), one);
  EXPECT_EQ(packed({.folder = from.path(), .threads = 2}), one);
  EXPECT_EQ(packed({.folder = from.path(), .threads = 7}), one);
}

TEST(Pack, CopyWithOtherTimesAndOrderGivesSameBytes) {
  const TempFolder from, copy;
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("f" + std::to_string(i * 7919 % 1000));
  for (const std::string& name : names) write_text(from / name, name);
  std::shuffle(names.begin(), names.end(), std::mt19937(3));
  for (const std::string& name : names) {
    write_text(copy / name, name);
    fs::last_write_time(copy / name, fs::file_time_type::clock::now() - std::chrono::hours(99));
  }
  EXPECT_EQ(packed({.folder = copy.path()}), packed({.folder = from.path()}));
}

TEST(Pack, EveryDifferenceThatMattersChangesTheBytes) {
  const TempFolder from;
  write_text(from / "a", "1");
  const std::string before = packed({.folder = from.path()});
  fs::permissions(from / "a", fs::perms{0755});
  const std::string other_mode = packed({.folder = from.path()});
  EXPECT_NE(other_mode, before);
  fs::create_directory(from / "b");
  EXPECT_NE(packed({.folder = from.path()}), other_mode);
}

TEST(Pack, SortsNamesByTheirBytes) {
  const TempFolder from;
  for (const char* name : {"b", "a/z", "a-b", "B", "a.txt", "é"}) write_text(from / name, "");
  EXPECT_THAT(names_in(packed({.folder = from.path()})),
              ElementsAre("B", "a/", "a/z", "a-b", "a.txt", "b", "é"));
}

TEST(Pack, DropsOwnersAndSpecialBits) {
  const TempFolder from, to;
  write_text(from / "tool", "x");
  ASSERT_EQ(::chmod((from / "tool").c_str(), 06755), 0);
  fs::create_directory(from / "shared");
  ASSERT_EQ(::chmod((from / "shared").c_str(), 01777), 0);
  unpack_bytes(packed({.folder = from.path()}), to.path());
  EXPECT_EQ(tree_of(to.path()),
            (std::map<std::string, std::string>{{"tool", "0755 x"}, {"shared", "0777 folder"}}));
}

TEST(Pack, LeavesOutWhatRulesExclude) {
  const TempFolder from;
  for (const char* name : {"app.js", "node_modules/a/index.js", "log/x.log", "log/keep/y.log"}) {
    write_text(from / name, "");
  }
  EXPECT_THAT(
      names_in(packed({.folder = from.path(), .ignore = rules("node_modules\nlog\n!log/keep\n")})),
      ElementsAre("app.js", "log/", "log/keep/", "log/keep/y.log"));
}

/// Whether packing with these rules opens the folder `closed`.
bool is_entered(const fs::path& folder, std::string_view ignore) {
  const Fd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  EXPECT_GE(::inotify_add_watch(watch.get(), (folder / "closed").c_str(), IN_OPEN), 0);
  packed({.folder = folder, .ignore = rules(ignore)});
  std::array<char, 4096> events{};
  return read_some(watch.get(), events) > 0;
}

TEST(Pack, DoesNotEnterAnExcludedFolder) {
  const TempFolder from;
  write_text(from / "closed" / "x", "");
  write_text(from / "app", "");
  EXPECT_TRUE(is_entered(from.path(), ""));
  EXPECT_TRUE(is_entered(from.path(), "closed\n!closed/x\n"));
  EXPECT_FALSE(is_entered(from.path(), "closed\n"));
  EXPECT_FALSE(is_entered(from.path(), "*\n!app\n"));
}

TEST(Pack, ExcludedFolderWithNothingBroughtBackLeavesNoTrace) {
  const TempFolder from;
  write_text(from / "log" / "a" / "x", "");
  write_text(from / "app", "");
  EXPECT_THAT(names_in(packed({.folder = from.path(), .ignore = rules("log\n!**/keep\n")})),
              ElementsAre("app"));
}

TEST(Pack, AlwaysOutdoesTheRules) {
  const TempFolder from;
  for (const char* name : {".dockerignore", "convox.yml", "web/Dockerfile", "web/app", "etc/a/b"}) {
    write_text(from / name, "");
  }
  EXPECT_THAT(names_in(packed({.folder = from.path(),
                               .ignore = rules("*\n"),
                               .always = {"convox.yml", "./web//x/../Dockerfile", "etc", "missing",
                                          "../outside", "/etc"}})),
              ElementsAre("convox.yml", "etc/", "etc/a/", "etc/a/b", "web/", "web/Dockerfile"));
}

TEST(Pack, LeavesOutSocketsAndFifosAndSaysSo) {
  const TempFolder from;
  ASSERT_EQ(::mkfifo((from / "pipe").c_str(), 0600), 0);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  (from / "sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  write_text(from / "kept", "");
  PackResult result;
  EXPECT_THAT(names_in(packed({.folder = from.path()}, &result)), ElementsAre("kept"));
  EXPECT_THAT(result.warnings,
              ElementsAre("pipe was left out: it is a fifo", "sock was left out: it is a socket"));
}

TEST(Pack, CapsItsWarnings) {
  const TempFolder from;
  for (int i = 0; i < 150; ++i) {
    ASSERT_EQ(::mkfifo((from / ("pipe" + std::to_string(i))).c_str(), 0600), 0);
  }
  PackResult result;
  packed({.folder = from.path()}, &result);
  ASSERT_EQ(result.warnings.size(), 100);
  EXPECT_EQ(result.warnings.back(), "51 more files were left out or changed");
}

TEST(Pack, UnreadableFileIsAnErrorThatNamesIt) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every file";
  const TempFolder from;
  write_text(from / "sub" / "secret", "x");
  fs::permissions(from / "sub" / "secret", fs::perms{0});
  std::string message;
  EXPECT_EQ(code_of([&] { packed({.folder = from.path()}); }, &message), Errc::denied);
  EXPECT_THAT(message, HasSubstr("sub/secret"));
}

TEST(Pack, FolderMustBeOne) {
  const TempFolder from;
  write_text(from / "file", "x");
  EXPECT_EQ(code_of([&] { packed({.folder = from / "missing"}); }), Errc::not_found);
  EXPECT_EQ(code_of([&] { packed({.folder = from / "file"}); }), Errc::invalid);
}

TEST(Pack, EmptyFolderGivesAnEmptyArchive) {
  const TempFolder from;
  EXPECT_THAT(names_in(packed({.folder = from.path()})), IsEmpty());
}

TEST(Pack, OutputThatFailsIsAnError) {
  const TempFolder from;
  write_text(from / "x", random_text(std::size_t{20} << 20, 2));
  const Fd full = open_file("/dev/full", O_WRONLY);
  EXPECT_EQ(code_of([&] { pack({.folder = from.path()}, full.get()); }), Errc::unavailable);
}

TEST(Pack, StopRequestEndsItInTheMiddleOfAFile) {
  const TempFolder from;
  write_text(from / "x", random_text(std::size_t{64} << 20, 2));
  Pipe pipe = make_pipe();
  std::stop_source stop;
  const std::jthread reader([&] {
    std::array<char, 65536> some{};
    read_some(pipe.read.get(), some);
    stop.request_stop();
    while (read_some(pipe.read.get(), some) > 0) {
    }
  });
  EXPECT_EQ(code_of([&] { pack({.folder = from.path()}, pipe.write.get(), stop.get_token()); }),
            Errc::canceled);
  pipe.write.reset();
}

TEST(Pack, ReadErrorNamesTheFile) {
  const fs::path write_only = "/sys/bus/cpu/uevent";
  if (!fs::exists(write_only)) GTEST_SKIP() << write_only << " is not here";
  std::string message;
  code_of(
      [&] {
        packed({.folder = write_only.parent_path(), .ignore = rules("*"), .always = {"uevent"}});
      },
      &message);
  EXPECT_THAT(message, HasSubstr("uevent"));
}

/// Writes an entry of `size` from a file that holds `content`, then another.
TarWriter::Content write_changed(std::uint64_t size, std::string_view content,
                                 std::string* read_back) {
  const Fd out = memory_file();
  BlockWriter compressed(out.get(), zstd_compressor(1), 1);
  TarWriter tar(compressed, 0);
  const TarWriter::Written result = tar.file("f", 0644, size, memory_file(content).get());
  tar.file("after", 0644, 1, memory_file("!").get());
  tar.finish();
  compressed.finish();
  const TempFolder to;
  unpack_bytes(all_of(out), to.path());
  // What is told of the content is what is in the archive.
  EXPECT_EQ(result.digest, sha256(read_file(to / "f").value()));
  *read_back = read_file(to / "f").value() + read_file(to / "after").value();
  return result.content;
}

TEST(Pack, FileThatChangesSizeKeepsTheSizeItHad) {
  using namespace std::string_literals;
  std::string read_back;
  EXPECT_EQ(write_changed(4, "1234", &read_back), TarWriter::Content::exact);
  EXPECT_EQ(read_back, "1234!");
  EXPECT_EQ(write_changed(3, "1234", &read_back), TarWriter::Content::grew);
  EXPECT_EQ(read_back, "123!");
  EXPECT_EQ(write_changed(6, "1234", &read_back), TarWriter::Content::shrank);
  EXPECT_EQ(read_back, "1234\0\0!"s);
  const std::string three_blocks(3 * BlockWriter::kBlockSize, 'x');
  EXPECT_EQ(write_changed(three_blocks.size() + 9, three_blocks, &read_back),
            TarWriter::Content::shrank);
  EXPECT_EQ(read_back, three_blocks + std::string(9, '\0') + "!");
}

}  // namespace
}  // namespace cooper::source
