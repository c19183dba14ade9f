// A log that reaches its limit, and one that somebody removes.

#include "base/error.h"
#include "log/log_file.h"
#include "unit/log_test_support.h"

#include <gmock/gmock.h>

#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace cooper::log {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::uint64_t kLimit = 4096;

class LogLimitTest : public testing::Test {
 protected:
  LogLimit limit() const { return {.bytes = kLimit, .tail_files = tails_}; }
  LogFile create() const { return LogFile::create(path_, 0640, limit()); }
  bool a_tail_is_there() const {
    return std::filesystem::exists(tails_[0]) || std::filesystem::exists(tails_[1]);
  }

  const TempFolder folder_;
  const std::filesystem::path path_ = folder_ / "a.log";
  const TailFiles tails_{folder_ / "a.log.tail-0", folder_ / "a.log.tail-1"};
};

std::string line(int number) { return "this is line " + std::to_string(number) + "\n"; }

std::string lines(int begin, int end) {
  std::string text;
  for (int i = begin; i < end; ++i) text += line(i);
  return text;
}

void append_lines(LogFile& file, int begin, int end) {
  for (int i = begin; i < end; ++i) file.append(line(i));
}

/// Is `text` the lines from 0 on, the marker, what is cut, and the lines up to `end`?
/// And do the numbers in it add up?
void expect_cut_once(const std::string& text, int end) {
  const std::size_t marker = text.find("[cooper] log limit of ");
  ASSERT_NE(marker, std::string::npos) << text;
  const std::size_t cut = text.find("[cooper] ", marker + 1);
  ASSERT_NE(cut, std::string::npos) << text;
  const std::string head = text.substr(0, marker);
  const std::string tail = text.substr(text.find('\n', cut) + 1);
  unsigned long long bytes = 0, cut_lines = 0;
  ASSERT_EQ(std::sscanf(text.c_str() + cut, "[cooper] %llu bytes (%llu lines) are cut here\n",
                        &bytes, &cut_lines),
            2)
      << text;
  const std::string whole = lines(0, end);
  EXPECT_THAT(whole, StartsWith(head));
  EXPECT_THAT(whole, EndsWith(tail));
  EXPECT_THAT(tail, StartsWith("this is line "));
  EXPECT_EQ(head.size() + bytes + tail.size(), whole.size());
  const auto count = [](std::string_view in) {
    return static_cast<unsigned long long>(std::ranges::count(in, '\n'));
  };
  EXPECT_EQ(count(head) + cut_lines + count(tail), static_cast<unsigned long long>(end));
  EXPECT_GT(head.size(), kLimit / 2 - 100);
  EXPECT_GE(tail.size() + 20, kLimit / 4);
  EXPECT_LE(text.size(), kLimit + 200);
}

TEST_F(LogLimitTest, KeepsTheHeadAndTheNewestTail) {
  // Also where a tail file has just been begun, or is just full.
  for (int end = 250; end < 450; ++end) {
    {
      LogFile file = create();
      append_lines(file, 0, end);
      file.finish();
    }
    expect_cut_once(content(path_), end);
    ASSERT_FALSE(HasFailure()) << end;
    EXPECT_FALSE(a_tail_is_there());
    std::filesystem::remove(path_);
  }
}

TEST_F(LogLimitTest, WhatIsInTheLogStaysWhereItIs) {
  LogFile file = create();
  append_lines(file, 0, 200);
  const std::string before = content(path_);
  EXPECT_THAT(before, EndsWith("the newest 1 KiB or more follow when the build has ended\n"));
  EXPECT_EQ(file.size(), before.size());
  append_lines(file, 200, 1000);
  EXPECT_EQ(content(path_), before);
  EXPECT_EQ(file.size(), before.size());
  EXPECT_LE(std::filesystem::file_size(tails_[0]), kLimit / 4 + 100);
  EXPECT_LE(std::filesystem::file_size(tails_[1]), kLimit / 4 + 100);
  file.finish();
  const std::uint64_t size = file.append("last words\n");
  EXPECT_EQ(size, content(path_).size());
  EXPECT_THAT(content(path_), AllOf(StartsWith(before), EndsWith("line 999\nlast words\n")));
}

TEST_F(LogLimitTest, NothingIsCutThatFits) {
  {
    LogFile file = create();
    append_lines(file, 0, 60);  // below half of it
    file.finish();
    EXPECT_EQ(content(path_), lines(0, 60));
  }
  std::filesystem::remove(path_);
  LogFile file = create();
  append_lines(file, 0, 170);
  file.finish();
  std::string text = content(path_);
  const std::size_t begin = text.find("[cooper] log limit");
  const std::size_t end = text.find("nothing had to be cut: the rest follows\n");
  ASSERT_NE(end, std::string::npos) << text;
  EXPECT_EQ(text.erase(begin, text.find('\n', end) + 1 - begin), lines(0, 170));
}

TEST_F(LogLimitTest, AnOpenLineEndsBeforeTheMarker) {
  LogFile file = create();
  file.append(std::string(2000, 'a'));
  file.append(std::string(2000, 'b'));
  EXPECT_THAT(content(path_), HasSubstr("aaa\n[cooper] log limit"));
  file.append_for(&file, "web | ", "another's\n", LogFile::Start::line);
  file.finish();
  EXPECT_THAT(content(path_), EndsWith("bbb\nweb | another's\n"));
}

TEST_F(LogLimitTest, ALineWithoutAnEndIsCutToo) {
  LogFile file = create();
  for (int i = 0; i < 5000; ++i) file.append("0123456789");
  file.finish();
  EXPECT_THAT(content(path_), HasSubstr(" bytes (0 lines) are cut here\n"));
  EXPECT_LE(content(path_).size(), kLimit + 200);
  EXPECT_THAT(content(path_), EndsWith("0123456789"));
}

TEST_F(LogLimitTest, AWriterThatWasKilledLeavesEnough) {
  const pid_t writer = ::fork();
  if (writer == 0) {
    LogFile file = create();
    append_lines(file, 0, 777);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(writer, &status, 0), writer);
  ASSERT_TRUE(WIFSIGNALED(status));
  LogFile file = LogFile::open_existing(path_, tails_);
  file.finish();
  expect_cut_once(content(path_), 777);
  file.append("reaped\n");
  EXPECT_THAT(content(path_), EndsWith("line 776\nreaped\n"));
  EXPECT_FALSE(a_tail_is_there());
}

// A copy of the tail files is what is left when the power fails within finish().
TEST_F(LogLimitTest, FinishingTwiceAddsTheTailOnce) {
  {
    LogFile file = create();
    // What a build prints is never taken for our own line.
    file.append("[cooper] 7 bytes (1 lines) are cut here\n");
    append_lines(file, 0, 777);
  }
  for (const auto& tail : tails_) std::filesystem::copy(tail, tail.string() + ".copy");
  LogFile::open_existing(path_, tails_).finish();
  const std::string once = content(path_);
  for (std::size_t kept = once.find("[cooper] log limit"); kept < once.size(); kept += 97) {
    const std::size_t end = std::max(kept, once.find('\n', once.find("[cooper] log limit")) + 1);
    std::filesystem::resize_file(path_, end);
    for (const auto& tail : tails_) std::filesystem::copy(tail.string() + ".copy", tail);
    LogFile::open_existing(path_, tails_).finish();
    ASSERT_EQ(content(path_), once) << kept;
  }
}

// The older one is removed first.
TEST_F(LogLimitTest, FinishingBetweenTheRemovalsLosesNothing) {
  for (const int end : {300, 340, 380}) {  // either file is the newer one
    {
      LogFile file = create();
      append_lines(file, 0, end);
    }
    for (const auto& tail : tails_) {
      if (std::filesystem::exists(tail)) std::filesystem::copy(tail, tail.string() + ".copy");
    }
    LogFile::open_existing(path_, tails_).finish();
    const std::string once = content(path_);
    for (const auto& tail : tails_) {
      if (!std::filesystem::exists(tail.string() + ".copy")) continue;
      const std::string first = content(tail.string() + ".copy");
      const std::string other =
          content((tail == tails_[0] ? tails_[1] : tails_[0]).string() + ".copy");
      const auto sequence = [](const std::string& text) { return std::stoi(text.substr(16)); };
      if (sequence(first) < sequence(other)) continue;
      std::filesystem::rename(tail.string() + ".copy", tail);
      LogFile file = LogFile::open_existing(path_, tails_);
      file.finish();
      EXPECT_EQ(content(path_), once) << end;
      EXPECT_FALSE(a_tail_is_there());
      break;
    }
    for (const auto& tail : tails_) std::filesystem::remove(tail.string() + ".copy");
    std::filesystem::remove(path_);
  }
}

// A folder moves as a whole when its app is renamed, or its files move one by one into one that
// is there already.
TEST_F(LogLimitTest, TheFolderMayBeRenamedMeanwhile) {
  const std::filesystem::path old = folder_ / "old", moved = folder_ / "new";
  std::filesystem::create_directory(old);
  LogFile file = LogFile::create(
      old / "a.log", 0640,
      {.bytes = kLimit, .tail_files = {old / "a.log.tail-0", old / "a.log.tail-1"}});
  append_lines(file, 0, 300);
  std::filesystem::rename(old, moved);
  append_lines(file, 300, 777);
  const std::filesystem::path merged = folder_ / "merged";
  std::filesystem::create_directory(merged);
  for (const char* name : {"a.log", "a.log.tail-0", "a.log.tail-1"}) {
    std::filesystem::rename(moved / name, merged / name);
  }
  std::filesystem::remove(moved);
  append_lines(file, 777, 1000);
  file.finish();
  expect_cut_once(content(merged / "a.log"), 1000);
  EXPECT_EQ(list_folder(merged).size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(old));
}

TEST_F(LogLimitTest, ALogRemovedAfterARenameIsThereAgain) {
  const std::filesystem::path old = folder_ / "old", moved = folder_ / "new";
  std::filesystem::create_directory(old);
  LogFile file = LogFile::create(old / "a.log", 0640);
  append_lines(file, 0, 40);
  std::filesystem::rename(old, moved);
  std::filesystem::remove(moved / "a.log");
  file.finish();
  EXPECT_EQ(content(moved / "a.log"), lines(0, 40));
}

TEST_F(LogLimitTest, ATailFileWithoutItsFirstLineIsBegunAgain) {
  if (::mknod(tails_[0].c_str(), S_IFCHR | 0666, makedev(1, 7)) != 0) {
    GTEST_SKIP() << "no /dev/full can be made here";
  }
  if (!Fd(::open(tails_[0].c_str(), O_WRONLY | O_CLOEXEC))) GTEST_SKIP() << "no devices here";
  LogFile file = create();
  EXPECT_THROW(append_lines(file, 0, 200), Error);
  std::filesystem::remove(tails_[0]);
  file.append("this came later\n");
  file.finish();
  EXPECT_THAT(content(path_), EndsWith("the rest follows\nthis came later\n"));
}

TEST_F(LogLimitTest, AFullDiskCostsOnlyWhatCameMeanwhile) {
  LogFile file = create();
  append_lines(file, 0, 200);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  // Beyond the log's own length no file of this process can grow; the next tail file can't begin.
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  EXPECT_THROW(append_lines(file, 200, 300), Error);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  append_lines(file, 200, 500);
  file.finish();
  expect_cut_once(content(path_), 500);
}

TEST_F(LogLimitTest, DamagedTailFilesHarmNothing) {
  write_text(path_, "whole\n");
  for (const char* bad : {"", "cooper-log-tail", "cooper-log-tail 1 2\nx", "\n", "other 1 2 3 4\nx",
                          "cooper-log-tail x 2 3 4\nx", "cooper-log-tail 1 2 3 4 5\nx"}) {
    write_text(tails_[0], bad);
    LogFile::open_existing(path_, tails_).finish();
    EXPECT_EQ(content(path_), "whole\n") << bad;
    EXPECT_FALSE(a_tail_is_there());
  }
}

TEST_F(LogLimitTest, ARemovedLogIsThereAgainAtTheEnd) {
  LogFile file = create();
  append_lines(file, 0, 40);
  std::filesystem::remove(path_);
  append_lines(file, 40, 60);
  file.finish();
  file.append("last words\n");
  EXPECT_EQ(content(path_), lines(0, 60) + "last words\n");
  EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms(0640));
}

TEST_F(LogLimitTest, ALogInPlaceOfTheRemovedOneIsLeftAlone) {
  LogFile file = create();
  append_lines(file, 0, 40);
  std::filesystem::remove(path_);
  write_text(path_, "another's\n");
  file.finish();
  EXPECT_EQ(content(path_), "another's\n");
}

}  // namespace
}  // namespace cooper::log
