// URLs of source, honest and other ones.

#include "source/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cooper::source {
namespace {

using testing::HasSubstr;
using testing::Not;

SourceUrl parsed(std::string_view text) {
  auto url = parse_source_url(text);
  EXPECT_TRUE(url) << text << ": " << (url ? "" : url.error().message());
  return url ? *url : SourceUrl{};
}

TEST(Url, IsTakenApart) {
  EXPECT_EQ(
      parsed("https://git.example/team/app.git"),
      (SourceUrl{.scheme = "https", .host = "git.example", .port = 443, .path = "/team/app.git"}));
  EXPECT_EQ(parsed("HTTPS://me:s%40cret@git.example:8443/a?b=c#d"),
            (SourceUrl{.scheme = "https",
                       .user = "me",
                       .password = "s%40cret",
                       .host = "git.example",
                       .port = 8443,
                       .path = "/a",
                       .query = "?b=c"}));
  EXPECT_EQ(parsed("ssh://git@[2001:db8::1]:2222/app.git"), (SourceUrl{.scheme = "ssh",
                                                                       .user = "git",
                                                                       .host = "2001:db8::1",
                                                                       .port = 2222,
                                                                       .path = "/app.git"}));
  EXPECT_EQ(parsed("git://git.example/app").port, 9418);
  EXPECT_EQ(parsed("http://192.0.2.1").path, "/");
  EXPECT_EQ(parsed("file:///srv/app.git"), (SourceUrl{.scheme = "file", .path = "/srv/app.git"}));
  EXPECT_EQ(parsed("/srv/app.git"), parsed("file:///srv/app.git"));
  EXPECT_EQ(parsed("git@git.example:team/app.git"), (SourceUrl{.scheme = "ssh",
                                                               .user = "git",
                                                               .host = "git.example",
                                                               .port = 22,
                                                               .path = "team/app.git"}));
}

TEST(Url, IsPutTogetherAgain) {
  for (const char* text :
       {"https://git.example/team/app.git", "https://me:s%40cret@git.example:8443/a?b=c",
        "ssh://git@[2001:db8::1]:2222/app.git", "file:///srv/app.git",
        "git@git.example:team/app.git", "git.example:app", "git://git.example/app"}) {
    EXPECT_EQ(text_of(parsed(text)), text);
  }
}

TEST(Url, CredentialsAreLeftOutWhereOthersCanSee) {
  const SourceUrl url = parsed("https://me:secret@git.example/a?token=t0ken");
  EXPECT_EQ(without_credentials(url), "https://git.example/a?token=t0ken");
  EXPECT_EQ(shown(url), "https://git.example/a");
  EXPECT_EQ(without_credentials(parsed("ssh://git:x@git.example/a")), "ssh://git@git.example/a");
  EXPECT_EQ(shown(parsed("git@git.example:a")), "git.example:a");
}

TEST(Url, CredentialsAreHiddenInWhatAnybodyWrites) {
  EXPECT_EQ(hide_credentials("https://me:s@cret@host/a@b"), "https://(hidden)@host/a@b");
  EXPECT_EQ(hide_credentials("tok3n://x:y@/"), "tok3n://(hidden)@/");
  EXPECT_EQ(hide_credentials("ssh://git:x@host/a"), "ssh://(hidden)@host/a");
  EXPECT_EQ(hide_credentials("https://me:s/cret@host/a"), "https://(hidden)@host/a");
  EXPECT_EQ(hide_credentials("ssh://me:1/2@3/cret@host/a"), "ssh://(hidden)@host/a");
  for (const char* text : {"", "main", "ssh://git@host/a", "git@host:a", "https://host/a@b",
                           "http://[::1]:80/a@b", "https://host:80/a"}) {
    EXPECT_EQ(hide_credentials(text), text);
  }
}

TEST(Url, IsRefused) {
  for (const char* text : {"",
                           "-oProxyCommand=x",
                           "--upload-pack=x",
                           "ext::sh -c x",
                           "ext::sh",
                           "ext://x/y",
                           "fd::3",
                           "gopher://git.example/",
                           "ftp://git.example/a",
                           "app",
                           "./app",
                           "https://",
                           "https:///a",
                           "https://:8080/a",
                           "https://-x/a",
                           "ssh://-oProxyCommand=x/a",
                           "-x@git.example:a",
                           "ssh://-x@git.example/a",
                           "ssh://%2dx@git.example/a",
                           "git@-x:a",
                           "git@git.example:-a",
                           "git@git.example:",
                           "git.example::a",
                           "https://git.example:0/a",
                           "https://git.example:65536/a",
                           "https://git.example:8x/a",
                           "https://git example/a",
                           "https://git.example/a b",
                           "https://git.example/a\nb",
                           "https://git.example/\x1b[31m",
                           "https://git.example\\@evil/a",
                           "https://gi\xc3\xaft.example/a",
                           "https://a@b@git.example/",
                           "https://a:%0ab@git.example/",
                           "https://a:%4@git.example/",
                           "https://2130706433/",
                           "https://0x7f000001/",
                           "https://0x7f.1/",
                           "https://127.1/",
                           "https://0177.0.0.1/",
                           "https://1.2.3.4.5/",
                           "https://127.0.0.1./",
                           "https://[::1/",
                           "https://[fe80::1%25eth0]/",
                           "https://[x]/",
                           "file://host/a",
                           "file://a"}) {
    EXPECT_FALSE(parse_source_url(text)) << text;
  }
  EXPECT_FALSE(parse_source_url("https://git.example/" + std::string(5000, 'a')));
  EXPECT_FALSE(parse_source_url(std::string("https://git.example/\0a", 22)));
}

TEST(Url, RefusingRepeatsNoCredentials) {
  for (const char* text : {"https://me:secret@-x/a", "https://me:secret@git.example:x/a",
                           "https://me:secret@/a", "https://me:sec ret@git.example/a",
                           "https://me:sec/ret@git.example/a", "https://me:1/sec@git.example/a"}) {
    const auto url = parse_source_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_THAT(url.error().message() + url.error().hint(), Not(HasSubstr("sec"))) << text;
  }
}

TEST(Url, APasswordIsNoPortAndItsUserNoHost) {
  for (const char* text : {"https://me:1/2@git.example/a", "https://me:1/@git.example/a",
                           "https://me:1#2@git.example/", "http://me:1/2?3@git.example/a",
                           "https://127.0.0.1?x@git.example/a"}) {
    EXPECT_FALSE(parse_source_url(text)) << text;
  }
  EXPECT_EQ(parsed("https://git.example/@team/app").path, "/@team/app");
  EXPECT_EQ(parsed("http://me:x@git.example:8080/@team/app").path, "/@team/app");
  EXPECT_EQ(parsed("http://[::1]:8080/@team/app").path, "/@team/app");
  EXPECT_EQ(parsed("https://me:1%2F2@git.example/a").host, "git.example");
}

TEST(Url, PercentSignsAreResolved) {
  EXPECT_EQ(percent_decoded("a%40b%2Fc%2f"), "a@b/c/");
  for (const char* text : {"%", "%4", "%zz", "%00", "%0a", "%7f"}) {
    EXPECT_EQ(percent_decoded(text), std::nullopt) << text;
  }
}

TEST(SourceUrl, CredentialsAreLentToTheSameServerAlone) {
  const SourceUrl from = parse_source_url("https://me:token@git.example/team/app").value();
  const auto with_lent = [&](const char* text) {
    SourceUrl url = parse_source_url(text).value();
    lend_credentials(from, url);
    return text_of(url);
  };
  EXPECT_EQ(with_lent("https://git.example/other"), "https://me:token@git.example/other");
  EXPECT_EQ(with_lent("https://git.example:443/x"), "https://me:token@git.example/x");
  for (const char* text :
       {"http://git.example/x", "https://git.example:8443/x", "https://git.example.evil/x",
        "https://evil.example/x", "ssh://git.example/x", "https://you@git.example/x"}) {
    EXPECT_EQ(with_lent(text), text);
  }
}

}  // namespace
}  // namespace cooper::source
