// Which addresses are everybody's.

#include "source/address.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <string>

namespace cooper::source {
namespace {

sockaddr_storage address_of(const std::string& text) {
  sockaddr_storage storage{};
  sockaddr_in in{.sin_family = AF_INET};
  sockaddr_in6 in6{.sin6_family = AF_INET6};
  if (::inet_pton(AF_INET, text.c_str(), &in.sin_addr) == 1) {
    std::memcpy(&storage, &in, sizeof in);
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &in6.sin6_addr), 1) << text;
    std::memcpy(&storage, &in6, sizeof in6);
  }
  return storage;
}

bool is_public_text(const std::string& text) {
  const sockaddr_storage storage = address_of(text);
  return is_public(reinterpret_cast<const sockaddr&>(storage));
}

TEST(Address, TheInternetsArePublic) {
  for (const char* text : {"1.1.1.1",
                           "8.8.8.8",
                           "9.255.255.255",
                           "11.0.0.0",
                           "100.63.255.255",
                           "100.128.0.0",
                           "126.255.255.255",
                           "128.0.0.0",
                           "169.253.255.255",
                           "169.255.0.0",
                           "172.15.255.255",
                           "172.32.0.0",
                           "192.0.1.0",
                           "192.0.3.0",
                           "192.167.255.255",
                           "192.169.0.0",
                           "198.17.255.255",
                           "198.20.0.0",
                           "223.255.255.255",
                           "2606:4700:4700::1111",
                           "2001:4860:4860::8888",
                           "2a00:1450:4001:800::200e",
                           "::ffff:8.8.8.8",
                           "64:ff9b::8.8.8.8",
                           "2002:808:808::1"}) {
    EXPECT_TRUE(is_public_text(text)) << text;
  }
}

TEST(Address, OthersAreNot) {
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.254",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.170",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.7",
                           "203.0.113.7",
                           "224.0.0.1",
                           "239.255.255.250",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::127.0.0.1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::ffff:169.254.169.254",
                           "64:ff9b::10.0.0.1",
                           "64:ff9b:1::8.8.8.8",
                           "2002:7f00:1::",
                           "2002:a00:1::",
                           "2001::1",
                           "2001:db8::1",
                           "3fff::1",
                           "100::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "ff02::1",
                           "5f00::1",
                           "4000::1"}) {
    EXPECT_FALSE(is_public_text(text)) << text;
  }
  const sockaddr other{.sa_family = AF_UNIX};
  EXPECT_FALSE(is_public(other));
}

TEST(Address, IsWrittenAsPeopleDo) {
  const sockaddr_storage v4 = address_of("192.0.2.1");
  const sockaddr_storage v6 = address_of("2001:DB8:0::1");
  EXPECT_EQ(text_of(reinterpret_cast<const sockaddr&>(v4)), "192.0.2.1");
  EXPECT_EQ(text_of(reinterpret_cast<const sockaddr&>(v6)), "2001:db8::1");
}

}  // namespace
}  // namespace cooper::source
