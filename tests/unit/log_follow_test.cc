#include "base/error.h"
#include "log/follow.h"
#include "log/log_file.h"
#include "process/child.h"
#include "unit/log_test_support.h"

#include <gtest/gtest.h>

#include <atomic>
#include <signal.h>
#include <thread>

namespace cooper::log {
namespace {

FollowState ended() { return FollowState::ended; }

class FollowTest : public testing::Test {
 protected:
  std::filesystem::path log() const { return folder_ / "b1.log"; }
  /// Follows to the end; appends to `seen`.
  std::uint64_t follow(std::uint64_t from, const std::function<FollowState()>& state,
                       std::string& seen) {
    Follower follower(log(), {.from = from}, state);
    return follower.run([&](std::string_view chunk) { seen += chunk; }, {});
  }

  TempFolder folder_;
};

TEST_F(FollowTest, AFinishedLog) {
  write_text(log(), "one\ntwo\n");
  std::string seen;
  EXPECT_EQ(follow(0, ended, seen), 8U);
  EXPECT_EQ(seen, "one\ntwo\n");
  seen.clear();
  EXPECT_EQ(follow(4, ended, seen), 8U);
  EXPECT_EQ(seen, "two\n");
  seen.clear();
  EXPECT_EQ(follow(8, ended, seen), 8U);
  EXPECT_EQ(seen, "");
}

TEST_F(FollowTest, AnOffsetBeyondTheEndIsRefused) {
  write_text(log(), "one\n");
  std::string seen;
  try {
    follow(5, ended, seen);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid);
  }
}

TEST_F(FollowTest, NoLogAndTheBuildHasEnded) {
  std::string seen;
  EXPECT_EQ(follow(0, ended, seen), 0U);
  EXPECT_EQ(seen, "");
}

TEST_F(FollowTest, ALogThatAppearsLater) {
  std::atomic<bool> over{false};
  std::jthread writer;
  const auto state = [&] {
    if (!writer.joinable())  // the first question: the follower is watching now
      writer = std::jthread([&] {
        LogFile file = LogFile::create(log(), 0640);
        file.append("late\n");
        over = true;
        write_file_durably(folder_ / "b1.json", "{}", 0644);
      });
    return over ? FollowState::ended : FollowState::live;
  };
  std::string seen;
  EXPECT_EQ(follow(0, state, seen), 5U);
  EXPECT_EQ(seen, "late\n");
}

// The last bytes come between the question and the read: they count.
TEST_F(FollowTest, BytesWrittenWhileTheStateIsAskedAreDelivered) {
  LogFile file = LogFile::create(log(), 0640);
  std::string seen;
  const auto state = [&] {
    file.append("last words\n");
    return FollowState::ended;
  };
  EXPECT_EQ(follow(0, state, seen), 11U);
  EXPECT_EQ(seen, "last words\n");
}

TEST_F(FollowTest, EndsWhenTheProcessIsGone) {
  write_text(log(), "started\n");
  process::Child child =
      process::Child::start({.argv = {"sleep", "600"}, .environment = process::own_environment()});
  const auto state = [&] { return child.poll() ? FollowState::ended : FollowState::live; };
  Follower follower(log(), {}, state);
  std::string seen;
  follower.run(
      [&](std::string_view chunk) {
        seen += chunk;
        child.signal(SIGKILL);
      },
      {});
  EXPECT_EQ(seen, "started\n");
}

TEST_F(FollowTest, AStopRequestEndsIt) {
  write_text(log(), "started\n");
  std::stop_source stop;
  Follower follower(log(), {}, [] { return FollowState::live; });
  std::jthread stopper;
  const std::uint64_t offset =
      follower.run([&](std::string_view) { stopper = std::jthread([&] { stop.request_stop(); }); },
                   stop.get_token());
  EXPECT_EQ(offset, 8U);
}

TEST_F(FollowTest, AChunkThatWasRefusedIsNotCounted) {
  write_text(log(), "text");
  Follower follower(log(), {}, ended);
  EXPECT_THROW(follower.run([](std::string_view) { throw Error(Errc::unavailable, "gone"); }, {}),
               Error);
  EXPECT_EQ(follower.offset(), 0U);
  std::string seen;
  EXPECT_EQ(follower.run([&](std::string_view chunk) { seen += chunk; }, {}), 4U);
  EXPECT_EQ(seen, "text");
}

TEST_F(FollowTest, ALogThatIsRemovedAndMadeAgainIsWhole) {
  LogFile file = LogFile::create(log(), 0644);
  file.append("one\n");
  std::string seen;
  bool over = false;
  Follower follower(log(), {}, [&] { return over ? FollowState::ended : FollowState::live; });
  const std::uint64_t end = follower.run(
      [&](std::string_view chunk) {
        seen += chunk;
        if (over) return;
        std::filesystem::remove(log());
        file.append("two\n");
        file.finish();
        file.append("last words\n");
        over = true;
        write_text(folder_ / "b1.json", "{}");
      },
      {});
  EXPECT_EQ(seen, "one\ntwo\nlast words\n");
  EXPECT_EQ(end, seen.size());
}

TEST_F(FollowTest, AFolderThatIsNotThere) {
  Follower follower(folder_ / "absent/b1.log", {}, ended);
  EXPECT_EQ(follower.run([](std::string_view) {}, {}), 0U);
}

// Numbers, so that a lost or doubled byte shows.
std::string numbers(std::size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i) text += std::to_string(i) + "\n";
  return text;
}

// A writer with random pieces, a follower that leaves and comes back at the
// offset it was given, again and again.
TEST_F(FollowTest, NoByteIsLostOrDoubledOverRestarts) {
  for (unsigned round = 0; round < 10; ++round) {
    remove_file(log());
    remove_file(folder_ / "b1.json");
    const std::string written = numbers(300'000);
    std::atomic<bool> over{false};
    std::jthread writer([&] {
      Random random(round);
      LogFile file = LogFile::create(log(), 0640);
      for (const std::string& piece : random_pieces(random, written, round % 2 == 0 ? 200 : 20000))
        file.append(piece);
      over = true;
      write_file_durably(folder_ / "b1.json", "{}", 0644);
    });
    const auto state = [&] { return over ? FollowState::ended : FollowState::live; };
    Random random(round + 1000);
    std::string seen;
    std::uint64_t offset = 0;
    bool complete = false;
    while (!complete) {
      std::stop_source stop;
      std::size_t chunks_left = pick(random, 1, 20);
      Follower follower(log(), {.from = offset}, state);
      offset = follower.run(
          [&](std::string_view chunk) {
            seen += chunk;
            if (--chunks_left == 0) stop.request_stop();
          },
          stop.get_token());
      ASSERT_EQ(offset, seen.size());
      complete = !stop.stop_requested();
    }
    ASSERT_TRUE(seen == written) << "round " << round;
  }
}

TEST_F(FollowTest, ManyFollowersSeeTheSame) {
  const std::string written = numbers(200'000);
  std::atomic<bool> over{false};
  const auto state = [&] { return over ? FollowState::ended : FollowState::live; };
  std::vector<std::string> seen(4);
  {
    std::vector<std::jthread> followers;
    for (std::string& mine : seen) followers.emplace_back([&] { follow(0, state, mine); });
    Random random(7);
    LogFile file = LogFile::create(log(), 0640);
    for (const std::string& piece : random_pieces(random, written, 500)) file.append(piece);
    over = true;
    write_file_durably(folder_ / "b1.json", "{}", 0644);
  }
  for (const std::string& mine : seen) EXPECT_TRUE(mine == written);
}

TEST(TailOffset, EdgeCases) {
  struct Case {
    std::string text;
    std::uint64_t lines;
    std::uint64_t expected;
  };
  const std::string block(128 << 10, 'x');
  const std::vector<Case> cases = {
      {"", 0, 0},
      {"", 5, 0},
      {"\n", 0, 1},
      {"\n", 1, 0},
      {"\n\n", 1, 1},
      {"a", 1, 0},
      {"a\n", 1, 0},
      {"a\nb", 1, 2},
      {"a\nb\n", 1, 2},
      {"a\nb\n", 2, 0},
      {"a\nb\n", 3, 0},
      {"a\nb\n\n", 1, 4},
      {"a\nb\n\n", 2, 2},
      {"a\nb\n", ~std::uint64_t{0}, 0},
      {"a\n" + block + "\n", 1, 2},  // the newline stands before the last block
      {"a\n" + block, 1, 2},
      {"ab\n" + block + block + "x\n", 1, 3},
      {block + "\n", 1, 0},
      {block + "\nlast\n", 1, block.size() + 1},
      {block + "\nlast\n", 2, 0},
  };
  const TempFolder folder;
  for (const Case& c : cases) {
    write_text(folder / "a.log", c.text);
    EXPECT_EQ(tail_offset(folder / "a.log", c.lines), c.expected)
        << c.text.size() << " bytes, " << c.lines << " lines: " << c.text.substr(0, 20);
  }
  EXPECT_THROW(tail_offset(folder / "absent.log", 1), Error);
}

TEST(TailOffset, EqualsCountingFromTheFront) {
  const TempFolder folder;
  Random random(3);
  for (int round = 0; round < 40; ++round) {
    std::string text;
    for (std::size_t n = pick(random, 0, 3000); n > 0; --n)
      text += std::string(pick(random, 0, 200), 'x') + "\n";
    if (round % 2 == 0) text += "open";
    write_text(folder / "a.log", text);
    std::vector<std::uint64_t> begins;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      begins.push_back(at);
      if (text.find('\n', at) == std::string::npos) break;
    }
    const std::size_t lines = pick(random, 1, 3500);
    const std::uint64_t expected = lines >= begins.size() ? 0 : begins[begins.size() - lines];
    ASSERT_EQ(tail_offset(folder / "a.log", lines), expected) << lines;
  }
}

}  // namespace
}  // namespace cooper::log
