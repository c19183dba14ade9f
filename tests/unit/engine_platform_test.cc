// Names of platforms.
#include "engine/platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cooper::engine {
namespace {

TEST(Platform, HasOneSpelling) {
  for (const auto& [text, spelled] : {std::pair{"linux/amd64", "linux/amd64"},
                                      {"linux/x86_64", "linux/amd64"},
                                      {"linux/aarch64", "linux/arm64"},
                                      {"linux/arm64/v8", "linux/arm64"},
                                      {"linux/arm", "linux/arm/v7"},
                                      {"linux/arm/v6", "linux/arm/v6"},
                                      {"linux/amd64/v3", "linux/amd64/v3"},
                                      {"freebsd/riscv64", "freebsd/riscv64"}}) {
    EXPECT_EQ(parse_platform(text).value(), spelled) << text;
  }
}

TEST(Platform, IsRefusedIfItIsNone) {
  for (const char* text :
       {"", "linux", "arm64", "linux/", "/arm64", "linux/arm/v7/x", "Linux/arm64",
        "linux/arm64,linux/amd64", "linux/arm 64", "linux/\x1b"}) {
    EXPECT_FALSE(parse_platform(text)) << text;
  }
}

TEST(Platform, TheHostsOwnComesFirst) {
  const std::vector<std::string> platforms = host_platforms();
  ASSERT_FALSE(platforms.empty());
  EXPECT_EQ(parse_platform(platforms.front()).value(), platforms.front());
  EXPECT_THAT(platforms.front(), testing::StartsWith("linux/"));
}

}  // namespace
}  // namespace cooper::engine
