// What provenance tells, and what a later build reads out of it.

#include "build/provenance.h"
#include "unit/test_support.h"

#include <boost/json.hpp>

namespace cooper::build {
namespace {
namespace json = boost::json;

/// A build of two services that share an image, and one more.
class ProvenanceTest : public testing::Test {
 protected:
  ProvenanceTest() {
    plan_.manifest_file = "convox.yml";
    for (const char* name : {"web", "worker", "api"}) {
      const std::string service = name;
      plan_.services.push_back({.name = ServiceName::parse(service).value(),
                                .image = service == "api" ? 1U : 0U,
                                .reference = "localhost/shop:" + service + ".b1"});
    }
    plan_.images = {
        {.service = "web", .tags = {"localhost/shop:web.b1", "localhost/shop:worker.b1"}},
        {.service = "api", .tags = {"localhost/shop:api.b1"}}};
    request_.build_args = {{"TOKEN", "hush"}};
    request_.git_sha = std::string(40, 'c');
  }
  std::string statement(std::vector<ImageFacts> images) const {
    return to_statement({.app = app_,
                         .id = id_,
                         .request = request_,
                         .plan = plan_,
                         .images = std::move(images),
                         .pushed = pushed_,
                         .engine = "buildah 1",
                         .source = std::string(64, 'e'),
                         .started = {},
                         .finished = {}});
  }
  static ImageFacts image(const std::string& digest, const std::string& key) {
    return {.digest = digest,
            .made_by = "b0",
            .origin = ImageOrigin{.bases = {{"base:1", "sha256:ba5e"}}, .key = key}};
  }

  AppName app_ = AppName::parse("shop").value();
  BuildId id_ = BuildId::parse("b1").value();
  BuildRequest request_;
  Plan plan_;
  std::map<std::string, std::string> pushed_;
};

TEST_F(ProvenanceTest, NamesEachServicesImageAndWhatItNeeded) {
  const std::string text = statement({image("sha256:aa", "k1"), {.digest = "sha256:bb"}});
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_EQ(text.find("hush"), std::string::npos);
  const json::value told = json::parse(text);
  EXPECT_EQ(json::serialize(told.at("subject")),
            R"([{"name":"localhost/shop:web.b1","digest":{"sha256":"aa"}},)"
            R"({"name":"localhost/shop:worker.b1","digest":{"sha256":"aa"}},)"
            R"({"name":"localhost/shop:api.b1","digest":{"sha256":"bb"}}])");
  const json::array& needs =
      told.at_pointer("/predicate/buildDefinition/resolvedDependencies").as_array();
  ASSERT_EQ(needs.size(), 3U);
  EXPECT_EQ(needs[1].at_pointer("/digest/gitCommit").as_string(), std::string(40, 'c'));
  EXPECT_EQ(json::serialize(needs[2]), R"({"name":"base:1","digest":{"sha256":"ba5e"}})");
}

TEST_F(ProvenanceTest, NamesWhatWasPushed) {
  pushed_["web"] = "127.0.0.1:5000/shop:web.b1@sha256:ff";
  const json::value told =
      json::parse(statement({{.digest = "sha256:aa"}, {.digest = "sha256:bb"}}));
  EXPECT_EQ(json::serialize(told.at("subject").as_array().back()),
            R"({"name":"127.0.0.1:5000/shop:web.b1","digest":{"sha256":"ff"}})");
}

TEST_F(ProvenanceTest, ImagesAreFoundByTheirKeyAndTheNewestCounts) {
  const std::string first = statement({image("sha256:aa", "k1"), image("sha256:bb", "k2")});
  const std::string second = statement({image("sha256:cc", "k1"), {.digest = "sha256:dd"}});
  const auto found = images_by_key({first, second}, Time::min());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found.at("k1").digest, "sha256:cc");
  EXPECT_EQ(found.at("k1").reference, "localhost/shop:web.b1");
  EXPECT_EQ(found.at("k2").digest, "sha256:bb");
  EXPECT_EQ(found.at("k2").made_by, "b0");
}

TEST_F(ProvenanceTest, ImagesOfBuildsBeforeAMomentAreNotFound) {
  const std::string told = statement({image("sha256:aa", "k1"), image("sha256:bb", "k2")});
  const json::value parsed = json::parse(told);
  const std::string_view started =
      parsed.at_pointer("/predicate/runDetails/metadata/startedOn").as_string();
  const Time began = parse_rfc3339(started)->at;
  EXPECT_EQ(images_by_key({told}, began).size(), 2U);
  EXPECT_TRUE(images_by_key({told}, began + std::chrono::nanoseconds{1}).empty());
}

TEST_F(ProvenanceTest, WhatIsNoStatementAddsNone) {
  const std::string whole = statement({image("sha256:aa", "k1"), image("sha256:bb", "k2")});
  EXPECT_TRUE(
      images_by_key({"", "{", "null", "[1]", R"({"predicate":{}})",
                     R"({"predicate":{"buildDefinition":{"internalParameters":{"images":7}}}})",
                     whole.substr(0, whole.size() / 2)},
                    Time::min())
          .empty());
  // A damaged entry spoils no other statement.
  EXPECT_EQ(
      images_by_key(
          {R"({"predicate":{"buildDefinition":{"internalParameters":{"images":[{"key":1}]}}}})",
           whole},
          Time::min())
          .size(),
      2U);
}

}  // namespace
}  // namespace cooper::build
