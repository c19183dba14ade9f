#include "base/fd.h"
#include "base/file.h"
#include "unit/test_support.h"

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

namespace cooper {
namespace {
namespace fs = std::filesystem;

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::ranges::sort(names);
  return names;
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

std::size_t open_descriptors() { return list_folder("/proc/self/fd").size(); }

// Descriptors

TEST(FdTest, OwnsOneDescriptor) {
  Fd a = open_file("/dev/null", O_RDONLY);
  const int number = a.get();
  EXPECT_TRUE(is_open(number));
  EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
  Fd b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): moved from means empty
  Fd& same = b;
  b = std::move(same);
  EXPECT_EQ(b.get(), number);
  Fd c = open_file("/dev/null", O_RDONLY);
  const int closed = c.get();
  c = std::move(b);
  EXPECT_FALSE(is_open(closed));
  EXPECT_EQ(c.get(), number);
  Fd d(c.release());
  EXPECT_FALSE(c);
  d.reset();
  EXPECT_FALSE(is_open(number));
}

TEST(FdTest, OpenSaysWhatAndWhy) {
  TempFolder folder;
  const Error error = error_of([&] { open_file(folder / "absent", O_RDONLY); });
  EXPECT_EQ(error.code(), Errc::not_found);
  EXPECT_NE(error.message().find((folder / "absent").string()), std::string::npos);
}

TEST(FdTest, NothingLeadsOutOfTheFolder) {
  TempFolder folder;
  fs::create_directories(folder / "in/sub");
  write_text(folder / "secret", "s");
  write_text(folder / "in/file", "f");
  fs::create_symlink("../secret", folder / "in/link");
  fs::create_symlink("file", folder / "in/inner");
  fs::create_symlink("..", folder / "in/sub/up");
  fs::create_symlink("/", folder / "in/rootlink");
  const Fd in = open_file(folder / "in", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(read_open_file(open_beneath(in, "file", O_RDONLY), "file", 10), "f");
  EXPECT_EQ(read_open_file(open_beneath(in, "sub/../file", O_RDONLY), "file", 10), "f");
  for (const std::string path : {"../secret", "link", "inner", "sub/up/file", "sub/../../secret",
                                 "rootlink/etc/passwd", "/etc/passwd", ""}) {
    EXPECT_NE(code_of([&] { open_beneath(in, path, O_RDONLY); }), std::nullopt) << path;
  }
  EXPECT_NE(code_of([&] { open_beneath(in, "../made", O_WRONLY | O_CREAT, 0600); }), std::nullopt);
  EXPECT_FALSE(fs::exists(folder / "made"));
  EXPECT_EQ(code_of([&] { open_beneath(in, "absent", O_RDONLY); }), Errc::not_found);
}

TEST(FdTest, WriteAllOvercomesShortWrites) {
  Pipe pipe = make_pipe();
  EXPECT_NE(::fcntl(pipe.read.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(pipe.write.get(), F_GETFD) & FD_CLOEXEC, 0);
  const std::string sent(1'000'000, 'x');  // far beyond a pipe's capacity
  std::string seen;
  std::thread reader([&] {
    char buffer[777];
    for (ssize_t n; (n = read_some(pipe.read.get(), buffer)) > 0;) {
      seen.append(buffer, static_cast<std::size_t>(n));
    }
  });
  write_all(pipe.write.get(), sent);
  pipe.write.reset();
  reader.join();
  EXPECT_EQ(seen, sent);
}

TEST(FdTest, ReadSomeTellsTheEndFromNothingYet) {
  Pipe pipe = make_pipe();
  ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK);
  char buffer[4];
  EXPECT_EQ(read_some(pipe.read.get(), buffer), -1);
  write_all(pipe.write.get(), "ab");
  EXPECT_EQ(read_some(pipe.read.get(), buffer), 2);
  pipe.write.reset();
  EXPECT_EQ(read_some(pipe.read.get(), buffer), 0);
  EXPECT_EQ(code_of([&] { read_some(-1, buffer); }), Errc::unavailable);
  EXPECT_EQ(code_of([] { write_all(-1, "x"); }), Errc::unavailable);
}

// Whole files

TEST(FileTest, ReadFile) {
  TempFolder folder;
  EXPECT_EQ(read_file(folder / "absent"), std::nullopt);
  EXPECT_EQ(read_file(folder / "absent/below"), std::nullopt);
  write_text(folder / "file", "");
  EXPECT_EQ(read_file(folder / "file"), "");
  EXPECT_EQ(read_file(folder / "file/below"), std::nullopt);
  const std::string big(100'000, 'b');
  write_text(folder / "file", big);
  EXPECT_EQ(read_file(folder / "file"), big);
  EXPECT_EQ(read_file(folder / "file", big.size()), big);
  EXPECT_EQ(code_of([&] { read_file(folder / "file", big.size() - 1); }), Errc::corrupt);
  EXPECT_EQ(code_of([&] { read_file(folder.path()); }), Errc::invalid);
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(code_of([&] { read_file(folder / "fifo"); }), Errc::invalid);  // and does not wait
}

TEST(FileTest, AWrittenFileIsThereWithItsModeAndNothingElse) {
  TempFolder folder;
  const mode_t before = ::umask(077);
  write_file_durably(folder / "a", "one", 0644);
  write_file_durably(folder / "b", "", 0600);
  ::umask(before);
  EXPECT_EQ(read_file(folder / "a"), "one");
  EXPECT_EQ(mode_of(folder / "a"), 0644U);
  EXPECT_EQ(mode_of(folder / "b"), 0600U);
  write_file_durably(folder / "a", "two", 0640);
  EXPECT_EQ(read_file(folder / "a"), "two");
  EXPECT_EQ(mode_of(folder / "a"), 0640U);
  EXPECT_EQ(sorted(list_folder(folder.path())), (std::vector<std::string>{"a", "b"}));
}

TEST(FileTest, WhoeverCreatesFirstWins) {
  TempFolder folder;
  write_file_durably(folder / "a", "one", 0644, IfExists::fail);
  EXPECT_EQ(code_of([&] { write_file_durably(folder / "a", "two", 0644, IfExists::fail); }),
            Errc::conflict);
  EXPECT_EQ(read_file(folder / "a"), "one");
  EXPECT_EQ(list_folder(folder.path()), std::vector<std::string>{"a"});
  struct stat st {};
  ASSERT_EQ(::stat((folder / "a").c_str(), &st), 0);
  EXPECT_EQ(st.st_nlink, 1U);  // the temporary name is gone
}

TEST(FileTest, ALinkIsReplacedNeverFollowed) {
  TempFolder folder;
  write_text(folder / "target", "old");
  fs::create_symlink("target", folder / "link");
  EXPECT_EQ(code_of([&] { write_file_durably(folder / "link", "x", 0644, IfExists::fail); }),
            Errc::conflict);
  write_file_durably(folder / "link", "new", 0644);
  EXPECT_EQ(read_file(folder / "target"), "old");
  EXPECT_FALSE(fs::is_symlink(folder / "link"));
}

TEST(FileTest, AFailedWriteLeavesNothing) {
  TempFolder folder;
  fs::create_directory(folder / "taken");  // a folder can't be replaced by a file
  write_text(folder / "taken/x", "");
  EXPECT_NE(code_of([&] { write_file_durably(folder / "taken", "x", 0644); }), std::nullopt);
  EXPECT_EQ(code_of([&] { write_file_durably(folder / "no/such", "x", 0644); }), Errc::not_found);
  EXPECT_EQ(list_folder(folder.path()), std::vector<std::string>{"taken"});
}

TEST(FileTest, AFullDiskIsSaidAndLeavesTheOldFile) {
  TempFolder folder;
  write_file_durably(folder / "a", "old", 0644);
  const int code = in_child_process([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10, 10};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    return code_of([&] { write_file_durably(folder / "a", std::string(100, 'x'), 0644); }) ==
                   Errc::unavailable
               ? 0
               : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(list_folder(folder.path()), std::vector<std::string>{"a"});
}

TEST(FileTest, AReaderSeesTheOldOrTheNewFile) {
  TempFolder folder;
  const std::string texts[] = {std::string(50'000, 'a'), std::string(20'000, 'b')};
  write_file_durably(folder / "f", texts[0], 0644);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (std::size_t i = 0; i < 50; ++i) write_file_durably(folder / "f", texts[i % 2], 0644);
    done = true;
  });
  while (!done) {
    const auto seen = read_file(folder / "f");
    ASSERT_TRUE(seen == texts[0] || seen == texts[1]);
  }
  writer.join();
}

TEST(FileTest, ManyCreatorsOneWinner) {
  TempFolder folder;
  for (int round = 0; round < 20; ++round) {
    const fs::path path = folder / std::to_string(round);
    std::atomic<int> winner = -1;
    std::atomic<int> wins = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        if (!code_of([&] { write_file_durably(path, std::to_string(i), 0644, IfExists::fail); })) {
          winner = i;
          ++wins;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(wins, 1);
    ASSERT_EQ(read_file(path), std::to_string(winner));
  }
}

// Folders

TEST(FileTest, MakeFolders) {
  TempFolder folder;
  const mode_t before = ::umask(077);
  make_folders(folder / "a/b/c", 0755);
  make_folders(folder / "p/q/", 0700);
  ::umask(before);
  EXPECT_EQ(mode_of(folder / "a"), 0755U);  // whatever the umask
  EXPECT_EQ(mode_of(folder / "a/b/c"), 0755U);
  EXPECT_EQ(mode_of(folder / "p/q"), 0700U);
  make_folders(folder / "a/b/c", 0700);
  EXPECT_EQ(mode_of(folder / "a/b/c"), 0755U);  // what is there stays as it is
  write_text(folder / "file", "");
  EXPECT_NE(code_of([&] { make_folders(folder / "file"); }), std::nullopt);
  EXPECT_NE(code_of([&] { make_folders(folder / "file/below"); }), std::nullopt);
}

TEST(FileTest, SeveralMakeTheSameFolders) {
  TempFolder folder;
  for (int round = 0; round < 10; ++round) {
    const fs::path deep = folder / std::to_string(round) / "a/b/c";
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { make_folders(deep); });
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(fs::is_directory(deep));
  }
}

TEST(FileTest, ListFolder) {
  TempFolder folder;
  EXPECT_EQ(list_folder(folder / "absent"), std::vector<std::string>{});
  EXPECT_EQ(list_folder(folder.path()), std::vector<std::string>{});
  write_text(folder / ".hidden", "");
  write_text(folder / "..odd", "");
  fs::create_directory(folder / "sub");
  fs::create_symlink("nowhere", folder / "dangling");
  const std::vector<std::string> all = {"..odd", ".hidden", "dangling", "sub"};
  EXPECT_EQ(sorted(list_folder(folder.path())), all);
  const Fd fd = open_file(folder.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(sorted(list_folder(fd)), all);
  EXPECT_EQ(sorted(list_folder(fd)), all);  // the lent descriptor was not moved
  EXPECT_EQ(list_folder(folder / ".hidden"), std::vector<std::string>{});
}

TEST(FileTest, RemoveFile) {
  TempFolder folder;
  EXPECT_FALSE(remove_file(folder / "a"));
  write_text(folder / "target", "");
  fs::create_symlink("target", folder / "a");
  EXPECT_TRUE(remove_file(folder / "a"));
  EXPECT_TRUE(fs::exists(folder / "target"));
  EXPECT_NE(code_of([&] { remove_file(folder.path()); }), std::nullopt);
}

TEST(RemoveTree, AbsentAndSingleFiles) {
  TempFolder folder;
  remove_tree(folder / "absent");
  remove_tree(folder / "absent/below");
  write_text(folder / "file", "");
  remove_tree(folder / "file");
  EXPECT_EQ(list_folder(folder.path()), std::vector<std::string>{});
}

TEST(RemoveTree, NeverLeavesTheTree) {
  TempFolder folder;
  fs::create_directories(folder / "outside/sub");
  const unsigned outside_mode = mode_of(folder / "outside");
  write_text(folder / "outside/keep", "k");
  write_text(folder / "outside/sub/keep", "k");
  fs::create_directories(folder / "tree/a");
  fs::create_symlink(folder / "outside", folder / "tree/absolute");
  fs::create_symlink("../../outside/sub", folder / "tree/a/relative");
  fs::create_symlink("..", folder / "tree/a/up");
  fs::create_symlink("self", folder / "tree/self");
  fs::create_hard_link(folder / "outside/keep", folder / "tree/hard");
  fs::create_symlink("tree", folder / "entry");
  remove_tree(folder / "entry");  // the link, not what it names
  EXPECT_TRUE(fs::exists(folder / "tree/a"));
  remove_tree(folder / "tree");
  EXPECT_EQ(list_folder(folder.path()), std::vector<std::string>{"outside"});
  EXPECT_EQ(read_file(folder / "outside/keep"), "k");
  EXPECT_EQ(read_file(folder / "outside/sub/keep"), "k");
  EXPECT_EQ(mode_of(folder / "outside"), outside_mode);
}

TEST(RemoveTree, OddEntries) {
  TempFolder folder;
  fs::create_directories(folder / "tree");
  ASSERT_EQ(::mkfifo((folder / "tree/fifo").c_str(), 0600), 0);
  write_text(folder / "tree/\n\x1b\xff", "");
  write_text(folder / "tree/...", "");
  write_text(folder / "tree" / std::string(255, 'n'), "");
  for (int i = 0; i < 300; ++i) write_text(folder / "tree" / std::to_string(i), "");
  for (int i = 0; i < 50; ++i) fs::create_directories(folder / "tree/d" / std::to_string(i) / "e");
  remove_tree(folder / "tree");
  EXPECT_EQ(list_folder(folder.path()), std::vector<std::string>{});
}

/// A chain of `depth` folders beneath `top`, deeper than any path could say.
void make_chain(const fs::path& top, int depth) {
  fs::create_directory(top);
  Fd fd = open_file(top, O_RDONLY | O_DIRECTORY);
  const std::string name(200, 'd');
  for (int i = 0; i < depth; ++i) {
    ASSERT_EQ(::mkdirat(fd.get(), name.c_str(), 0755), 0);
    fd = Fd(::openat(fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(fd);
  }
  ASSERT_TRUE(Fd(::openat(fd.get(), "leaf", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
}

TEST(RemoveTree, WhatIsMadeMeanwhileGoesToo) {
  for (int round = 0; round < 30; ++round) {
    TempFolder folder;
    fs::create_directories(folder / "tree/sub");
    const Fd sub = open_file(folder / "tree/sub", O_RDONLY | O_DIRECTORY);
    std::thread other([&] {
      for (int i = 0; i < 200; ++i) {
        Fd(::openat(sub.get(), std::to_string(i).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      }
    });
    EXPECT_NO_THROW(remove_tree(folder / "tree"));
    other.join();
    EXPECT_FALSE(fs::exists(folder / "tree"));
  }
}

TEST(RemoveTree, DeeperThanPathsAndDescriptorsReach) {
  TempFolder folder;
  make_chain(folder / "tree", 300);
  const std::size_t descriptors = open_descriptors();
  const int code = in_child_process([&] {
    const rlimit few{32, 32};
    ::setrlimit(RLIMIT_NOFILE, &few);
    remove_tree(folder / "tree");
    return 0;
  });
  EXPECT_EQ(code, 0);
  EXPECT_FALSE(fs::exists(folder / "tree"));
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST(RemoveTree, FoldersWithoutPermissions) {
  TempFolder folder;
  fs::permissions(folder.path(), fs::perms::all);
  const int code = in_child_process([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 2;  // root may do anything
    for (const unsigned mode : {0U, 0100U, 0400U, 0500U, 0200U}) {
      const fs::path tree = folder / ("tree" + std::to_string(mode));
      fs::create_directories(tree / "closed/sub");
      write_text(tree / "closed/file", "");
      write_text(tree / "closed/sub/file", "");
      fs::permissions(tree / "closed/sub", static_cast<fs::perms>(mode));
      fs::permissions(tree / "closed", static_cast<fs::perms>(mode));
      fs::permissions(tree, static_cast<fs::perms>(mode));
      remove_tree(tree);
    }
    return list_folder(folder.path()).empty() ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
}

TEST(RemoveTree, WhatMayNotBeRemovedIsNamed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs files of another user";
  TempFolder folder;
  fs::create_directories(folder / "tree/sub");
  fs::permissions(folder.path(), fs::perms::all);
  const int code = in_child_process([&] {
    if (::setuid(65534) != 0) return 2;
    const fs::path tree = folder / "tree";
    const Error error = error_of([&] { remove_tree(tree); });
    const bool named = error.message().find((tree / "sub").string()) != std::string::npos;
    return error.code() == Errc::denied && named ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_TRUE(fs::exists(folder / "tree/sub"));
}

}  // namespace
}  // namespace cooper
