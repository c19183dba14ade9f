#include "build/publish.h"
#include "build/service_plan.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace cooper::build {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

Release release_with(const std::string& manifest, Environment environment = {}) {
  return {.id = ReleaseId::parse("r1").value(),
          .app = AppName::parse("shop").value(),
          .build = "b1",
          .description = {},
          .manifest = manifest,
          .created_at = {},
          .environment = std::move(environment),
          .images = {{"web", "localhost/shop:web.b1@sha256:12"},
                     {"api", "localhost/shop:api.b1@sha256:12"}}};
}

Environment environment_of_web(const std::string& manifest, Environment environment) {
  Environment found =
      plan_services(release_with(manifest, std::move(environment)), {}, {}).at(0).environment;
  for (const char* own : {"APP", "BUILD", "RELEASE", "SERVICE"}) found.erase(own);
  return found;
}

TEST(PlanServices, PassesWhatTheManifestListsOrAll) {
  const Environment all = {{"A", "1"}, {"B", "2"}};
  EXPECT_EQ(environment_of_web("", all), all);
  EXPECT_EQ(environment_of_web("services: {web: {build: .}}", all), all);
  EXPECT_THAT(environment_of_web("services: {web: {environment: [A, C=3]}}", all),
              UnorderedElementsAre(Pair("A", "1"), Pair("C", "3")));
  EXPECT_THAT(environment_of_web("environment: [A=0]\nservices: {web: {build: .}}", all),
              UnorderedElementsAre(Pair("A", "1")));
  EXPECT_THAT(environment_of_web("services: {web: {environment: [\"*\", C=3]}}", all),
              UnorderedElementsAre(Pair("A", "1"), Pair("B", "2"), Pair("C", "3")));
  // The service's own default counts before the manifest's.
  EXPECT_THAT(environment_of_web("environment: [C=1]\nservices: {web: {environment: [C=2]}}", {}),
              UnorderedElementsAre(Pair("C", "2")));
}

TEST(PlanServices, RefusesWhatLacksAVariable) {
  const Release release = release_with("services: {web: {environment: [A, B]}}", {{"A", "1"}});
  try {
    plan_services(release, {}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid);
    EXPECT_THAT(error.message(), HasSubstr("service web requires B"));
  }
}

TEST(PlanServices, TellsAServiceWhoItIsUnlessTheReleaseDoes) {
  const auto services =
      plan_services(release_with("services: {web: {port: 3000}}", {{"SERVICE", "mine"}}), {}, {});
  EXPECT_THAT(services.at(0).environment,
              UnorderedElementsAre(Pair("APP", "shop"), Pair("BUILD", "b1"), Pair("RELEASE", "r1"),
                                   Pair("SERVICE", "mine"), Pair("PORT", "3000")));
}

TEST(PlanServices, KnowsImagesHereAndInARegistry) {
  const auto services = plan_services(release_with("services: {web: {}, api: {}}"),
                                      {{"api", "ghcr.io/me/shop:api.b1@sha256:34"}}, {});
  EXPECT_EQ(services.at(0).image, "localhost/shop:web.b1");
  EXPECT_EQ(services.at(0).pushed, "");
  EXPECT_EQ(services.at(1).pushed, "ghcr.io/me/shop@sha256:34");
  EXPECT_EQ(code_of([] { plan_services(release_with("services: {db: {}}"), {}, {}); }),
            Errc::invalid);
}

TEST(PlanServices, PublishesOnlyServicesThatThereAre) {
  Settings settings;
  settings.publish = *parse_publish("web=8080");
  const Release release = release_with("services: {web: {port: 3000}}");
  EXPECT_THAT(plan_services(release, {}, settings).at(0).fixed,
              ElementsAre(engine::PortMapping{.host = 8080}));
  settings.publish = *parse_publish("db=8080");
  EXPECT_EQ(code_of([&] { plan_services(release, {}, settings); }), Errc::invalid);
}

TEST(ParsePublish, TakesServicesPortsAndAddresses) {
  EXPECT_THAT(
      *parse_publish("web=8080, my-db:5432=[::]:5433,x:53/udp=0.0.0.0:53"),
      ElementsAre(Publish{.service = "web", .host = 8080},
                  Publish{.service = "my-db", .container = 5432, .address = "::", .host = 5433},
                  Publish{.service = "x",
                          .container = 53,
                          .protocol = "udp",
                          .address = "0.0.0.0",
                          .host = 53}));
  EXPECT_TRUE(parse_publish("")->empty());
  for (const char* text : {"web", "web=", "=80", "web=0", "web=65536", "web:0=80", "web=host:80",
                           "web/sctp=80", "we b=80", "web=80,", "a=80,b=80", "web=1.2.3:80"}) {
    EXPECT_EQ(parse_publish(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace cooper::build
