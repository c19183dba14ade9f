// Whose request it is, behind proxies.

#include "server/client_address.h"

#include <gtest/gtest.h>

#include <vector>

namespace cooper::server {
namespace {

std::vector<AddressBlock> blocks(std::initializer_list<const char*> texts) {
  std::vector<AddressBlock> made;
  for (const char* text : texts) made.push_back(AddressBlock::parse(text).value());
  return made;
}

std::string client(const char* peer, std::vector<std::string_view> forwarded,
                   std::initializer_list<const char*> trusted) {
  return client_address(peer, forwarded, blocks(trusted));
}

TEST(AddressBlockTest, HasWhatItSays) {
  const auto has = [](const char* block, const char* address) {
    return AddressBlock::parse(block).value().contains(address);
  };
  EXPECT_TRUE(has("10.0.0.5", "10.0.0.5"));
  EXPECT_FALSE(has("10.0.0.5", "10.0.0.4"));
  EXPECT_TRUE(has("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(has("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(has("10.1.2.3/9", "10.127.0.1"));
  EXPECT_FALSE(has("10.1.2.3/9", "10.128.0.1"));
  EXPECT_TRUE(has("10.0.0.5", "::ffff:10.0.0.5"));
  EXPECT_TRUE(has("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(has("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(has("::1", "::1"));
  EXPECT_TRUE(has("0.0.0.0/0", "1.2.3.4"));
  EXPECT_FALSE(has("0.0.0.0/0", "2001:db8::1"));
  EXPECT_FALSE(has("0.0.0.0/0", "nonsense"));
}

TEST(AddressBlockTest, IsNothingElse) {
  for (const char* bad : {"", "/", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1",
                          "proxy.example", "10.0.0.1:80", "[::1]"}) {
    EXPECT_FALSE(AddressBlock::parse(bad)) << bad;
  }
}

TEST(AddressBlockOf, IsWhatOnePeerCanChoose) {
  EXPECT_EQ(address_block("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(address_block("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(address_block("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(address_block("fe80::1%eth0"), "fe80::/64");
  EXPECT_EQ(address_block("unknown"), "unknown");
}

TEST(ClientAddress, IsThePeerUnlessThatIsTrusted) {
  EXPECT_EQ(client("192.0.2.1", {"10.9.9.9"}, {}), "192.0.2.1");
  EXPECT_EQ(client("192.0.2.1", {"10.9.9.9"}, {"127.0.0.1"}), "192.0.2.1");
  EXPECT_EQ(client("127.0.0.1", {"192.0.2.9"}, {"127.0.0.1"}), "192.0.2.9");
  EXPECT_EQ(client("127.0.0.1", {}, {"127.0.0.1"}), "127.0.0.1");
}

TEST(ClientAddress, IsTheLastOneThatIsNoProxy) {
  // What the client itself wrote stands first, and means nothing.
  EXPECT_EQ(client("127.0.0.1", {"6.6.6.6, 192.0.2.9"}, {"127.0.0.1"}), "192.0.2.9");
  EXPECT_EQ(client("127.0.0.1", {"6.6.6.6", "192.0.2.9 , 10.0.0.2"}, {"127.0.0.1", "10.0.0.0/8"}),
            "192.0.2.9");
  EXPECT_EQ(client("127.0.0.1", {"10.0.0.3,10.0.0.2"}, {"127.0.0.1", "10.0.0.0/8"}), "10.0.0.3");
  EXPECT_EQ(client("::1", {"[2001:db8::1]:4711"}, {"::1"}), "2001:db8::1");
  EXPECT_EQ(client("::1", {"192.0.2.9:4711"}, {"::1"}), "192.0.2.9");
}

TEST(ClientAddress, BelievesNothingThatIsNoAddress) {
  for (const char* bad : {"", "unknown", "6.6.6.6, <script>", "_hidden", "6.6.6.6,", "[::1"}) {
    EXPECT_EQ(client("127.0.0.1", {bad}, {"127.0.0.1"}),
              std::string(bad) == "[::1" ? "::1" : "127.0.0.1")
        << bad;
  }
}

}  // namespace
}  // namespace cooper::server
