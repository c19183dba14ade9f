// What a request says: URL, form, credentials, route.

#include "server/build_options.h"
#include "server/exchange.h"
#include "server/fields.h"
#include "server/listen.h"
#include "server/login.h"
#include "server/rack_json.h"
#include "server/router.h"
#include "server/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace cooper::server {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(Form, HasNamesAndValues) {
  const Fields form = parse_form("a=1&b=x+y%2F&a=2&empty&=x").value();
  EXPECT_THAT(form.entries(), ElementsAre(Pair("a", "1"), Pair("b", "x y/"), Pair("a", "2"),
                                          Pair("empty", ""), Pair("", "x")));
  EXPECT_EQ(form.get("a"), "1");
  EXPECT_THAT(form.all("a"), ElementsAre("1", "2"));
  EXPECT_FALSE(form.find("c"));
  EXPECT_TRUE(parse_form("").value().entries().empty());
}

TEST(Form, IsRefusedWhole) {
  for (const char* bad : {"a=%", "a=%1", "a=%zz", "a=%00", "a=%ff", "%80=1", "a=\x80"}) {
    const auto form = parse_form(bad);
    ASSERT_FALSE(form) << bad;
    EXPECT_EQ(form.error().code(), Errc::invalid);
  }
  EXPECT_FALSE(parse_form("password=geheim&x=%").error().message().find("geheim") !=
               std::string::npos);
  std::string many;
  for (std::size_t i = 0; i <= kMaxFields; ++i) many += "a&";
  EXPECT_FALSE(parse_form(many));
}

TEST(TargetTest, IsPathAndQuery) {
  const Target target = parse_target("/apps/web/builds/x.tgz?limit=3&").value();
  EXPECT_THAT(target.path, ElementsAre("apps", "web", "builds", "x.tgz"));
  EXPECT_EQ(target.query.get("limit"), "3");
  EXPECT_THAT(parse_target("/a%2Fb/c%20d/").value().path, ElementsAre("a/b", "c d"));
  EXPECT_TRUE(parse_target("/").value().path.empty());
  EXPECT_THAT(parse_target("http://host:1/apps?").value().path, ElementsAre("apps"));
  EXPECT_TRUE(parse_target("http://host").value().path.empty());
}

TEST(TargetTest, LeadsNowhereElse) {
  for (const char* bad : {"", "apps", "//apps", "/a//b", "/a/./b", "/a/../b", "/%2e%2e/b", "/a%",
                          "/%00", "/%0a", "/%7f", "/%ff", "/a?%", "*", "/a//"}) {
    EXPECT_FALSE(parse_target(bad)) << bad;
  }
}

TEST(CredentialsTest, AreBasicOrBearer) {
  const auto basic = credentials_in("Basic Y29udm94OmE6Yg==");
  ASSERT_TRUE(basic);
  EXPECT_EQ(basic->user, "convox");
  EXPECT_EQ(basic->password, "a:b");
  EXPECT_EQ(credentials_in("bearer  token ")->password, "token");
  for (const char* bad :
       {"", "Basic", "Basic ?", "Basic YQ==", "Digest x", "Bearer", "Y29udm94OmE6Yg=="}) {
    EXPECT_FALSE(credentials_in(bad)) << bad;
  }
}

Answer one(Services&, const Request&) { return {}; }
Answer other(Services&, const Request&) { return {}; }

constexpr std::array kRoutes = {
    Route{Method::get, "/", Role::nobody, one},
    Route{Method::post, "/apps/{app}/builds/import", Role::build, one},
    Route{Method::get, "/apps/{app}/builds/{id}.tgz", Role::build, one},
    Route{Method::get, "/apps/{app}/builds/{id}", Role::read, other},
    Route{Method::socket, "/apps/{app}/builds/{id}/logs", Role::read, one},
    Route{Method::get, "/apps/{app}/objects/{key*}", Role::build, other}};

Match find(Method method, const char* path, Request& request) {
  static const Router router({std::span<const Route>(kRoutes)});
  request = Request{.method = method, .target = parse_target(path).value()};
  return router.find(request);
}

TEST(RouterTest, FindsTheFirstThatFits) {
  Request request;
  EXPECT_EQ(find(Method::get, "/", request).route, kRoutes.data());
  EXPECT_EQ(find(Method::get, "/apps/web/builds/abc.tgz", request).route, &kRoutes[2]);
  EXPECT_EQ(request.argument("id"), "abc");
  EXPECT_EQ(request.app().str(), "web");
  EXPECT_EQ(find(Method::get, "/apps/web/builds/abc", request).route, &kRoutes[3]);
  EXPECT_EQ(find(Method::get, "/apps/web/builds/.tgz", request).route, &kRoutes[3]);
  EXPECT_EQ(find(Method::head, "/apps/web/builds/abc", request).route, &kRoutes[3]);
  EXPECT_EQ(find(Method::get, "/apps/web/objects/tmp/a.tgz", request).route, &kRoutes[5]);
  EXPECT_EQ(request.argument("key"), "tmp/a.tgz");
  EXPECT_EQ(find(Method::socket, "/apps/web/builds/abc/logs", request).route, &kRoutes[4]);
}

TEST(RouterTest, TellsAWrongMethodFromAWrongPath) {
  Request request;
  EXPECT_TRUE(find(Method::get, "/apps/web/builds/abc/logs", request).path_exists);
  EXPECT_FALSE(find(Method::get, "/apps/web/builds/abc/logs", request).route);
  for (const char* path :
       {"/apps", "/apps/web/builds", "/apps/web/builds/a/b", "/apps/web/objects"}) {
    EXPECT_FALSE(find(Method::get, path, request).path_exists) << path;
  }
}

TEST(MayCall, AsksForRoleAndApp) {
  Request request;
  const Route& route = *find(Method::get, "/apps/web/builds/abc", request).route;
  const Route& write = kRoutes[1];
  const AppName web = AppName::parse("web").value();
  const AppName shop = AppName::parse("shop").value();
  EXPECT_TRUE(may_call({.name = "r", .role = Role::read, .app = {}}, route, request));
  EXPECT_FALSE(may_call({.name = "r", .role = Role::read, .app = {}}, write, request));
  EXPECT_TRUE(may_call({.name = "a", .role = Role::admin, .app = {}}, write, request));
  EXPECT_TRUE(may_call({.name = "r", .role = Role::read, .app = web}, route, request));
  EXPECT_FALSE(may_call({.name = "r", .role = Role::admin, .app = shop}, route, request));
  EXPECT_FALSE(may_call({}, route, request));
}

/// Nobody's: a forge's message, whose signature is its credential.
bool is_signed(const Route& route) { return route.pattern == "/hooks/{app}"; }
/// POSTs that change nothing: what git asks for in a body.
bool only_reads(const Route& route) { return route.pattern.ends_with("/git-upload-pack"); }

/// A handler that finds an {app} must be asked for with credentials; and each argument's braces
/// are what the router reads.
TEST(Routes, AreWellFormed) {
  for (const std::span<const Route> table : all_routes()) {
    for (const Route& route : table) {
      EXPECT_TRUE(route.pattern.starts_with('/')) << route.pattern;
      EXPECT_EQ(std::ranges::count(route.pattern, '{'), std::ranges::count(route.pattern, '}'));
      if (is_signed(route)) continue;
      EXPECT_TRUE(route.role != Role::nobody || route.pattern.find('{') == std::string_view::npos);
      const bool writes = route.method != Method::get && route.method != Method::socket;
      EXPECT_TRUE(!writes || only_reads(route) || route.role >= Role::build) << route.pattern;
    }
  }
}

TEST(BuildArgs, AreRepeatedOrJoined) {
  const auto args = [](std::vector<std::string_view> texts) {
    return parse_build_args(texts).value();
  };
  EXPECT_THAT(args({"A=1", "B=x,C=2"}), ElementsAre(Pair("A", "1"), Pair("B", "x,C=2")));
  EXPECT_THAT(args({"A=1,B=2"}), ElementsAre(Pair("A", "1"), Pair("B", "2")));
  EXPECT_THAT(args({"A=1,2,B="}), ElementsAre(Pair("A", "1,2"), Pair("B", "")));
  EXPECT_TRUE(args({""}).empty());
  EXPECT_FALSE(parse_build_args({"nonsense"}));
}

TEST(ObjectUrl, HasAppAndKey) {
  EXPECT_EQ(parse_object_url("object://web/tmp/a.tgz").value(),
            std::pair(std::string("web"), std::string("tmp/a.tgz")));
  for (const char* bad : {"", "object://", "object://web", "http://web/a", "object:/web/a"}) {
    EXPECT_FALSE(parse_object_url(bad)) << bad;
  }
}

TEST(ObjectKeys, NameFilesOfOneFolder) {
  for (const char* good : {"a", "tmp/0a1b.tgz", "a/b/c/d"})
    EXPECT_TRUE(rack::ObjectKey::parse(good)) << good;
  for (const char* bad : {"", "/", "a/", "/a", "a//b", "..", "a/../b", ".a", "a/.b", "a~b",
                          "a/b/c/d/e", "ü", "a b"}) {
    EXPECT_FALSE(rack::ObjectKey::parse(bad)) << bad;
  }
}

TEST(EnvironmentText, ComesBack) {
  const Environment environment{
      {"A", "1"}, {"KEY", "one\ntwo=3\n"}, {"Q", "\"quoted\""}, {"S", " x "}};
  const std::string text = environment_text(environment);
  EXPECT_EQ(text, "A=1\nKEY=\"one\\ntwo=3\\n\"\nQ=\"quoted\"\nS= x ");
  EXPECT_EQ(parse_environment_text(text, environment).value(), environment);
  EXPECT_EQ(parse_environment_text("A=2\nKEY=\"one\\ntwo=3\\n\"\n\nB==\r\n", environment).value(),
            (Environment{{"A", "2"}, {"B", "="}, {"KEY", "one\ntwo=3\n"}}));
  EXPECT_TRUE(parse_environment_text("", environment).value().empty());
  const auto bad = parse_environment_text("A=1\ngeheim", environment);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message(), "line 2 of the environment is not NAME=VALUE");
  EXPECT_FALSE(parse_environment_text("1A=x", environment));
}

TEST(ListenAddressTest, IsHostAndPort) {
  EXPECT_EQ(parse_listen("127.0.0.1:5000").value().host, "127.0.0.1");
  EXPECT_EQ(parse_listen("[::1]:1").value().host, "::1");
  EXPECT_EQ(parse_listen(":80").value().host, "::");
  for (const char* bad : {"", "5000", "::1:5000", "a:", "a:65536", "a:x", "[::1]"})
    EXPECT_FALSE(parse_listen(bad)) << bad;
}

TEST(HeaderText, IsWhatWasAsked) {
  Answer answer;
  answer.headers.add("X-A", "b\r\nX-Evil: 1");
  const std::string text = header_text(answer, "id", {.length = 3});
  EXPECT_TRUE(text.starts_with(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n"));
  EXPECT_NE(text.find("X-A: b  X-Evil: 1\r\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
}

}  // namespace
}  // namespace cooper::server
