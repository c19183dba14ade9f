// Folders for sockets, and what killed processes leave of them.

#include "base/fd.h"
#include "base/file.h"
#include "engine/own_folder.h"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cooper::engine {
namespace {

namespace fs = std::filesystem;

TEST(OwnFolder, IsOursAloneAndGoes) {
  fs::path path;
  {
    const OwnFolder folder;
    path = folder.path();
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
    EXPECT_LE(path.string().size(), 18u);
    write_file_durably(path / "inside", "x", 0600);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(OwnFolder, WhatAKilledOneLeftGoesAndWhatIsInUseStays) {
  const OwnFolder in_use;
  Pipe pipe = make_pipe();
  const pid_t child = ::fork();
  if (child == 0) {
    const OwnFolder folder;
    write_file_durably(folder.path() / "inside", "x", 0600);
    write_all(pipe.write.get(), folder.path().string() + "\n");
    ::pause();
    ::_exit(1);
  }
  std::array<char, 64> name{};
  const ssize_t got = ::read(pipe.read.get(), name.data(), name.size());
  ASSERT_GT(got, 1);
  const fs::path left(std::string(name.data(), static_cast<std::size_t>(got) - 1));
  { const OwnFolder other; }
  EXPECT_TRUE(fs::exists(left));  // its owner lives
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(fs::exists(left));
  const OwnFolder next;
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(in_use.path()));
}

}  // namespace
}  // namespace cooper::engine
