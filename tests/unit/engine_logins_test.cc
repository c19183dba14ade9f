// The auth file that cooper keeps itself, and what it is merged with.
#include "base/base64.h"
#include "engine/registry_auth.h"

#include <gtest/gtest.h>

namespace cooper::engine {
namespace {

TEST(Logins, OneIsAddedReplacedAndRemoved) {
  const std::string one = with_login("", "ghcr.io", {.user = "me", .password = "pa:ss"}).value();
  EXPECT_EQ(login_in(one, "ghcr.io"), (Login{.user = "me", .password = "pa:ss"}));
  EXPECT_EQ(one.find("pa:ss"), std::string::npos);
  const std::string two = with_login(one, "127.0.0.1:5000", {.user = "x", .password = "y"}).value();
  const std::string replaced =
      with_login(two, "ghcr.io", {.user = "me", .password = "new"}).value();
  EXPECT_EQ(login_in(replaced, "ghcr.io")->password, "new");
  EXPECT_EQ(login_in(replaced, "127.0.0.1:5000")->user, "x");
  const auto rest = without_login(replaced, "ghcr.io").value();
  ASSERT_TRUE(rest);
  EXPECT_FALSE(login_in(*rest, "ghcr.io"));
  EXPECT_TRUE(login_in(*rest, "127.0.0.1:5000"));
  EXPECT_FALSE(without_login(*rest, "ghcr.io").value());
  EXPECT_FALSE(without_login("", "ghcr.io").value());
}

TEST(Logins, DockerHubHasManyNames) {
  const std::string file = with_login("", "docker.io", {.user = "me", .password = "p"}).value();
  EXPECT_TRUE(login_in(file, "registry-1.docker.io"));
  const std::string old =
      R"({"auths":{"https://index.docker.io/v1/":{"auth":")" + to_base64("old:pw") + R"("}}})";
  const std::string replaced =
      with_login(old, "docker.io", {.user = "me", .password = "p"}).value();
  EXPECT_EQ(login_in(replaced, "docker.io")->user, "me");
  EXPECT_EQ(replaced.find("index.docker.io"), std::string::npos);
}

TEST(Logins, AFileThatIsNoneIsNotReplaced) {
  EXPECT_EQ(with_login("junk", "ghcr.io", {.user = "me", .password = "p"}).error().code(),
            Errc::corrupt);
  EXPECT_EQ(without_login("[]", "ghcr.io").error().code(), Errc::corrupt);
}

TEST(Logins, WhatAHostIs) {
  for (const char* host : {"ghcr.io", "127.0.0.1:5000", "localhost", "[::1]:5000", "[fe80::1]",
                           "my_host", "a.b-c.example:1"}) {
    EXPECT_TRUE(is_registry_host(host)) << host;
  }
  for (const char* text : {"", "https://ghcr.io", "ghcr.io/me", "a b", "host:", "host:0",
                           "host:65536", "host:1:2", "[::1", "::1", "h\n", ":5000", "[]:1"}) {
    EXPECT_FALSE(is_registry_host(text)) << text;
  }
}

TEST(Logins, TheEngineIsToldNobodyToo) {
  EXPECT_EQ(from_base64(docker_auth_header(std::nullopt)), "{}");
}

}  // namespace
}  // namespace cooper::engine
