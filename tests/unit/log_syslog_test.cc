// The copy for syslog, against real datagram sockets.

#include "log/log_file.h"
#include "log/syslog_copy.h"
#include "unit/log_test_support.h"

#include <gmock/gmock.h>

#include <array>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace cooper::log {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;

/// What a syslog daemon listens on.
class Daemon {
 public:
  explicit Daemon(const std::filesystem::path& path)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  /// The next message; fails if none comes.
  std::string receive() {
    pollfd waited{fd_.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&waited, 1, 30'000), 1) << "no message";
    std::string message(65536, '\0');
    const ssize_t n = ::recv(fd_.get(), message.data(), message.size(), MSG_DONTWAIT);
    message.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return message;
  }

  bool has_message() {
    pollfd waited{fd_.get(), POLLIN, 0};
    return ::poll(&waited, 1, 0) == 1;
  }

  /// Behind the tag.
  std::string receive_text() {
    const std::string message = receive();
    const std::size_t colon = message.find("]: ");
    return colon == std::string::npos ? message : message.substr(colon + 3);
  }

 private:
  Fd fd_;
};

class SyslogTest : public testing::Test {
 protected:
  SyslogOptions options() const {
    return {.tag = {.prefix = "dokku-", .build = "b1"}, .socket = path_};
  }
  const TempFolder folder_;
  const std::filesystem::path path_ = folder_ / "log";
};

TEST_F(SyslogTest, LinesGoOutAsSyslogHasThem) {
  Daemon daemon(path_);
  SyslogCopy copy(options());
  copy.write("one\n");
  EXPECT_THAT(daemon.receive(),
              MatchesRegex("<13>[A-Z][a-z][a-z] [ 1-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9] "
                           "dokku-b1\\[" +
                           std::to_string(::getpid()) + "\\]: one"));
  copy.write("t");
  copy.write("wo\r\n\nthree\tä \x1b[1m\x7f\xFF");
  copy.write(std::string("\0\nopen", 6));
  EXPECT_EQ(copy.finish(), 0U);
  EXPECT_EQ(daemon.receive_text(), "two");
  EXPECT_EQ(daemon.receive_text(), "");
  EXPECT_EQ(daemon.receive_text(), "three\tä #033[1m#177\xEF\xBF\xBD#000");
  EXPECT_EQ(daemon.receive_text(), "open");
  EXPECT_FALSE(daemon.has_message());
}

TEST_F(SyslogTest, ALongLineBecomesSeveralMessages) {
  Daemon daemon(path_);
  SyslogCopy copy(options());
  std::string line = "x";
  for (int i = 0; i < 10'000; ++i) line += "ä";
  for (std::size_t at = 0; at < line.size(); at += 777) copy.write(line.substr(at, 777));
  copy.write("\nnext\n");
  std::string received;
  for (std::string part; received.size() < line.size(); received += part) {
    part = daemon.receive_text();
    ASSERT_FALSE(part.empty());
    EXPECT_LE(part.size(), 8192U);
    EXPECT_EQ(part.find("\xEF\xBF\xBD"), std::string::npos) << "cut within a character";
  }
  EXPECT_EQ(received, line);
  EXPECT_EQ(daemon.receive_text(), "next");
  EXPECT_EQ(copy.finish(), 0U);
}

TEST_F(SyslogTest, WhatADaemonDoesNotReadIsDroppedByLinesAndCounted) {
  Daemon daemon(path_);  // reads nothing until the end
  SyslogOptions tight = options();
  tight.queue_bytes = 4096;
  SyslogCopy copy(tight);
  constexpr int kLines = 20'000;
  for (int i = 0; i < kLines; ++i) {
    const std::string line = "this is line " + std::to_string(i) + "\n";
    copy.write(line.substr(0, 7));
    copy.write(line.substr(7));
  }
  const std::uint64_t missing = copy.finish();
  EXPECT_GT(missing, 1000U);
  std::uint64_t received = 0;
  for (; daemon.has_message(); ++received) {
    EXPECT_THAT(daemon.receive_text(), MatchesRegex("this is line [0-9]+"));
  }
  EXPECT_EQ(received + missing, static_cast<std::uint64_t>(kLines));
}

TEST_F(SyslogTest, WithoutADaemonAllLinesAreMissing) {
  SyslogCopy copy(options());
  copy.write("one\ntwo\nthree");
  EXPECT_EQ(copy.finish(), 3U);
  EXPECT_EQ(copy.finish(), 3U);
}

TEST_F(SyslogTest, WhatCannotGoOutIsCountedToTheLine) {
  SyslogCopy copy(options());
  copy.write("one\n");
  copy.write(std::string(1'000'000, '\n'));
  copy.write("two\nthree");
  copy.write(" and three");
  EXPECT_EQ(copy.finish(), 1'000'003U);
}

TEST_F(SyslogTest, ADaemonThatComesBackGetsWhatWaited) {
  SyslogCopy copy(options());
  copy.write("before there is one\n");
  auto daemon = std::make_unique<Daemon>(path_);
  EXPECT_EQ(daemon->receive_text(), "before there is one");
  daemon.reset();
  std::filesystem::remove(path_);
  copy.write("while it is away\n");
  daemon = std::make_unique<Daemon>(path_);
  EXPECT_EQ(daemon->receive_text(), "while it is away");
  copy.write("after\n");
  EXPECT_EQ(daemon->receive_text(), "after");
  EXPECT_EQ(copy.finish(), 0U);
}

TEST_F(SyslogTest, GetsWhatTheLogGetsAlsoBeyondItsLimit) {
  Daemon daemon(path_);
  SyslogCopy copy(options());
  LogFile file =
      LogFile::create(folder_ / "a.log", 0640,
                      {.bytes = 64, .tail_files = {folder_ / "a.tail-0", folder_ / "a.tail-1"}});
  file.append("before\n");
  file.copy_to(&copy);
  for (int i = 0; i < 20; ++i) {
    file.append_for(&file, "web | ", "line " + std::to_string(i) + "\n", LogFile::Start::line);
    EXPECT_EQ(daemon.receive_text(), "web | line " + std::to_string(i));
  }
  file.finish();
  file.append("last words\n");
  EXPECT_EQ(daemon.receive_text(), "last words");
  file.copy_to(nullptr);
  file.append("not for syslog\n");
  EXPECT_EQ(copy.finish(), 0U);
  EXPECT_FALSE(daemon.has_message());
}

}  // namespace
}  // namespace cooper::log
