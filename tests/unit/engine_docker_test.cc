#include "base/error.h"
#include "engine/choose.h"
#include "engine/daemons.h"
#include "engine/docker_api.h"
#include "engine/docker_http.h"
#include "engine/docker_image.h"
#include "engine/registry_auth.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <map>

namespace cooper::engine {
namespace {

TEST(Reference, IsSplitAsTheEngineWantsIt) {
  EXPECT_EQ(split_reference("node"), (RepositoryTag{"node", "latest"}));
  EXPECT_EQ(split_reference("node:18"), (RepositoryTag{"node", "18"}));
  EXPECT_EQ(split_reference("localhost:5000/a/b"), (RepositoryTag{"localhost:5000/a/b", "latest"}));
  EXPECT_EQ(split_reference("localhost:5000/a:1.2"), (RepositoryTag{"localhost:5000/a", "1.2"}));
  EXPECT_EQ(split_reference("a:1@sha256:00"), (RepositoryTag{"a", "sha256:00"}));
  EXPECT_EQ(split_reference("h:5/a@sha256:00"), (RepositoryTag{"h:5/a", "sha256:00"}));
}

TEST(Reference, NamesItsRegistry) {
  EXPECT_EQ(registry_of("node:18"), "docker.io");
  EXPECT_EQ(registry_of("library/node"), "docker.io");
  EXPECT_EQ(registry_of("localhost/app:1"), "localhost");
  EXPECT_EQ(registry_of("127.0.0.1:5000/app"), "127.0.0.1:5000");
  EXPECT_EQ(registry_of("ghcr.io/a/b"), "ghcr.io");
}

std::vector<std::string> names_in(const char* fields) {
  return kept_image(boost::json::parse(fields).as_object()).names;
}

TEST(KeptImage, IsKnownByItsTagsElseByItsDigests) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(
      names_in(
          R"({"Id":"i","RepoTags":["a:1","h:5/a:2"],"RepoDigests":["a@sha256:00","h:5/a@sha256:00"]})"),
      (Names{"a:1", "h:5/a:2"}));
  EXPECT_EQ(names_in(R"({"RepoTags":["a:1"],"RepoDigests":["a@sha256:00","b@sha256:00"]})"),
            (Names{"a:1", "b@sha256:00"}));
  EXPECT_EQ(names_in(R"({"RepoTags":null,"RepoDigests":["b@sha256:00"]})"), (Names{"b@sha256:00"}));
  for (const char* none : {"{}", R"({"RepoTags":[],"RepoDigests":null})",
                           R"({"RepoTags":["<none>:<none>"],"RepoDigests":["<none>@<none>"]})",
                           R"({"RepoTags":7,"RepoDigests":[7,null]})"}) {
    EXPECT_EQ(names_in(none), Names{}) << none;
  }
}

TEST(KeptImage, HasCoopersLabels) {
  const KeptImage image = kept_image(
      boost::json::parse(R"({"Id":"i","Labels":{"cooper.app":"a","b":"c","cooper.x":1}})")
          .as_object());
  EXPECT_EQ(image.id, "i");
  EXPECT_EQ(image.labels, (std::map<std::string, std::string>{{"cooper.app", "a"}}));
  EXPECT_TRUE(kept_image(boost::json::parse(R"({"Labels":null})").as_object()).labels.empty());
}

constexpr const char* kAuthFile = R"({
  "auths": {
    "https://index.docker.io/v1/": {"auth": "dXNlcjpwYXNzOndvcmQ="},
    "127.0.0.1:5000": {"auth": "YTpi"},
    "token.example": {"auth": "", "identitytoken": "T0KEN"},
    "helper.example": {},
    "broken.example": {"auth": "!!!"}
  }})";

TEST(AuthFile, TheLoginOfAHostIsFound) {
  EXPECT_EQ(login_in(kAuthFile, "127.0.0.1:5000"), (Login{.user = "a", .password = "b"}));
  // What a daemon asks for, what a reference says, and what the file has, differ.
  for (const char* host : {"registry-1.docker.io", "docker.io"}) {
    EXPECT_EQ(login_in(kAuthFile, host), (Login{.user = "user", .password = "pass:word"})) << host;
  }
  EXPECT_EQ(login_in(kAuthFile, "token.example"), (Login{.password = "T0KEN"}));
}

TEST(AuthFile, WhatIsNoLoginIsNone) {
  for (const char* host : {"helper.example", "broken.example", "other.example", ""}) {
    EXPECT_EQ(login_in(kAuthFile, host), std::nullopt) << host;
  }
  EXPECT_EQ(login_in("", "a"), std::nullopt);
  EXPECT_EQ(login_in("[]", "a"), std::nullopt);
  EXPECT_EQ(login_in(R"({"auths":[]})", "a"), std::nullopt);
}

TEST(AuthHeader, IsJsonInTheUrlSafeAlphabet) {
  EXPECT_EQ(docker_auth_header(Login{.user = "a", .password = "?>"}),
            "eyJ1c2VybmFtZSI6ImEiLCJwYXNzd29yZCI6Ij8-In0=");
}

TEST(BuildkitAddress, IsASocketOrAHostAndPort) {
  for (const char* good : {"unix:///run/buildkit/buildkitd.sock", "tcp://10.0.0.1:1234",
                           "tcp://build.example:1", "tcp://[::1]:1234"}) {
    EXPECT_TRUE(is_buildkit_address(good)) << good;
  }
  for (const char* bad : {"", "unix://", "unix://a", "tcp://host", "tcp://:1", "tcp://host:0",
                          "tcp://host:65536", "http://host:1", "/run/buildkitd.sock"}) {
    EXPECT_FALSE(is_buildkit_address(bad)) << bad;
  }
}

TEST(BuildkitAddress, SeveralHaveCommasBetweenThem) {
  EXPECT_EQ(parse_buildkit_addresses(""), std::vector<std::string>());
  EXPECT_EQ(parse_buildkit_addresses("tcp://a:1,unix:///b"),
            (std::vector<std::string>{"tcp://a:1", "unix:///b"}));
  for (const char* bad : {",", "tcp://a:1,", "tcp://a:1, tcp://b:1", "tcp://a:1,b"}) {
    EXPECT_EQ(parse_buildkit_addresses(bad), std::nullopt) << bad;
  }
}

TEST(BuildkitDaemons, AnAppStaysWithItsDaemonWhenOthersComeAndGo) {
  const std::vector<std::string> three = {"tcp://a:1", "tcp://b:1", "tcp://c:1"};
  const std::vector<std::string> two = {"tcp://c:1", "tcp://a:1"};
  std::map<std::string, int> apps;
  for (int i = 0; i < 300; ++i) {
    const std::string app = "app-" + std::to_string(i);
    const std::string with_all = in_order_for(app, three).front();
    ++apps[with_all];
    if (with_all != "tcp://b:1") {
      EXPECT_EQ(in_order_for(app, two).front(), with_all) << app;
    }
  }
  for (const std::string& daemon : three) EXPECT_GT(apps[daemon], 50) << daemon;
}

/// DOCKER_HOST for the length of a test.
class ChoiceTest : public testing::Test {
 protected:
  void SetUp() override { ::setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock", 1); }
  void TearDown() override { ::unsetenv("DOCKER_HOST"); }
};

TEST_F(ChoiceTest, AConfiguredDaemonComesFirstAndBuildahLast) {
  EXPECT_EQ(choose_engine({.buildkit = {"tcp://a:1"}}).kind, EngineKind::buildkit);
  const EngineChoice choice = choose_engine({});
  EXPECT_EQ(choice.kind, EngineKind::buildah);
  EXPECT_NE(choice.why.find("/nonexistent/docker.sock"), std::string::npos) << choice.why;
}

TEST_F(ChoiceTest, ANamedEngineIsTakenUnseen) {
  EXPECT_EQ(choose_engine({.engine = "docker"}).address, "/nonexistent/docker.sock");
  EXPECT_EQ(choose_engine({.engine = "buildah", .buildkit = {"tcp://a:1"}}).kind,
            EngineKind::buildah);
  EXPECT_THROW(choose_engine({.engine = "buildkit"}), Error);
}

TEST_F(ChoiceTest, OnlyUnixSocketsOfAnEngineAreSpokenTo) {
  ::setenv("DOCKER_HOST", "tcp://10.0.0.1:2375", 1);
  EXPECT_THROW(choose_engine({.engine = "docker"}), Error);
  EXPECT_EQ(choose_engine({}).kind, EngineKind::buildah);  // that of others is no reason to fail
}

}  // namespace
}  // namespace cooper::engine
