#include "api/host.h"
#include "api/releases.h"
#include "unit/api_test_support.h"

namespace cooper::api {
namespace {

namespace json = boost::json;

const Release kFull{.id = kRelease,
                    .app = kApp,
                    .build = kId.str(),
                    .description = "first",
                    .manifest = "services:\n",
                    .created_at = {kTime},
                    .environment = {{"TOKEN", "geheim"}},
                    .images = {{"web", "x@sha256:1"}}};

TEST(ApiReleases, AReleaseComesBackAsItWas) {
  const json::object object = to_object(kFull, kRelease.str(), ReleaseDetail::whole);
  EXPECT_EQ(object.at("active"), json::value(true));
  EXPECT_EQ(parse_release_object(object).value(), kFull);
  for (const char* field : {"id", "app", "created_at", "build"}) {
    expect_refused(parse_release_object, object, field, nullptr, Errc::corrupt);
  }
}

TEST(ApiReleases, WhatIsNotToBeSeenIsNotThere) {
  const json::object brief = to_object(kFull, "", ReleaseDetail::brief);
  EXPECT_FALSE(brief.contains("manifest"));
  EXPECT_FALSE(brief.contains("environment"));
  EXPECT_EQ(brief.at("active"), json::value(false));
  const json::object object = to_object(kFull, "", ReleaseDetail::without_environment);
  EXPECT_EQ(object.at("manifest"), json::value(kFull.manifest));
  EXPECT_EQ(json::serialize(object).find("geheim"), std::string::npos);
  EXPECT_TRUE(parse_release_object(brief)->environment.empty());
}

TEST(ApiReleases, AnAppComesBackAsItWas) {
  const App app{.name = kApp,
                .created_at = {kTime},
                .release = kRelease.str(),
                .previous = "r0",
                .deploy = kId.str()};
  EXPECT_EQ(parse_app_object(to_object(app)).value(), app);
  expect_refused(parse_app_object, to_object(app), "name", "../x", Errc::corrupt);
}

TEST(ApiReleases, PropertiesComeBackAsTheyWere) {
  const rack::PropertyView unset{.key = "timeout", .value = "", .effect = "6h"};
  EXPECT_FALSE(to_object(unset).contains("value"));
  const auto parsed = parse_property(to_object(unset)).value();
  EXPECT_EQ(parsed.key, "timeout");
  EXPECT_EQ(parsed.value, "");
  EXPECT_EQ(parsed.effect, "6h");
  const rack::PropertyView set{.key = "timeout", .value = "5m", .effect = "5m"};
  EXPECT_EQ(parse_property(to_object(set))->value, "5m");
  expect_refused(parse_property, to_object(set), "key", nullptr, Errc::corrupt);
}

TEST(ApiReleases, AContainerComesBackAsItWas) {
  rack::ServiceContainer view{.service = "web",
                              .instance = 2,
                              .container = {},
                              .engine = "docker",
                              .release = kRelease.str(),
                              .deploy = kId.str(),
                              .active = true,
                              .health = "healthy"};
  view.container.id = std::string(64, 'a');
  view.container.name = "hello-web-2";
  view.container.state = "exited";
  view.container.exit_code = 137;
  view.container.restarts = 3;
  view.container.started = kTime;
  view.container.network = "cooper-hello";
  view.container.ports = {{.container = 80, .protocol = "udp", .address = "::", .host = 8080}};
  const json::object object = to_object(view);
  const rack::ServiceContainer parsed = parse_container(object).value();
  EXPECT_EQ(to_object(parsed), object);
  EXPECT_EQ(parsed.instance, 2U);
  EXPECT_EQ(parsed.container.exit_code, 137);
  EXPECT_EQ(parsed.container.ports, view.container.ports);
  view.container.state = "running";
  EXPECT_FALSE(to_object(view).contains("exit_code"));
  expect_refused(parse_container, object, "id", nullptr, Errc::corrupt);
  expect_refused(parse_container, object, "ports", json::array{json::object{}}, Errc::corrupt);
}

TEST(ApiHost, EnginesLoginsAndDisksComeBackAsTheyWere) {
  const json::object report = to_object(engine::EngineReport{.kind = engine::EngineKind::buildkit,
                                                             .version = "0.11",
                                                             .place = "tcp://x:1",
                                                             .missing = "no answer",
                                                             .chosen = "it is configured"});
  EXPECT_EQ(to_object(parse_engine(report).value()), report);
  expect_refused(parse_engine, report, "engine", "x", Errc::corrupt);

  const engine::KnownLogin login{.host = "r.example", .user = "me", .file = "/a/b.json"};
  EXPECT_EQ(parse_login(to_object(login)).value(), login);
  expect_refused(parse_login, to_object(login), "host", nullptr, Errc::corrupt);

  const json::object item =
      to_object(build::DiskItem{.where = "/data", .what = "logs", .count = 3, .bytes = 1ULL << 50});
  EXPECT_EQ(to_object(parse_disk_item(item).value()), item);
  expect_refused(parse_disk_item, item, "bytes", -1, Errc::corrupt);

  const json::object pruned = to_object(build::EnginePruned{.engine = "buildah 1.28.2",
                                                            .images = {"a", "b"},
                                                            .image_bytes = 5,
                                                            .cache_bytes = 6,
                                                            .warnings = {"w"}});
  EXPECT_EQ(to_object(parse_engine_pruned(pruned).value()), pruned);
  expect_refused(parse_engine_pruned, pruned, "images", "a", Errc::corrupt);
}

TEST(ApiHost, TokensComeBackAsTheyWere) {
  const store::MadeToken made{.token = {.id = store::TokenId::parse("6k2yj0c4xw").value(),
                                        .name = "ci",
                                        .role = store::TokenRole::build,
                                        .app = kApp,
                                        .created_at = {kTime},
                                        .expires_at = Timestamp{kTime}},
                              .secret = "cooper_6k2yj0c4xw_x"};
  const json::object object = to_object(made);
  const store::MadeToken parsed = parse_made_token(object).value();
  EXPECT_EQ(to_object(parsed), object);
  EXPECT_EQ(parsed.secret, made.secret);
  EXPECT_EQ(parsed.token.app, kApp);
  EXPECT_FALSE(to_object(made.token).contains("secret"));
  expect_refused(parse_made_token, object, "secret", nullptr, Errc::corrupt);
  for (const char* field : {"id", "role", "app"}) {
    expect_refused(parse_token_object, object, field, "../x", Errc::corrupt);
  }
}

}  // namespace
}  // namespace cooper::api
