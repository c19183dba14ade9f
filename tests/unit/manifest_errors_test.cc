// What people get wrong in convox.yml, and what they are told.

#include "base/file.h"
#include "manifest/manifest.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

namespace cooper::manifest {
namespace {

struct Mistake {
  std::string_view text;
  std::string_view message;
  std::string_view hint;
};

// The whole text that a user sees is compared: where it is, what was expected,
// what to do.
TEST(ManifestErrors, NameThePlaceWhatWasExpectedAndWhatToDo) {
  const std::vector<Mistake> mistakes = {
      {"", "convox.yml:1:1: expected a map with \"services\", found nothing",
       "a manifest begins with \"services:\" and has a name for each service below it"},
      {"# only a comment\n", "convox.yml:1:1: expected a map with \"services\", found nothing",
       "a manifest begins with \"services:\" and has a name for each service below it"},
      {"foo\n", "convox.yml:1:1: expected a map with \"services\", found \"foo\"",
       "a manifest begins with \"services:\" and has a name for each service below it"},
      {"- web\n", "convox.yml:1:1: expected a map with \"services\", found a list",
       "a manifest begins with \"services:\" and has a name for each service below it"},
      {"services:\n",
       "convox.yml:1:1: expected at least one service under \"services\", found none",
       "the shortest manifest is \"services: {web: {build: .}}\""},
      {"services: {}\n",
       "convox.yml:1:1: expected at least one service under \"services\", found none",
       "the shortest manifest is \"services: {web: {build: .}}\""},
      {"services: [web]\n", "convox.yml:1:11: expected a map for \"services\", found a list",
       "give each service a name, with what it needs below it"},
      {"services: web\n", "convox.yml:1:11: expected a map for \"services\", found \"web\"",
       "give each service a name, with what it needs below it"},
      {"environment: [A=1]\n",
       "convox.yml:1:1: expected at least one service under \"services\", found none",
       "the shortest manifest is \"services: {web: {build: .}}\""},
      {"servicess:\n  web:\n    build: .\n", "convox.yml:1:1: unknown top-level key \"servicess\"",
       "did you mean \"services\"?"},
      {"services: {web: {}}\nvolumes: {}\n", "convox.yml:2:1: unknown top-level key \"volumes\"",
       "known keys: appSettings, balancers, budget, configs, environment, labels, params, "
       "resources, services, timers"},
      {"services:\n  web: .\n", "convox.yml:2:8: expected a map for service \"web\", found \".\"",
       "put what the service needs on lines of their own below its name"},
      {"services:\n  web: [build]\n",
       "convox.yml:2:8: expected a map for service \"web\", found a list",
       "put what the service needs on lines of their own below its name"},
      {"services:\n  1web:\n    build: .\n", "convox.yml:2:3: invalid service name \"1web\"",
       "a service name starts with a letter, goes on with letters, digits, '-' and '_', and has at "
       "most 63 characters"},
      {"services:\n  \"\": {}\n", "convox.yml:2:3: invalid service name \"\"",
       "a service name starts with a letter, goes on with letters, digits, '-' and '_', and has at "
       "most 63 characters"},
      {"services:\n  ../x: {}\n", "convox.yml:2:3: invalid service name \"../x\"",
       "a service name starts with a letter, goes on with letters, digits, '-' and '_', and has at "
       "most 63 characters"},
      {"services:\n  ~: {}\n", "convox.yml:2:3: invalid service name \"\"",
       "a service name starts with a letter, goes on with letters, digits, '-' and '_', and has at "
       "most 63 characters"},
      {"services:\n  web:\n    build:\n      - .\n",
       "convox.yml:4:7: expected a path or a map for \"build\", found a list",
       "write \"build: .\" or \"build: {path: ., manifest: Dockerfile}\""},
      {"services:\n  web:\n    bulid: .\n", "convox.yml:3:5: unknown key \"bulid\" of a service",
       "did you mean \"build\"?"},
      {"services:\n  web:\n    enviroment: [A=1]\n",
       "convox.yml:3:5: unknown key \"enviroment\" of a service", "did you mean \"environment\"?"},
      {"services:\n  web:\n    build:\n      context: .\n",
       "convox.yml:4:7: unknown key \"context\" in \"build\"", "Convox calls the folder \"path\""},
      {"services:\n  web:\n    build:\n      dockerfile: D\n",
       "convox.yml:4:7: unknown key \"dockerfile\" in \"build\"",
       "Convox calls the Dockerfile's name \"manifest\""},
      {"services:\n  web:\n    build:\n      arg: [A]\n",
       "convox.yml:4:7: unknown key \"arg\" in \"build\"", "did you mean \"args\"?"},
      {"services:\n  web:\n    build:\n      target: x\n",
       "convox.yml:4:7: unknown key \"target\" in \"build\"", "known keys: path, manifest, args"},
      {"services:\n  web:\n    build: /srv/app\n",
       "convox.yml:3:12: expected a path inside the source folder, found \"/srv/app\"",
       "paths are relative to the folder with the source; \".\" is that folder itself"},
      {"services:\n  web:\n    build: ../app\n",
       "convox.yml:3:12: expected a path inside the source folder, found \"../app\"",
       "paths are relative to the folder with the source; \".\" is that folder itself"},
      {"services:\n  web:\n    build: a/../../b\n",
       "convox.yml:3:12: expected a path inside the source folder, found \"a/../../b\"",
       "paths are relative to the folder with the source; \".\" is that folder itself"},
      {"services:\n  web:\n    build: {path: [a]}\n",
       "convox.yml:3:19: expected a text for \"path\", found a list",
       "write it on the same line, after \"path: \""},
      {"services:\n  web:\n    build: {manifest: /etc/passwd}\n",
       "convox.yml:3:23: expected a Dockerfile inside the source folder for \"manifest\", found "
       "\"/etc/passwd\"",
       "\"manifest\" names the Dockerfile, seen from the path of \"build\""},
      {"services:\n  web:\n    build: {path: api, manifest: ../../D}\n",
       "convox.yml:3:34: expected a Dockerfile inside the source folder for \"manifest\", found "
       "\"../../D\"",
       "\"manifest\" names the Dockerfile, seen from the path of \"build\""},
      {"services:\n  web:\n    build: {path: api, manifest: .}\n",
       "convox.yml:3:34: expected a Dockerfile inside the source folder for \"manifest\", found "
       "\".\"",
       "\"manifest\" names the Dockerfile, seen from the path of \"build\""},
      {"services:\n  web:\n    manifest: {a: b}\n",
       "convox.yml:3:15: expected a text for \"manifest\", found a map",
       "write it on the same line, after \"manifest: \""},
      {"services:\n  web:\n    build: \"a\\0b\"\n",
       "convox.yml:3:12: expected a path inside the source folder, found \"a?b\"",
       "paths are relative to the folder with the source; \".\" is that folder itself"},
      {"services:\n  web:\n    image: [a]\n",
       "convox.yml:3:12: expected a text for \"image\", found a list",
       "write it on the same line, after \"image: \""},
      {"services:\n  web:\n    image: a b\n",
       "convox.yml:3:12: expected the name of an image for \"image\", found \"a b\"",
       "an image is named like ubuntu:22.04 or registry.example.com/team/api:v1"},
      {"services:\n  web:\n    image: sha256:0123456789abcdef\n",
       "convox.yml:3:12: expected the name of an image for \"image\", found the id "
       "\"sha256:0123456789abcdef\"",
       "name the image: repository:tag; one that had no name would go with this build"},
      {"services:\n  web:\n    image: 'deadbeef1234'\n",
       "convox.yml:3:12: expected the name of an image for \"image\", found the id "
       "\"deadbeef1234\"",
       "name the image: repository:tag; one that had no name would go with this build"},
      {"services:\n  web:\n    image: --tls-verify=false\n",
       "convox.yml:3:12: expected the name of an image for \"image\", found \"--tls-verify=false\"",
       "an image is named like ubuntu:22.04 or registry.example.com/team/api:v1"},
      {"services:\n  web:\n    environment: A=1\n",
       "convox.yml:3:18: expected a list for \"environment\", found \"A=1\"",
       "write each name on a line of its own, after \"- \""},
      {"services:\n  web:\n    environment:\n      - A: 1\n",
       "convox.yml:4:9: expected NAME or NAME=value, found a map",
       "write NAME=value; a value with \": \" in it needs quotes around the whole item"},
      {"services:\n  web:\n    environment:\n      - two words=1\n",
       "convox.yml:4:9: expected NAME or NAME=value, found \"two words=1\"",
       "a name has no spaces and no quotes; only what follows the first \"=\" may have them"},
      {"services:\n  web:\n    environment:\n      - =1\n",
       "convox.yml:4:9: expected NAME or NAME=value, found \"=1\"",
       "a name has no spaces and no quotes; only what follows the first \"=\" may have them"},
      {"services:\n  web:\n    environment:\n      A: [1]\n",
       "convox.yml:4:10: expected a text for \"A\", found a list",
       "a variable has one text as its value"},
      {"environment: 5\nservices: {web: {}}\n",
       "convox.yml:1:14: expected a list for \"environment\", found \"5\"",
       "write each name on a line of its own, after \"- \""},
      {"services:\n  web:\n    build:\n      args: A=1\n",
       "convox.yml:4:13: expected a list for \"args\", found \"A=1\"",
       "write each name on a line of its own, after \"- \""},
      {"services:\n  web:\n    build:\n      args:\n        - A: 1\n",
       "convox.yml:5:11: expected NAME or NAME=value, found a map",
       "write NAME=value; a value with \": \" in it needs quotes around the whole item"},
      {"services:\n\tweb:\n\t\tbuild: .\n",
       "convox.yml:2:1: not valid YAML: a tab in the indentation", "indent with spaces"},
      {"services:\n  web:\n    build: .\n  web:\n    build: api\n",
       "convox.yml:4:3: \"web\" is given twice, first on line 2", "keep one of the two"},
      {"services:\n  web:\n    build: .\n   image: pg\n",
       "convox.yml:4:4: not valid YAML: end of map not found",
       "look at this line and those above it: is the indentation right, is every quote and bracket "
       "closed?"},
      {"services: {web: {build: .}\n", "convox.yml:2:1: not valid YAML: end of map flow not found",
       "look at this line and those above it: is the indentation right, is every quote and bracket "
       "closed?"},
      {"services:\n  web:\n    build: \"api\n  db:\n    image: pg\n",
       "convox.yml:3:12: this quote is never closed", "add the second \""},
      {"services:\n  web: 'it''s\n", "convox.yml:2:8: this quote is never closed",
       "add the second '"},
      {"services:\n  web: *nobody\n",
       "convox.yml:2:8: not valid YAML: the referenced anchor is not defined",
       "look at this line and those above it: is the indentation right, is every quote and bracket "
       "closed?"},
      {"services: &a\n  web: *a\n",
       "convox.yml:2:8: this alias stands for a value that contains it",
       "an alias can only repeat a value that is complete before it"},
      {"services:\n  web:\n    <<: build\n",
       "convox.yml:3:9: expected a map or a list of maps for \"<<\", found \"build\"",
       "\"<<: *name\" takes over the entries of the map that &name marks"},
      {"services:\n  web:\n    <<: [{build: .}, image]\n",
       "convox.yml:3:22: expected a map or a list of maps for \"<<\", found \"image\"",
       "\"<<: *name\" takes over the entries of the map that &name marks"},
      {"services:\n  ? [a, b]\n  : {}\n", "convox.yml:2:5: expected a text as a key, found a list",
       "a key with brackets or braces needs quotes"},
      {"services:\n  web: {}\n---\nservices:\n  api: {}\n",
       "convox.yml:4:1: expected the end of the manifest, found a second document",
       "a manifest is one document: take out what follows, and the \"---\" before it"},
      {"services:\n  web:\n    build: a\001b\n",
       "convox.yml:3:13: expected text, found the control character 1",
       "a manifest is UTF-8 text; is this the right file?"},
      {"\177ELF\002", "convox.yml:1:1: expected text, found the control character 127",
       "a manifest is UTF-8 text; is this the right file?"},
      {"services:\n  größe: {build: /x}\n", "convox.yml:2:3: invalid service name \"größe\"",
       "a service name starts with a letter, goes on with letters, digits, '-' and '_', and has at "
       "most 63 characters"},
      {"services:\n  web: {build: größe, image: [x]}\n",
       "convox.yml:2:30: expected a text for \"image\", found a list",
       "write it on the same line, after \"image: \""},
      {"services:\n  web:\n    build: &a \"api\n", "convox.yml:3:12: this quote is never closed",
       "add the second \""},
      {"services:\n  web:\n    image: ${IMAGE\n    env: [a\n",
       "convox.yml:5:1: not valid YAML: end of sequence flow not found",
       "look at this line and those above it: is the indentation right, is every quote and bracket "
       "closed?"},
      {"%YAML 9.9\n---\nservices: {web: {}}\n",
       "convox.yml:1:1: not valid YAML: YAML major version too large",
       "look at this line and those above it: is the indentation right, is every quote and bracket "
       "closed?"},
      {"services:\n  web:\n    build: ä\xFF\n",
       "convox.yml:3:13: expected UTF-8, found a byte that is none", "save the manifest as UTF-8"},
      {"\xFF\xFE"
       "ANBN",
       "convox.yml:1:1: expected UTF-8, found a byte that is none", "save the manifest as UTF-8"},
  };
  for (const Mistake& mistake : mistakes) {
    const Result<Manifest> manifest = parse_manifest(mistake.text, {.refuses_mistyped = true});
    ASSERT_FALSE(manifest) << mistake.text;
    EXPECT_EQ(manifest.error().code(), Errc::invalid) << mistake.text;
    EXPECT_EQ(manifest.error().message(), mistake.message) << mistake.text;
    EXPECT_EQ(manifest.error().hint(), mistake.hint) << mistake.text;
  }
}

TEST(ManifestErrors, AreNotThatAKeyLooksMistypedWhereItWasBuiltOrIsAnExtension) {
  constexpr const char* kMistyped = "services:\n  web:\n    bulid: .\n";
  EXPECT_TRUE(parse_manifest(kMistyped));
  EXPECT_FALSE(parse_manifest(kMistyped, {.refuses_mistyped = true}));
  EXPECT_TRUE(parse_manifest("services:\n  web:\n    x-build: .\n", {.refuses_mistyped = true}));
}

TEST(ManifestErrors, UseTheFileNameMadeHarmless) {
  EXPECT_EQ(parse_manifest("a: 1", {.file_name = "deploy/x\x1B.yml"}).error().message(),
            "deploy/x?.yml:1:1: unknown top-level key \"a\"");
}

/// Time is bounded by the test's timeout; memory here, far above the 16 MB that
/// are needed (sanitizers hold on to what was freed), far below a bomb's appetite.
void expect_refused(const char* name, const std::string& text, const ParseOptions& options = {}) {
  const auto peak_kib = [] {
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    return use.ru_maxrss;
  };
  const long before = peak_kib();
  const Result<Manifest> manifest = parse_manifest(text, options);
  EXPECT_LT(peak_kib() - before, 400L << 10) << name;
  ASSERT_FALSE(manifest) << name;
  EXPECT_LT(manifest.error().message().size(), 300U) << name;
}

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  text.reserve(piece.size() * times);
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

/// Nine levels of ten aliases each: a billion values in half a kilobyte.
std::string billion_laughs(std::string_view leaf, std::string_view use) {
  std::string text = "params:\n  a0: &a0 " + std::string(leaf) + "\n";
  for (int level = 1; level < 10; ++level) {
    const std::string below = "*a" + std::to_string(level - 1);
    text += "  a" + std::to_string(level) + ": &a" + std::to_string(level) + " [" + below +
            repeated(", " + below, 9) + "]\n";
  }
  return text + std::string(use);
}

TEST(ManifestBombs, AreRefused) {
  expect_refused("size", std::string(300 << 10, '#'));
  expect_refused("brackets", repeated("[", 100'000));
  expect_refused("braces", repeated("{a: ", 50'000));
  expect_refused("list indicators", repeated("- ", 100'000));
  expect_refused("question marks", repeated("? ", 100'000));
  expect_refused("deep indentation", [] {
    std::string text;
    for (std::size_t depth = 0; depth < 400; ++depth) text += std::string(depth, ' ') + "a:\n";
    return text;
  }());
  expect_refused("many values", "params:\n" + repeated("- a\n", 60'000));
  expect_refused("many keys", [] {
    std::string text = "params:\n";
    for (int i = 0; i < 26'000; ++i) text += " " + std::to_string(i) + ":\n";
    return text;
  }());
  expect_refused("aliases of values",
                 billion_laughs("lol", "services: {web: {environment: *a9}}\n"));
  expect_refused("aliases of maps", billion_laughs("{build: .}", "services: {web: {<<: *a9}}\n"));
  expect_refused("merge chain", [] {
    std::string text = "params:\n  m0: &m0 {k: v}\n";
    for (int i = 1; i < 2000; ++i) {
      const std::string below = std::to_string(i - 1);
      text += "  m" + std::to_string(i) + ": &m" + std::to_string(i) + " {<<: [*m" + below +
              ", *m" + below + "]}\n";
    }
    return text + "services: {web: {<<: *m1999}}\n";
  }());
  expect_refused("a long text repeated", "params:\n  a: &a " + std::string(200 << 10, 'x') +
                                             "\n  b: [" + repeated("*a, ", 5'000) + "]\n");
  expect_refused("a variable repeated", "params:\n  a: \"" + repeated("${X}", 50'000) + "\"\n",
                 {.variables = {{"X", std::string(1 << 20, 'x')}}});
  expect_refused("a long plain line", "a" + repeated(" b", 120'000));
  expect_refused("anchors without values", repeated("&a ", 80'000));
  expect_refused("tags", repeated("!a", 120'000));
  expect_refused("open quote", "a: \"" + repeated("\\\\ \n ", 50'000));
  expect_refused("documents", "services: {web: }\n" + repeated("---\n", 60'000) + "- a\n");
  expect_refused("directives", repeated("%TAG ! a\n", 25'000));
}

TEST(ManifestBombs, LimitsCanBeSetLower) {
  const std::string text = "services:\n  web:\n    build: api\n";
  const auto message = [&](const Limits& limits) {
    return parse_manifest(text, {.limits = limits}).error().message();
  };
  EXPECT_EQ(message({.max_bytes = 10}), "convox.yml: larger than 10 B");
  EXPECT_EQ(message({.max_depth = 2}), "convox.yml:3:5: more than 2 lists and maps in each other");
  EXPECT_EQ(message({.max_nodes = 3}),
            "convox.yml:2:3: more than 3 values up to here, with what aliases stand for");
  EXPECT_TRUE(parse_manifest(text, {.limits = {.max_depth = 3, .max_nodes = 7}}));
}

// What people really write stays far below the limits.
TEST(ManifestBombs, ALargeHonestManifestIsRead) {
  std::string text = "services:\n";
  for (int i = 0; i < 1000; ++i) {
    text += "  service-" + std::to_string(i) +
            ":\n    build: {path: api, manifest: Dockerfile, args: [A=1, B=2]}\n"
            "    environment: [ONE=1, TWO=2, THREE]\n";
  }
  EXPECT_EQ(parse_manifest(text).value().services.size(), 1000U);
}

}  // namespace
}  // namespace cooper::manifest
