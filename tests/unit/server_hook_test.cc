// Webhooks that come in: signatures, and what they say.

#include "base/base64.h"
#include "base/hmac.h"
#include "server/git_backend.h"
#include "server/hook_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace cooper::server {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr std::string_view kSecret = "0123456789abcdef";
constexpr std::string_view kBody = R"({"ref":"refs/heads/main"})";
const std::string kCommit(40, 'a');

Fields headers(std::initializer_list<std::pair<const char*, std::string>> all) {
  Fields fields;
  for (const auto& [name, value] : all) fields.add(name, value);
  return fields;
}

std::string signature() { return hex(hmac_sha256(kSecret, kBody)); }

TEST(HookSignature, EachSendersIsGood) {
  const auto github = check_hook(headers({{"x-hub-signature-256", "sha256=" + signature()},
                                          {"x-github-event", "push"},
                                          {"x-github-delivery", "d-1"}}),
                                 kBody, kSecret, now());
  ASSERT_TRUE(github);
  EXPECT_EQ(github->sender, "github");
  EXPECT_EQ(github->delivery, "d-1");
  EXPECT_EQ(kind_of(*github), HookKind::push);
  const auto gitea = check_hook(headers({{"x-gitea-signature", signature()},
                                         {"x-gitea-event", "push"},
                                         {"x-github-event", "push"},
                                         {"x-gitea-delivery", "d-2"}}),
                                kBody, kSecret, now());
  ASSERT_TRUE(gitea);
  EXPECT_EQ(gitea->sender, "gitea");
  const auto forgejo =
      check_hook(headers({{"x-forgejo-signature", signature()}, {"x-forgejo-event", "ping"}}),
                 kBody, kSecret, now());
  ASSERT_TRUE(forgejo);
  EXPECT_EQ(kind_of(*forgejo), HookKind::ping);
  EXPECT_TRUE(forgejo->delivery.starts_with("sha256:"));
  const auto gitlab = check_hook(headers({{"x-gitlab-token", std::string(kSecret)},
                                          {"x-gitlab-event", "Push Hook"},
                                          {"x-gitlab-event-uuid", "of all of its kind"},
                                          {"idempotency-key", "d-3"}}),
                                 kBody, kSecret, now());
  ASSERT_TRUE(gitlab);
  EXPECT_EQ(gitlab->sender, "gitlab");
  EXPECT_EQ(gitlab->delivery, "d-3");
  EXPECT_EQ(kind_of(*gitlab), HookKind::push);
}

TEST(HookSignature, NothingElseIs) {
  const std::string good = signature();
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "0", "sha1=" + good, std::string(64, '0'),
        "SHA256=" + good, hex(hmac_sha256("another secret 16", kBody))}) {
    for (const char* name : {"x-hub-signature-256", "x-gitea-signature", "x-forgejo-signature",
                             "x-gitlab-token", "webhook-signature"}) {
      EXPECT_FALSE(check_hook(headers({{name, bad}}), kBody, kSecret, now())) << name << " " << bad;
    }
  }
  EXPECT_FALSE(check_hook({}, kBody, kSecret, now()));
  EXPECT_FALSE(check_hook(headers({{"x-hub-signature-256", "sha256=" + good}}),
                          std::string(kBody) + " ", kSecret, now()));
  // An app without a secret takes nothing, not even what is signed with none.
  EXPECT_FALSE(check_hook(headers({{"x-gitlab-token", ""}}), kBody, "", now()));
  EXPECT_FALSE(
      check_hook(headers({{"x-hub-signature-256", "sha256=" + hex(hmac_sha256("", kBody))}}), kBody,
                 "", now()));
}

TEST(HookSignature, OfStandardWebhooksHasATime) {
  // Key, id, time, body and signature of the specification's own example.
  const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const std::string body = R"({"test": 2432232314})";
  const std::string wanted = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  EXPECT_EQ(webhook_signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body), wanted);
  const auto check = [&](const std::string& signatures, std::chrono::seconds later) {
    return check_hook(headers({{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                               {"webhook-timestamp", "1614265330"},
                               {"webhook-signature", signatures},
                               {"x-gitlab-event", "Push Hook"}}),
                      body, secret, Time(std::chrono::seconds(1614265330) + later));
  };
  using namespace std::chrono_literals;
  ASSERT_TRUE(check(wanted, 0s));
  EXPECT_EQ(check(wanted, 0s)->delivery, "msg_p5jXN8AQM9LWM0D4loKWxJek");
  EXPECT_TRUE(check("v1,AAAA " + wanted, 300s));
  EXPECT_TRUE(check(wanted, -300s));
  EXPECT_FALSE(check(wanted, 301s));
  EXPECT_FALSE(check(wanted, -301s));
  EXPECT_FALSE(check("v1a" + wanted.substr(2), 0s));
}

std::string push(const std::string& ref, const std::string& after,
                 const std::string& repository = R"({"clone_url":"https://a.example/t/s.git"})") {
  return R"({"ref":")" + ref + R"(","after":")" + after + R"(","repository":)" + repository + "}";
}

TEST(PushEventText, SaysRefCommitAndRepository) {
  const PushEvent event =
      parse_push_event(
          push(
              "refs/heads/main", kCommit,
              R"({"clone_url":"https://a.example/t/s.git","ssh_url":"git@a.example:t/s.git","id":3})"))
          .value();
  EXPECT_EQ(event.ref, "refs/heads/main");
  EXPECT_EQ(event.after, kCommit);
  EXPECT_FALSE(event.deletes());
  EXPECT_THAT(event.repository, ElementsAre("https://a.example/t/s.git", "git@a.example:t/s.git"));
  EXPECT_TRUE(parse_push_event(push("refs/heads/x", std::string(40, '0'))).value().deletes());
}

TEST(PushEventText, IsRefusedWhole) {
  const std::string deep(5000, '[');
  for (const std::string& bad :
       {std::string(), std::string("null"), std::string("[]"), std::string("{"), deep,
        std::string("{\"ref\":\"\xff\"}"), push("main", kCommit), push("", kCommit),
        push("refs/heads/main", "main"), push("refs/heads/main", kCommit.substr(1)),
        push("refs/heads/main", kCommit + "; rm"), push("refs/heads/main", kCommit, "[]"),
        push("refs/heads/main", kCommit, "{}"), push("refs/heads/main", kCommit, R"({"url":3})"),
        push("refs/heads/a\\u001b[2J", kCommit), push("refs/heads/a\\u0000", kCommit),
        push("refs/heads/" + std::string(300, 'a'), kCommit),
        push("refs/heads/main", kCommit) + "x",
        std::string(R"({"ref":["refs/heads/main"],"after":1})")}) {
    const auto event = parse_push_event(bad);
    ASSERT_FALSE(event) << bad;
    EXPECT_EQ(event.error().code(), Errc::invalid);
    EXPECT_EQ(event.error().message().find("rm"), std::string::npos);
  }
}

TEST(Repository, IsTheSameByAllItsNames) {
  const char* ours = "https://git.example/Team/shop.git";
  for (const char* same :
       {"https://git.example/team/shop", "https://git.example/team/shop/",
        "git@git.example:team/shop.git", "ssh://git@git.example:2222/team/shop.git",
        "http://10.0.0.1:3000/team/shop"}) {
    EXPECT_TRUE(is_same_repository(ours, same)) << same;
  }
  for (const char* other :
       {"https://git.example/team/shop2", "https://git.example/shop", "", "team/shop",
        "https://git.example/", "https://git.example/x/team/shop"}) {
    EXPECT_FALSE(is_same_repository(ours, other)) << other;
  }
}

TEST(Cgi, HeadersAreTakenApart) {
  const CgiHead head =
      parse_cgi_head(
          "Expires: Fri, 01 Jan 1980\r\nContent-Type: application/x-git\r\nStatus: 403 No")
          .value();
  EXPECT_EQ(head.status, 403U);
  EXPECT_EQ(head.type, "application/x-git");
  EXPECT_THAT(head.headers.entries(), ElementsAre(Pair("Expires", "Fri, 01 Jan 1980")));
  for (const char* bad :
       {"", "x", ": y", "A B: c", "Status: 99", "Status: x", "Content-Type: a\n\nb"}) {
    EXPECT_FALSE(parse_cgi_head(bad)) << bad;
  }
}

TEST(Cgi, NamesOfPeopleAreNoHeaders) {
  EXPECT_EQ(committer_name("alice"), "alice");
  EXPECT_EQ(committer_name("a b\n<c>\0d"), "abc");
  EXPECT_EQ(committer_name("-._"), "anonymous");
  EXPECT_EQ(committer_name(""), "anonymous");
  EXPECT_EQ(committer_name(std::string(500, 'a')).size(), 64U);
}

}  // namespace
}  // namespace cooper::server
