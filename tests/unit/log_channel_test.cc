#include "base/error.h"
#include "base/text.h"
#include "log/channel.h"
#include "unit/log_test_support.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

namespace cooper::log {
namespace {

class ChannelTest : public testing::Test {
 protected:
  std::string text() const { return content(folder_ / "a.log"); }

  TempFolder folder_;
  LogFile file_ = LogFile::create(folder_ / "a.log", 0640);
};

TEST_F(ChannelTest, WithoutPrefixEveryByteGoesStraightThrough) {
  Channel channel(file_, "", nullptr);
  const std::string odd("par\0t\r10%\r\n\n\xFF", 13);
  channel.write(odd);
  EXPECT_EQ(text(), odd);
  EXPECT_EQ(channel.position(), odd.size());
  channel.flush_partial();
  channel.finish();
  EXPECT_EQ(text(), odd);
}

TEST_F(ChannelTest, WithPrefixOnlyWholeLinesGo) {
  Channel web(file_, "web | ", nullptr);
  web.write("one\ntwo\nthr");
  EXPECT_EQ(text(), "web | one\nweb | two\n");
  web.write("ee");
  EXPECT_EQ(text(), "web | one\nweb | two\n");
  web.write("\n\nfive");
  EXPECT_EQ(text(), "web | one\nweb | two\nweb | three\nweb | \n");
  web.finish();
  EXPECT_EQ(text(), "web | one\nweb | two\nweb | three\nweb | \nweb | five\n");
}

TEST_F(ChannelTest, ACarriageReturnDoesNotEndALine) {
  Channel web(file_, "web | ", nullptr);
  web.write("10%\r20%\r");
  EXPECT_EQ(text(), "");
  web.write("done\r\nnext\n");
  EXPECT_EQ(text(), "web | 10%\r20%\rdone\r\nweb | next\n");
}

TEST_F(ChannelTest, APartialLineGoesOnUndisturbed) {
  Channel web(file_, "web | ", nullptr);
  web.write("Compiling");
  web.flush_partial();
  EXPECT_EQ(text(), "web | Compiling");
  web.write(" ok\nnext\n");
  EXPECT_EQ(text(), "web | Compiling ok\nweb | next\n");
}

TEST_F(ChannelTest, APartialLineThatAnotherChannelInterruptsIsTakenUpAgain) {
  Channel web(file_, "web | ", nullptr);
  Channel api(file_, "api | ", nullptr);
  web.write("Compiling");
  web.flush_partial();
  api.write("hello\n");
  EXPECT_EQ(text(), "web | Compiling\napi | hello\n");
  web.write(" ok\n");
  EXPECT_EQ(text(), "web | Compiling\napi | hello\nweb |  ok\n");
}

TEST_F(ChannelTest, AnInterruptedLineThatOnlyLackedItsNewlineLeavesNoEmptyLine) {
  Channel web(file_, "web | ", nullptr);
  Channel api(file_, "api | ", nullptr);
  web.write("Compiling");
  web.flush_partial();
  api.write("hello\n");
  web.write("\n");
  EXPECT_EQ(text(), "web | Compiling\napi | hello\n");
  web.write("\nnext\n");
  EXPECT_EQ(text(), "web | Compiling\napi | hello\nweb | \nweb | next\n");
}

TEST_F(ChannelTest, TwoOpenLinesNeverMix) {
  Channel web(file_, "web | ", nullptr);
  Channel api(file_, "api | ", nullptr);
  for (Channel* channel : {&web, &api, &web, &web}) {
    channel->write("x");
    channel->flush_partial();
  }
  web.finish();
  api.finish();
  EXPECT_EQ(text(), "web | x\napi | x\nweb | xx\n");
}

TEST_F(ChannelTest, AVeryLongLineIsNotHeldForEver) {
  Channel web(file_, "web | ", nullptr);
  const std::string half(40000, 'x');
  web.write(half);
  EXPECT_EQ(file_.size(), 0U);
  web.write(half);
  EXPECT_EQ(text(), "web | " + half + half);
  web.write("y\n");
  EXPECT_EQ(text(), "web | " + half + half + "y\n");
}

TEST_F(ChannelTest, CoopersOwnLinesStandAlone) {
  Channel plain(file_, "", nullptr);
  plain.write("RUN ma");
  plain.message("step 2 failed");
  plain.write("ke\n");
  plain.message("done");
  EXPECT_EQ(text(), "RUN ma\nstep 2 failed\nke\ndone\n");
}

TEST_F(ChannelTest, CoopersOwnLinesGetThePrefixToo) {
  Channel web(file_, "web | ", nullptr);
  web.write("RUN ma");
  web.message("canceled");
  web.finish();
  EXPECT_EQ(text(), "web | RUN ma\nweb | canceled\n");
}

TEST_F(ChannelTest, HidesSecretsOverWritesAndInMessages) {
  const Redactor redactor({"hunter2"});
  Channel web(file_, "web | ", &redactor);
  web.write("password hun");
  web.flush_partial();  // a pause must not let the first half out
  EXPECT_EQ(text(), "web | password ");
  web.message("no access for hunter2");
  web.write("ter2!\nhunt");
  web.finish();
  EXPECT_EQ(text(),
            "web | password \nweb | no access for [redacted]\nweb | [redacted]!\nweb | hunt\n");
}

TEST_F(ChannelTest, AFullDiskReachesTheCaller) {
  LogFile full = LogFile::open_existing("/dev/full");
  Channel web(full, "web | ", nullptr);
  web.write("part");
  EXPECT_THROW(web.write("\n"), Error);
  EXPECT_THROW(web.message("failed"), Error);
}

// Each service counts; afterwards every line must be one service's, and each
// service's text must be whole and in order.
TEST_F(ChannelTest, ServicesInThreadsNeverMixAndLoseNothing) {
  constexpr int kServices = 4, kNumbers = 2000;
  {
    std::vector<std::jthread> threads;
    for (int s = 0; s < kServices; ++s)
      threads.emplace_back([this, s] {
        Channel channel(file_, "s" + std::to_string(s) + " | ", nullptr);
        std::string output;
        for (int i = 0; i < kNumbers; ++i)
          output += "<" + std::to_string(i) + (i % 7 == 0 ? ">\n" : ">");
        Random random(static_cast<unsigned>(s));
        for (const std::string& piece : random_pieces(random, output, 60)) {
          channel.write(piece);
          if (pick(random, 0, 3) == 0) channel.flush_partial();
        }
        channel.finish();
      });
  }
  const std::string all = text();
  ASSERT_TRUE(all.ends_with('\n'));
  std::map<std::string, std::string> by_service;
  for (const std::string_view line : split(std::string_view(all).substr(0, all.size() - 1), '\n')) {
    ASSERT_EQ(line.substr(2, 3), " | ") << line;
    by_service[std::string(line.substr(0, 2))] += line.substr(5);
  }
  std::string expected;
  for (int i = 0; i < kNumbers; ++i) expected += "<" + std::to_string(i) + ">";
  ASSERT_EQ(by_service.size(), static_cast<std::size_t>(kServices));
  for (const auto& [service, numbers] : by_service) EXPECT_EQ(numbers, expected) << service;
}

}  // namespace
}  // namespace cooper::log
