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
                         .outcome = outcome_,
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
  Outcome outcome_{.status = Status::succeeded};
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
  outcome_.pushed["web"] = "127.0.0.1:5000/shop:web.b1@sha256:ff";
  const json::value told =
      json::parse(statement({{.digest = "sha256:aa"}, {.digest = "sha256:bb"}}));
  EXPECT_EQ(json::serialize(told.at("subject").as_array().back()),
            R"({"name":"127.0.0.1:5000/shop:web.b1","digest":{"sha256":"ff"}})");
}

TEST_F(ProvenanceTest, ImagesAreFoundByTheirKey) {
  const auto found = images_by_key(statement({image("sha256:aa", "k1"), {.digest = "sha256:dd"}}),
                                   id_.str(), Time::min());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.at("k1").digest, "sha256:aa");
  EXPECT_EQ(found.at("k1").reference, "localhost/shop:web.b1");
  EXPECT_EQ(found.at("k1").made_by, "b0");
}

TEST_F(ProvenanceTest, TellsOfAFailedBuildWhatIsKnownAndOffersNoImages) {
  outcome_ = {.status = Status::failed, .exit_code = 7, .reason = "RUN curl -u me:hush"};
  const std::string text = statement({image("sha256:aa", "k1"), {}});
  EXPECT_EQ(text.find("hush"), std::string::npos);
  EXPECT_TRUE(images_by_key(text, "b1", Time::min()).empty());
  const json::value told = json::parse(text);
  EXPECT_EQ(json::serialize(told.at("subject")), "[]");
  EXPECT_EQ(json::serialize(told.at_pointer("/predicate/runDetails/outcome")),
            R"({"status":"failed","exitCode":7})");
  const json::value& images =
      told.at_pointer("/predicate/buildDefinition/internalParameters/images");
  EXPECT_EQ(images.at(0).at("digest").as_string(), "sha256:aa");
  EXPECT_EQ(json::serialize(images.at(1)),
            R"({"services":["api"],"reference":"localhost/shop:api.b1"})");
}

TEST_F(ProvenanceTest, TellsOfABuildThatCameToNoPlan) {
  outcome_ = {.status = Status::canceled, .exit_code = -1};
  plan_ = {};
  const json::value told = json::parse(statement({}));
  EXPECT_EQ(
      json::serialize(told.at_pointer("/predicate/buildDefinition/internalParameters/images")),
      "[]");
  EXPECT_EQ(told.at_pointer("/predicate/buildDefinition/resolvedDependencies/0/digest/sha256")
                .as_string(),
            std::string(64, 'e'));
}

TEST_F(ProvenanceTest, ImagesOfBuildsBeforeAMomentAreNotFound) {
  const std::string told = statement({image("sha256:aa", "k1"), image("sha256:bb", "k2")});
  const json::value parsed = json::parse(told);
  const std::string_view started =
      parsed.at_pointer("/predicate/runDetails/metadata/startedOn").as_string();
  const Time began = parse_rfc3339(started)->at;
  EXPECT_EQ(images_by_key(told, id_.str(), began).size(), 2U);
  EXPECT_TRUE(images_by_key(told, id_.str(), began + std::chrono::nanoseconds{1}).empty());
}

TEST_F(ProvenanceTest, WhatIsNoStatementAddsNone) {
  const std::string whole = statement({image("sha256:aa", "k1"), image("sha256:bb", "k2")});
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("null"), std::string("[1]"),
        std::string(R"({"predicate":{}})"), whole.substr(0, whole.size() / 2)}) {
    EXPECT_TRUE(images_by_key(text, "b1", Time::min()).empty()) << text;
  }
  // Where one entry is damaged, what stands before it counts.
  std::string damaged = whole;
  damaged.replace(damaged.rfind("\"k2\""), 4, "12");
  EXPECT_EQ(images_by_key(damaged, id_.str(), Time::min()).size(), 1U);
}

}  // namespace
}  // namespace cooper::build
