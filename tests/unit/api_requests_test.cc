#include "api/requests.h"
#include "unit/api_test_support.h"

namespace cooper::api {
namespace {

namespace json = boost::json;

NewBuild full_build() {
  return {
      .object = "tmp/a.tgz",
      .request = {.source = "git:from-archive",
                  .description = "fix",
                  .git_sha = "0123abc",
                  .git_url = "https://example.com/x",
                  .branch = "main",
                  .manifest = "ops/convox.yml",
                  .build_args = {{"B", "1"}, {"A", "x=y"}},
                  .no_cache = true,
                  .force = true,
                  .development = true,
                  .platform = "linux/arm64",
                  .engine = "docker",
                  .jobs = 3},
      .secrets = {.secrets = {{.id = "npm", .value = "geheim"}, {.id = "raw", .value = "\xff"}}},
      .if_locked = rack::IfLocked::fail};
}

TEST(ApiRequests, ABuildComesBackAsItWas) {
  const NewBuild wanted = full_build();
  const auto parsed = parse_new_build(to_object(wanted));
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->object, wanted.object);
  EXPECT_EQ(parsed->request, wanted.request);
  EXPECT_EQ(parsed->secrets, wanted.secrets);
  EXPECT_EQ(parsed->if_locked, rack::IfLocked::fail);
}

TEST(ApiRequests, ABuildIsOfOneThing) {
  EXPECT_EQ(parse_new_build(object_of(R"({"url":"https://example.com/a.zip"})"))->url,
            "https://example.com/a.zip");
  const auto image = parse_new_build(object_of(R"({"image":"redis:7","service":"db"})"));
  EXPECT_EQ(image->image, "redis:7");
  EXPECT_EQ(image->service, "db");
  EXPECT_EQ(image->request.source, "build");
  EXPECT_EQ(
      parse_new_build(to_object({.image = "x", .image_manifest = "services:"}))->image_manifest,
      "services:");
  for (const char* text :
       {"{}", R"({"object":"a","url":"b"})", R"({"object":""})", R"({"image":"x","no_cache":true})",
        R"({"image":"x","secrets":[{"id":"a","value":"b"}]})", R"({"object":"a","service":"db"})",
        R"({"object":"a","image_manifest":"services:"})",
        R"({"image":"x","service":"db","image_manifest":"services:"})"}) {
    const auto parsed = parse_new_build(object_of(text));
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Errc::invalid);
  }
}

TEST(ApiRequests, WhatIsWrongWithABuildIsNamed) {
  const json::object object = to_object(full_build());
  for (const char* field : {"description", "build_args", "no_cache", "jobs", "secrets"}) {
    expect_refused(parse_new_build, object, field, 0, Errc::invalid);
  }
  expect_refused(parse_new_build, object, "source", "nonsense", Errc::invalid);
  expect_refused(parse_new_build, object, "engine", "nonsense", Errc::invalid);
  expect_refused(parse_new_build, object, "platform", "nonsense", Errc::invalid);
  expect_refused(parse_new_build, object, "if_locked", "nonsense", Errc::invalid);
  expect_refused(parse_new_build, object, "no-cache", true, Errc::invalid);
  expect_refused(parse_new_build, object, "build_args", json::object{{"a b", "x"}}, Errc::invalid);
}

TEST(ApiRequests, SecretsAreNotRepeatedInErrors) {
  for (const char* secrets :
       {R"([{"id":"a","value":"geheim","base64":"geheim"}])", R"([{"value":"geheim"}])",
        R"([{"id":"a","base64":"geheim!"}])", R"([{"id":"a","value":"geheim","geheim":1}])",
        R"([{"id":"a","value":"geheim"},{"id":"a","value":"geheim"}])", R"(["geheim"])",
        R"([{"id":"a"}])"}) {
    const auto parsed =
        parse_new_build(object_of(std::string(R"({"object":"x","secrets":)") + secrets + "}"));
    ASSERT_FALSE(parsed) << secrets;
    if (std::string_view(secrets).find(R"("geheim":1)") != std::string_view::npos) continue;
    EXPECT_EQ(parsed.error().message().find("geheim"), std::string::npos);
  }
}

TEST(ApiRequests, ARetryComesBackAsItWas) {
  const rack::RetryBuild wanted{.app = kApp,
                                .build = kId,
                                .source = "ps:rebuild",
                                .secrets = {.secrets = {{.id = "npm", .value = "x"}}},
                                .if_locked = rack::IfLocked::fail};
  const auto parsed = parse_retry(to_object(wanted), kApp, kId).value();
  EXPECT_EQ(parsed.source, wanted.source);
  EXPECT_EQ(parsed.secrets, wanted.secrets);
  EXPECT_EQ(parsed.if_locked, wanted.if_locked);
  EXPECT_EQ(parse_retry({}, kApp, kId)->if_locked, rack::IfLocked::wait);
}

TEST(ApiRequests, ADeployAndItsReleaseComeBackAsTheyWere) {
  const rack::NewRelease release{.app = kApp,
                                 .build_from = "last",
                                 .environment_from = kRelease.str(),
                                 .set = {{"A", "1"}, {"B", ""}},
                                 .unset = {"C"},
                                 .replace = true,
                                 .description = "why"};
  const rack::StartDeploy wanted{.app = kApp,
                                 .release = "",
                                 .create = release,
                                 .source = "config-redeploy",
                                 .description = "d"};
  const auto parsed = parse_start_deploy(to_object(wanted), kApp).value();
  ASSERT_TRUE(parsed.create);
  EXPECT_EQ(parsed.create->build_from, release.build_from);
  EXPECT_EQ(parsed.create->environment_from, release.environment_from);
  EXPECT_EQ(parsed.create->set, release.set);
  EXPECT_EQ(parsed.create->unset, release.unset);
  EXPECT_TRUE(parsed.create->replace);
  EXPECT_EQ(parsed.create->description, release.description);
  EXPECT_EQ(parsed.source, "config-redeploy");
  EXPECT_EQ(parsed.description, "d");
  EXPECT_EQ(parsed.if_locked, rack::IfLocked::fail);
  EXPECT_FALSE(parse_start_deploy(object_of(R"({"create":{"nonsense":1}})"), kApp));
  expect_refused([](const json::object& object) { return parse_new_release(object, kApp); },
                 to_object(release), "set", json::object{{"A", 1}}, Errc::invalid);
}

TEST(ApiRequests, TokensAndLoginsComeBackAsTheyWere) {
  const store::NewToken wanted{.name = "ci",
                               .role = store::TokenRole::build,
                               .app = kApp,
                               .lives = std::chrono::seconds{3600}};
  const store::NewToken parsed = parse_new_token(to_object(wanted)).value();
  EXPECT_EQ(parsed.name, "ci");
  EXPECT_EQ(parsed.role, store::TokenRole::build);
  EXPECT_EQ(parsed.app, kApp);
  EXPECT_EQ(parsed.lives, wanted.lives);
  expect_refused(parse_new_token, to_object(wanted), "role", nullptr, Errc::invalid);
  expect_refused(parse_new_token, to_object(wanted), "expires_in", 0, Errc::invalid);
  EXPECT_FALSE(parse_new_token(object_of(R"({"role":"read","app":"../x"})")));

  const engine::Login login{.user = "me", .password = "geheim"};
  const auto both = parse_new_login(login_object("r.example", login)).value();
  EXPECT_EQ(both.first, "r.example");
  EXPECT_EQ(both.second, login);
  expect_refused(parse_new_login, login_object("r.example", login), "password", nullptr,
                 Errc::invalid);
}

TEST(ApiRequests, PropertiesAreSetAndUnset) {
  const auto changes =
      parse_property_changes(object_of(R"({"timeout":"5m","memory":null})")).value();
  EXPECT_EQ(changes, (PropertyChanges{{"timeout", "5m"}, {"memory", std::nullopt}}));
  EXPECT_FALSE(parse_property_changes(object_of(R"({"timeout":5})")));
}

}  // namespace
}  // namespace cooper::api
