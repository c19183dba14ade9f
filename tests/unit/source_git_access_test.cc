// What git is told before it may fetch.

#include "source/git_access.h"
#include "unit/source_test_support.h"

#include <gmock/gmock.h>

namespace cooper::source {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const FetchPolicy kAll{.schemes = {"https", "http", "ssh", "git", "file"}};

// A host that is an address is looked up without a network.
GitAccess access_to(const char* url, FetchPolicy policy = kAll) {
  return git_access(parse_source_url(url).value(), policy, {});
}

TEST(GitAccess, HttpIsPinnedAndFollowsNothing) {
  const GitAccess access = access_to("https://1.1.1.1:8443/app.git");
  EXPECT_EQ(access.url, "https://1.1.1.1:8443/app.git");  // a name: tests/integration
  EXPECT_THAT(access.settings, Contains("http.proxy="));
  EXPECT_THAT(access.settings, Contains("http.followRedirects=false"));
  EXPECT_THAT(access.environment, ElementsAre("GIT_ALLOW_PROTOCOL=https"));
}

TEST(GitAccess, PasswordsTravelInTheEnvironmentForTheirHostAlone) {
  const GitAccess access = access_to("https://me:s%40cret@1.1.1.1/app.git");
  EXPECT_EQ(access.url, "https://1.1.1.1/app.git");
  EXPECT_THAT(access.settings, Not(Contains(HasSubstr("cret"))));
  EXPECT_THAT(access.environment, Contains("GIT_CONFIG_KEY_0=http.https://1.1.1.1/.extraHeader"));
  EXPECT_THAT(access.environment, Contains("GIT_CONFIG_VALUE_0=Authorization: Basic bWU6c0BjcmV0"));
}

TEST(GitAccess, SshIsPinnedAndAsksNobody) {
  const GitAccess access = access_to("ssh://git@1.1.1.1:2222/app.git");
  EXPECT_EQ(access.url, "ssh://git@1.1.1.1:2222/app.git");
  for (const char* part : {"BatchMode=yes", "HostName=1.1.1.1", "HostKeyAlias='[1.1.1.1]:2222'",
                           "ProxyCommand=none", "ProxyJump=none"}) {
    EXPECT_THAT(access.environment, Contains(HasSubstr(part)));
  }
  EXPECT_EQ(access_to("git@1.1.1.1:app").url, "git@1.1.1.1:app");
}

TEST(GitAccess, TheGitProtocolGetsTheAddressAndTheName) {
  const GitAccess access = access_to("git://1.1.1.1/app");
  EXPECT_EQ(access.url, "git://1.1.1.1/app");
  EXPECT_THAT(access.environment, Contains("GIT_OVERRIDE_VIRTUAL_HOST=1.1.1.1"));
}

TEST(GitAccess, AnywhereIsGitsOwnBusiness) {
  FetchPolicy policy = kAll;
  policy.reach = Reach::anywhere;
  EXPECT_THAT(access_to("http://127.0.0.1/a", policy).settings, Each(StartsWith("http.lowSpeed")));
  EXPECT_THAT(access_to("ssh://127.0.0.1/a", policy).environment,
              Not(Contains(HasSubstr("HostName"))));
  EXPECT_THAT(access_to("file:///srv/a", policy).settings, IsEmpty());
}

TEST(GitAccess, WhatIsNotAllowedIsRefused) {
  for (const char* url : {"http://127.0.0.1/a", "ssh://git@[::1]/a", "git@169.254.169.254:a",
                          "git://10.0.0.1/a", "https://[::ffff:10.0.0.1]/a"}) {
    std::string message;
    EXPECT_EQ(code_of([&] { access_to(url); }, &message), Errc::denied) << url;
    EXPECT_THAT(message, HasSubstr("no public address")) << url;
  }
  std::string message;
  EXPECT_EQ(code_of([&] { access_to("http://1.1.1.1/a", {}); }, &message), Errc::denied);
  EXPECT_EQ(message, "source may not be fetched by http");
}

}  // namespace
}  // namespace cooper::source
