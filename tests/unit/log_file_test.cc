#include "log/log_file.h"

#include "base/error.h"
#include "unit/log_test_support.h"

#include <gtest/gtest.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>

namespace cooper::log {
namespace {

Errc code_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return Errc::internal;
}

TEST(LogFile, AppendsAndTellsTheOffsetAfter) {
  const TempFolder folder;
  LogFile file = LogFile::create(folder / "a.log", 0640);
  EXPECT_EQ(file.size(), 0U);
  EXPECT_EQ(file.append("one\n"), 4U);
  EXPECT_EQ(file.append(""), 4U);
  EXPECT_EQ(file.append("two"), 7U);
  EXPECT_EQ(file.append("three\n"), 13U);
  file.sync();
  EXPECT_EQ(content(folder / "a.log"), "one\ntwothree\n");
  EXPECT_EQ(std::filesystem::status(folder / "a.log").permissions(), std::filesystem::perms(0640));
}

TEST(LogFile, BelongsToOneBuild) {
  const TempFolder folder;
  write_text(folder / "a.log", "another's\n");
  EXPECT_THROW(LogFile::create(folder / "a.log", 0640), Error);
  EXPECT_EQ(content(folder / "a.log"), "another's\n");
  EXPECT_EQ(code_of([&] { LogFile::open_existing(folder / "absent.log"); }), Errc::not_found);
}

TEST(LogFile, FinishesAnOldLogOnALineOfItsOwn) {
  const TempFolder folder;
  write_text(folder / "cut.log", "RUN ma");
  EXPECT_EQ(LogFile::open_existing(folder / "cut.log").append("gone\n"), 12U);
  EXPECT_EQ(content(folder / "cut.log"), "RUN ma\ngone\n");
  write_text(folder / "whole.log", "RUN make\n");
  LogFile::open_existing(folder / "whole.log").append("gone\n");
  EXPECT_EQ(content(folder / "whole.log"), "RUN make\ngone\n");
}

TEST(LogFile, AFullDiskIsAClearError) {
  LogFile full = LogFile::open_existing("/dev/full");
  try {
    full.append("x");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::unavailable);
    EXPECT_NE(error.message().find("/dev/full"), std::string::npos);
    EXPECT_NE(error.hint().find("disk is full"), std::string::npos);
  }
  EXPECT_EQ(full.size(), 0U);
}

// A limit on the file's size stands for the disk that fills up within a write.
TEST(LogFile, KeepsItsPlaceWhenAWriteStopsHalfway) {
  const TempFolder folder;
  LogFile file = LogFile::create(folder / "a.log", 0640);
  file.append("first\n");
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{10, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  EXPECT_THROW(file.append("second\n"), Error);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(file.size(), 10U);
  EXPECT_EQ(file.append("third\n"), 17U);
  EXPECT_EQ(content(folder / "a.log"), "first\nseco\nthird\n");
}

// A large log reserves space ahead; the end of a build gives it back.
TEST(LogFile, KeepsNoSpaceBeyondItsEnd) {
  const TempFolder folder;
  const std::string block(std::size_t{1} << 20, 'x');
  const auto allocated = [&] {
    struct stat info {};
    EXPECT_EQ(::stat((folder / "a.log").c_str(), &info), 0);
    return static_cast<std::uint64_t>(info.st_blocks) * 512;
  };
  {
    LogFile killed = LogFile::create(folder / "a.log", 0640);
    for (int i = 0; i < 18; ++i) killed.append(block);
  }
  LogFile file = LogFile::open_existing(folder / "a.log");
  file.append("last\n");
  file.sync();
  const std::uint64_t size = (std::uint64_t{18} << 20) + 6;
  EXPECT_EQ(file.size(), size);
  EXPECT_EQ(std::filesystem::file_size(folder / "a.log"), size);
  EXPECT_LT(allocated(), size + (1 << 20));
  EXPECT_TRUE(content(folder / "a.log").ends_with("x\nlast\n"));
}

TEST(LogFile, OneAppendIsOneUnitAmongThreads) {
  const TempFolder folder;
  LogFile file = LogFile::create(folder / "a.log", 0640);
  constexpr int kThreads = 4, kLines = 500;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&file, t] {
        const std::string line(static_cast<std::size_t>(20 + t), static_cast<char>('a' + t));
        for (int i = 0; i < kLines; ++i)
          file.append_for(&line, "> ", line + "\n", LogFile::Start::line);
      });
  }
  const std::string text = content(folder / "a.log");
  EXPECT_EQ(file.size(), text.size());
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    ASSERT_GE(line.size(), 22U);
    EXPECT_EQ(line.substr(0, 2), "> ");
    EXPECT_EQ(line.find_first_not_of(line[2], 2), std::string::npos) << line;
    EXPECT_EQ(line.size(), static_cast<std::size_t>(22 + line[2] - 'a'));
    at += line.size() + 1;
  }
  EXPECT_EQ(lines, static_cast<std::size_t>(kThreads * kLines));
}

}  // namespace
}  // namespace cooper::log
