// What convox.yml means to a build: every form of its grammar.

#include "base/file.h"
#include "base/text.h"
#include "manifest/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cooper::manifest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// One line that says what a build would do with a service, so that tables can be read.
std::string summary(const Service& service) {
  std::string text = service.name.str() + ":";
  if (!service.image.empty()) return text + " image " + service.image;
  text += " build " + service.path + " with " + service.dockerfile;
  for (const auto& [name, value] : service.args) text += " " + name + (value ? "=" + *value : "?");
  return text;
}

std::string summary(const Manifest& manifest) {
  std::vector<std::string> lines;
  for (const Service& service : manifest.services) lines.push_back(summary(service));
  return join(lines, "\n");
}

std::string summary(const std::vector<EnvironmentEntry>& entries) {
  std::vector<std::string> words;
  for (const EnvironmentEntry& entry : entries)
    words.push_back(entry.name + (entry.default_value ? "=" + *entry.default_value : "?"));
  return join(words, " ");
}

std::string parsed(std::string_view text, std::map<std::string, std::string> variables = {}) {
  const Result<Manifest> manifest = parse_manifest(text, {.variables = std::move(variables)});
  return manifest ? summary(*manifest) : "ERROR " + manifest.error().message();
}

Manifest read_corpus(const std::string& name, std::map<std::string, std::string> variables = {}) {
  const std::optional<std::string> text =
      read_file(std::filesystem::path(COOPER_TEST_DATA) / "manifests" / name);
  return parse_manifest(text.value(), {.file_name = name, .variables = std::move(variables)})
      .value();
}

struct Case {
  const char* name;
  std::string_view text;
  std::string_view expected;
};

class Grammar : public testing::TestWithParam<Case> {};

TEST_P(Grammar, SaysWhatToBuild) { EXPECT_EQ(parsed(GetParam().text), GetParam().expected); }

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
std::string name_of(const testing::TestParamInfo<Case>& test) { return test.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Build, Grammar,
    testing::Values(
        Case{"string", "services:\n  web:\n    build: api\n", "web: build api with Dockerfile"},
        Case{"dot", "services:\n  web:\n    build: .\n", "web: build . with Dockerfile"},
        Case{"map",
             "services:\n  web:\n    build:\n      path: api\n      manifest: Dockerfile.prod\n",
             "web: build api with Dockerfile.prod"},
        Case{"map_without_path", "services: {web: {build: {manifest: D}}}", "web: build . with D"},
        Case{"empty_map", "services: {web: {build: {}}}", "web: build . with Dockerfile"},
        Case{"empty_string", "services: {web: {build: \"\"}}", "web: build . with Dockerfile"},
        Case{"nothing", "services: {web: {build: }}", "web: build . with Dockerfile"},
        Case{"neither_build_nor_image", "services:\n  web:\n    port: 80\n",
             "web: build . with Dockerfile"},
        Case{"no_body", "services:\n  web:\n", "web: build . with Dockerfile"},
        Case{"service_manifest", "services: {web: {build: api, manifest: D2}}",
             "web: build api with D2"},
        Case{"service_manifest_alone", "services: {web: {manifest: D2}}", "web: build . with D2"},
        Case{"inner_manifest_wins", "services: {web: {build: {manifest: A}, manifest: B}}",
             "web: build . with A"},
        Case{"service_manifest_beside_map", "services: {web: {build: {path: api}, manifest: B}}",
             "web: build api with B"},
        Case{"path_is_made_normal", "services: {web: {build: ./a//b/../c/}}",
             "web: build a/c with Dockerfile"},
        Case{"dockerfile_in_a_folder", "services: {web: {build: {path: ., manifest: docker/Web}}}",
             "web: build . with docker/Web"},
        Case{"dockerfile_beside_the_context",
             "services: {web: {build: {path: api, manifest: ../docker/Web}}}",
             "web: build api with ../docker/Web"},
        Case{"number_as_path", "services: {web: {build: 2024}}", "web: build 2024 with Dockerfile"},
        Case{"image", "services: {db: {image: 'postgres:16'}}", "db: image postgres:16"},
        Case{"image_with_registry_and_digest",
             "services: {db: {image: \"r.example.com:5000/a/b@sha256:00\"}}",
             "db: image r.example.com:5000/a/b@sha256:00"},
        Case{"image_wins_over_build", "services: {db: {image: pg, build: .}}", "db: image pg"},
        Case{"empty_image_is_none", "services: {db: {image: \"\", build: d}}",
             "db: build d with Dockerfile"},
        Case{"several_in_file_order", "services:\n  web:\n  api: {build: api}\n  db: {image: pg}\n",
             "web: build . with Dockerfile\napi: build api with Dockerfile\ndb: image pg"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Args, Grammar,
    testing::Values(
        Case{"list", "services: {web: {build: {path: ., args: [A=1, B, \"C=x y=z\", D=]}}}",
             "web: build . with Dockerfile A=1 B? C=x y=z D="},
        Case{"map", "services: {web: {build: {args: {A: 1, B: , C: \"\"}}}}",
             "web: build . with Dockerfile A=1 B? C="},
        Case{"keeps_order_and_repeats", "services: {web: {build: {args: [B=1, A=2, B=3]}}}",
             "web: build . with Dockerfile B=1 A=2 B=3"},
        Case{"nothing", "services: {web: {build: {args: }}}", "web: build . with Dockerfile"},
        Case{"lists_in_lists", "services: {web: {build: {args: [[A=1, [B=2]], , C]}}}",
             "web: build . with Dockerfile A=1 B=2 C?"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Yaml, Grammar,
    testing::Values(
        Case{"anchor_and_merge",
             "services:\n  a: &a\n    build: x\n    manifest: D\n  b:\n    <<: *a\n    build: y\n",
             "a: build x with D\nb: build y with D"},
        Case{"quoted_merge_key", "services:\n  a: &a {image: pg}\n  b:\n    \"<<\": *a\n",
             "a: image pg\nb: image pg"},
        Case{"merge_of_a_list",
             "services:\n  a: &a {build: x}\n  b: &b {build: y, manifest: D}\n"
             "  c:\n    <<: [*a, *b]\n",
             "a: build x with Dockerfile\nb: build y with D\nc: build x with D"},
        Case{"alias_of_a_service", "services:\n  a: &a {build: x}\n  b: *a\n",
             "a: build x with Dockerfile\nb: build x with Dockerfile"},
        Case{"windows_lines", "services:\r\n  web:\r\n    build: api\r\n",
             "web: build api with Dockerfile"},
        Case{"byte_order_mark", "\xEF\xBB\xBFservices: {web: {build: api}}",
             "web: build api with Dockerfile"},
        Case{"json", R"({"services": {"web": {"build": {"path": "api"}}}})",
             "web: build api with Dockerfile"},
        Case{"document_marks", "---\nservices: {web: {}}\n...\n", "web: build . with Dockerfile"},
        Case{"comments", "# app\nservices: # all\n  web: # one\n    build: api # here\n",
             "web: build api with Dockerfile"},
        Case{"block_text", "services:\n  web:\n    build: >-\n      api\n",
             "web: build api with Dockerfile"}),
    name_of);

TEST(Manifest, ToleratesEverySectionThatABuildDoesNotNeed) {
  EXPECT_EQ(
      parsed("appSettings: {a: b}\nbalancers: {m: {service: web}}\nbudget: 1\nconfigs: []\n"
             "labels: {a: b}\nparams: {Foo: bar}\nresources: {db: {type: postgres}}\n"
             "timers: {t: {schedule: \"* * * * *\"}}\nservices:\n  web:\n    scale: {count: 1}\n"
             "    health: [1, {a: b}]\n    no-one-knows: {this: [key]}\n"),
      "web: build . with Dockerfile");
}

TEST(Manifest, TellsWhereAServiceStands) {
  const Manifest manifest = parse_manifest("services:\n  web: {}\n\n    \n  api:\n").value();
  EXPECT_EQ(manifest.services[0].line, 2);
  EXPECT_EQ(manifest.services[0].column, 3);
  EXPECT_EQ(manifest.services[1].line, 5);
}

TEST(Environment, HasNamesDefaultsAndEverything) {
  const Manifest manifest = parse_manifest(
                                "environment:\n  - GLOBAL=1\n  - NEEDED\n"
                                "services:\n  web:\n    environment: [A=x=y, B=, C, '*']\n"
                                "  api:\n    environment: {A: 1, B: , C: \"\"}\n  bare:\n")
                                .value();
  EXPECT_EQ(summary(manifest.environment), "GLOBAL=1 NEEDED?");
  EXPECT_EQ(summary(manifest.services[0].environment), "A=x=y B= C? *?");
  EXPECT_EQ(summary(manifest.services[1].environment), "A=1 B? C=");
  EXPECT_THAT(manifest.services[2].environment, IsEmpty());
}

TEST(Environment, ListsCanBeShared) {
  const Manifest manifest =
      parse_manifest("environment: &common [A=1, B]\nservices: {web: {environment: [*common, C]}}")
          .value();
  EXPECT_EQ(summary(manifest.services[0].environment), "A=1 B? C?");
}

TEST(Interpolation, ReplacesReferencesAnywhere) {
  const std::map<std::string, std::string> variables = {
      {"DIR", "api"}, {"NAME", "web"}, {"a_1", "x"}, {"EMPTY", ""}};
  const std::vector<Case> cases = {
      {"value", "services: {web: {build: '${DIR}'}}", "web: build api with Dockerfile"},
      {"unquoted", "services:\n  web:\n    build: ${DIR}/${a_1}\n",
       "web: build api/x with Dockerfile"},
      {"inside_braces", "services: {web: {build: ${DIR}, manifest: ${a_1}}}",
       "web: build api with x"},
      {"inside_brackets", "services: {web: {build: {args: [A=${DIR}, ${NAME}]}}}",
       "web: build . with Dockerfile A=api web?"},
      {"key", "services: {\"${NAME}\": {build: b}}", "web: build b with Dockerfile"},
      {"unset_is_empty", "services: {web: {build: 'a${NOPE}b'}}", "web: build ab with Dockerfile"},
      {"whole_value_unset", "services: {web: {image: '${NOPE}'}}", "web: build . with Dockerfile"},
      {"dollar_name_stays", "services: {web: {build: {args: [A=$DIR]}}}",
       "web: build . with Dockerfile A=$DIR"},
      {"shell_default_stays", "services: {web: {build: {args: ['A=${DIR:-x}']}}}",
       "web: build . with Dockerfile A=${DIR:-x}"},
      {"unclosed_stays", "services: {web: {build: {args: ['A=${DIR']}}}",
       "web: build . with Dockerfile A=${DIR"},
      {"dollars", "services: {web: {build: {args: ['A=$$${DIR}$']}}}",
       "web: build . with Dockerfile A=$$api$"},
      {"block_text", "services:\n  web:\n    build: |-\n      ${DIR}\n",
       "web: build api with Dockerfile"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(parsed(c.text, variables), c.expected) << c.name;
  }
}

// Else whoever sets a variable could write the manifest.
TEST(Interpolation, AValueNeverBecomesYamlNorIsReplacedAgain) {
  EXPECT_EQ(parsed("services:\n  web:\n    image: ${X}\n", {{"X", "a\n  evil:\n    image: b"}}),
            "ERROR convox.yml:3:12: expected the name of an image for \"image\", found "
            "\"a?  evil:?    image: b\"");
  EXPECT_EQ(parsed("services: {web: {build: {args: ['A=${X}']}}}", {{"X", "${Y}"}, {"Y", "no"}}),
            "web: build . with Dockerfile A=${Y}");
  EXPECT_EQ(parsed("services: {web: {build: {args: [A=${X}]}}}", {{"X", "1, B=2], path: [c"}}),
            "web: build . with Dockerfile A=1, B=2], path: [c");
}

TEST(DefaultManifest, IsServiceWebInTheSourceItself) {
  EXPECT_EQ(summary(default_manifest()), "web: build . with Dockerfile");
  EXPECT_EQ(default_manifest().services[0].line, 0);
}

TEST(Corpus, EveryRealManifestParses) {
  for (const std::string name : {"auto-shutdown-full.yml", "autoscale-combined.yml", "env.yml",
                                 "full.yml", "keda.yml", "simple.yml", "startup-probe.yml"}) {
    EXPECT_NO_THROW(EXPECT_FALSE(read_corpus(name).services.empty())) << name;
  }
}

// Convox refuses names and values in this one when it validates. None of them
// concerns a build.
TEST(Corpus, WhatOnlyADeployWouldRefuseIsRead) {
  const Manifest manifest = read_corpus("validate.yml");
  EXPECT_EQ(manifest.services.size(), 4U);
  EXPECT_EQ(manifest.services.back().name.str(), "serviceF");
}

TEST(Corpus, WhatIsNoManifestIsRefused) {
  const auto message = [](const std::string& name) {
    try {
      read_corpus(name);
    } catch (const Error& error) {
      return error.message();
    }
    return std::string();
  };
  EXPECT_EQ(message("invalid.1.yml"),
            "invalid.1.yml:1:1: expected a map with \"services\", found \"foo\"");
  EXPECT_EQ(message("invalid.2.yml"), "invalid.2.yml:1:1: unknown top-level key \"servicess\"");
}

TEST(Corpus, SimpleManifest) {
  const Manifest manifest = read_corpus("simple.yml");
  EXPECT_EQ(summary(manifest), "web: build . with Dockerfile");
  EXPECT_EQ(summary(manifest.services[0].environment), "REQUIRED? DEFAULT=true");
}

TEST(Corpus, FullManifest) {
  const Manifest manifest = read_corpus("full.yml");
  EXPECT_EQ(summary(manifest),
            "api: build api with Dockerfile2\nproxy: image ubuntu:16.04\n"
            "foo: build . with Dockerfile\nbar: build . with Dockerfile\n"
            "gpuscaler: build . with Dockerfile\ndefaultgpuscaler: build . with Dockerfile\n"
            "scaler: build . with Dockerfile\ninherit: image ubuntu:16.04\n"
            "agent: build . with Dockerfile\nsecured: build . with Dockerfile");
  EXPECT_EQ(summary(manifest.environment), "DEVELOPMENT=true GLOBAL=true OTHERGLOBAL?");
  EXPECT_EQ(summary(manifest.services[0].environment), "DEFAULT=test DEVELOPMENT=false SECRET?");
  EXPECT_EQ(summary(manifest.services[7].environment), "SECRET?") << "merged from proxy";
}

TEST(Corpus, EnvironmentManifestIsInterpolated) {
  const Manifest manifest = read_corpus("env.yml", {{"AWS_REGION", "eu-west-1"}});
  EXPECT_EQ(summary(manifest.environment),
            "NODE_ENV= SQS_AWS_ACCOUNT_ID= SQS_REGION=eu-west-1 "
            "SQS_ENDPOINT=https://sqs.eu-west-1.amazonaws.com FOO=bar");
}

}  // namespace
}  // namespace cooper::manifest
