// Who may come how often with what is not good.

#include "server/login_limit.h"

#include <gtest/gtest.h>

#include <string>

namespace cooper::server {
namespace {

using namespace std::chrono_literals;

class Logins : public ::testing::Test {
 protected:
  /// Tries something that is not good; false: it was not even looked at.
  bool guess(const char* address) {
    if (limit_.refuse(address, "wrong", now_)) return false;
    limit_.failed(address, now_);
    return true;
  }
  /// How many of so many guesses in a row are looked at.
  int guesses(const char* address, int tries) {
    int looked_at = 0;
    for (int i = 0; i < tries; ++i) looked_at += guess(address) ? 1 : 0;
    return looked_at;
  }

  LoginLimit limit_;
  LoginLimit::Clock::time_point now_{1000h};
};

TEST_F(Logins, AreLimitedByAddress) {
  EXPECT_EQ(guesses("192.0.2.1", 50), 10);
  EXPECT_EQ(guesses("192.0.2.2", 1), 1);
  now_ += 5s;
  EXPECT_FALSE(guess("192.0.2.1"));
  now_ += 1s;
  EXPECT_TRUE(guess("192.0.2.1"));
  EXPECT_FALSE(guess("192.0.2.1"));
  now_ += 1h;
  EXPECT_EQ(guesses("192.0.2.1", 50), 10);
}

TEST_F(Logins, OfOneIpv6NetworkAreOne) {
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(guess(("2001:db8::" + std::to_string(i)).c_str()));
  EXPECT_FALSE(guess("2001:db8:0:0:ffff::1"));
  EXPECT_TRUE(guess("2001:db8:0:1::1"));
  EXPECT_EQ(guesses("::ffff:192.0.2.1", 50), 10);
  EXPECT_FALSE(guess("192.0.2.1")) << "the same host";
}

TEST_F(Logins, TellWhenToComeBack) {
  guesses("192.0.2.1", 10);
  const auto first = limit_.refuse("192.0.2.1", "x", now_);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->wait, 6s);
  EXPECT_TRUE(first->is_first);
  now_ += 4500ms;
  const auto later = limit_.refuse("192.0.2.1", "x", now_);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->wait, 2s);
  EXPECT_FALSE(later->is_first);
  now_ += later->wait;
  EXPECT_FALSE(limit_.refuse("192.0.2.1", "x", now_));
}

TEST_F(Logins, ThatWereGoodFromThereStayGood) {
  limit_.succeeded("192.0.2.1", "token", now_);
  guesses("192.0.2.1", 50);
  EXPECT_FALSE(limit_.refuse("192.0.2.1", "token", now_));
  EXPECT_TRUE(limit_.refuse("192.0.2.1", "Token", now_));
  EXPECT_TRUE(limit_.refuse("192.0.2.1", "", now_));
  guesses("192.0.2.2", 50);
  EXPECT_TRUE(limit_.refuse("192.0.2.2", "token", now_)) << "it was good elsewhere";
  now_ += 24h;
  guesses("192.0.2.1", 50);
  EXPECT_TRUE(limit_.refuse("192.0.2.1", "token", now_)) << "that was long ago";
}

TEST_F(Logins, FillNoMemory) {
  limit_.succeeded("192.0.2.1", "token", now_);
  for (unsigned i = 0; i < 3 * LoginLimit::kMostAddresses; ++i) {
    const std::string address = "10." + std::to_string(i >> 16) + "." +
                                std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
    limit_.failed(address, now_);
  }
  EXPECT_EQ(limit_.size(), LoginLimit::kMostAddresses + 1);
  for (std::size_t i = 0; i < 2 * LoginLimit::kMostGood; ++i) {
    limit_.succeeded("192.0.2.3", std::to_string(i), now_);
  }
  EXPECT_EQ(limit_.size(), LoginLimit::kMostAddresses + LoginLimit::kMostGood);
}

/// Strangers must not make it forget who is good.
TEST_F(Logins, OfStrangersPushNobodyOut) {
  limit_.succeeded("192.0.2.1", "token", now_);
  guesses("192.0.2.1", 20);
  for (unsigned i = 0; i < LoginLimit::kMostAddresses - 1; ++i) {
    limit_.failed("2001:db8:" + std::to_string(i >> 12) + ":" + std::to_string(i & 4095) + "::1",
                  now_);
  }
  EXPECT_TRUE(limit_.refuse("192.0.2.1", "wrong", now_));
  EXPECT_FALSE(limit_.refuse("192.0.2.1", "token", now_));
}

}  // namespace
}  // namespace cooper::server
