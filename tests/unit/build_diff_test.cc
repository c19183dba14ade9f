#include "base/file.h"
#include "build/diff.h"
#include "build/request.h"
#include "source/pack.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>

namespace cooper::build {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DiffTest : public testing::Test {
 protected:
  Build add(const std::string& name, const BuildRequest& request,
            const std::map<std::string, std::string>& files) {
    const Build build{.id = BuildId::parse(name).value(),
                      .app = AppName::parse("hello").value(),
                      .started_at = {now()},
                      .images = {{"web", "localhost/hello:web." + name + "@sha256:" + name}}};
    const store::BuildFiles paths = layout_.build(build.app, build.id);
    make_folders(paths.source.parent_path());
    for (const auto& [path, text] : files) write_text(folder_ / name / path, text);
    const Fd out = open_file(paths.source, O_WRONLY | O_CREAT, 0600);
    source::pack({.folder = folder_ / name}, out.get());
    write_text(paths.request, to_json(request));
    return build;
  }

  TempFolder folder_;
  store::Layout layout_{folder_ / "root"};
  store::FileStore store_{layout_};
};

TEST_F(DiffTest, NamesWhatIsDifferentAndNoValue) {
  const Build before = add("b1", {.build_args = {{"A", "1"}, {"OLD", "s3cret"}, {"SAME", "x"}}},
                           {{"same", "1"}, {"d/changed", "1"}, {"old", "1"}});
  const Build after =
      add("b2", {.build_args = {{"A", "2"}, {"NEW", ""}, {"SAME", "x"}}, .no_cache = true},
          {{"same", "1"}, {"d/changed", "2"}, {"new", "1"}});
  const BuildDiff found = diff(store_, before, after, {}, {});
  EXPECT_THAT(found.files,
              ElementsAre(NamedChange{"d/changed", Change::changed},
                          NamedChange{"new", Change::added}, NamedChange{"old", Change::removed}));
  EXPECT_THAT(found.arguments,
              ElementsAre(NamedChange{"A", Change::changed}, NamedChange{"NEW", Change::added},
                          NamedChange{"OLD", Change::removed}));
  EXPECT_THAT(found.facts, ElementsAre(TextChange{"cache", "", "not used"}));
  EXPECT_THAT(found.images, ElementsAre(TextChange{"web", "sha256:b1", "sha256:b2"}));
  EXPECT_THAT(found.missing, ElementsAre(HasSubstr("base images of build b1: not kept"),
                                         HasSubstr("base images of build b2: not kept")));
  EXPECT_THAT(diff(store_, after, after, {}, {}).files, IsEmpty());
}

TEST_F(DiffTest, WhatCantBeReadIsSaidAndTheRestCompared) {
  const Build before = add("b1", {}, {{"a", "1"}});
  const Build after = add("b2", {.build_args = {{"A", "1"}}}, {{"b", "1"}});
  write_text(layout_.build(after.app, after.id).source, "no archive");
  const BuildDiff found = diff(store_, before, after, {}, {});
  EXPECT_THAT(found.files, IsEmpty());
  EXPECT_THAT(found.arguments, ElementsAre(NamedChange{"A", Change::added}));
  EXPECT_THAT(found.missing, testing::Contains(HasSubstr("source files of build b2: ")));
}

TEST(DiffSteps, StandSideBySideByTheirText) {
  const Time start{};
  const auto step = [&](const char* text, int ms, bool cached) {
    return Step{.service = "web",
                .text = text,
                .started = start,
                .finished = start + std::chrono::milliseconds(ms),
                .cached = cached};
  };
  const auto found =
      diff_steps({step("RUN a", 5, false), step("RUN a", 7, false), step("RUN gone", 1, false)},
                 {step("RUN new", 2, false), step("RUN a", 0, true)});
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0].before, std::nullopt);
  EXPECT_EQ(found[1].before->time.count(), 5);
  EXPECT_TRUE(found[1].after->cached);
  EXPECT_EQ(found[2].before->time.count(), 7);
  EXPECT_EQ(found[2].after, std::nullopt);
  EXPECT_EQ(found[3].text, "RUN gone");
}

TEST(DiffSteps, IdsInTextsMakeNoDifference) {
  const auto step = [](const char* service, const char* text) {
    return Step{.service = service, .text = text};
  };
  const auto found =
      diff_steps({step("web", "RUN a"), step("web", "COMMIT x.b1"), step("api", "COMMIT y.b1")},
                 {step("web", "unchanged since build b1"), step("api", "COMMIT y.b2")});
  ASSERT_EQ(found.size(), 2U) << "what web was made by did not go away";
  EXPECT_EQ(found[0].before, std::nullopt);
  EXPECT_TRUE(found[1].before);
}

TEST(BasesOfStatement, AreImagesAndNeitherSourceNorCommit) {
  const std::string statement =
      R"({"predicate":{"buildDefinition":{"resolvedDependencies":[
        {"name":"source","digest":{"sha256":"1"}},{"name":"commit","digest":{"gitCommit":"2"}},
        {"name":"alpine:3","digest":{"sha256":"3"}}]}}})";
  EXPECT_THAT(bases_of_statement(statement),
              ElementsAre(std::pair<const std::string, std::string>("alpine:3", "sha256:3")));
  for (const char* damaged :
       {"", "{", "[]", R"({"predicate":1})",
        R"({"predicate":{"buildDefinition":{"resolvedDependencies":[1]}}})"}) {
    EXPECT_THAT(bases_of_statement(damaged), IsEmpty()) << damaged;
  }
}

}  // namespace
}  // namespace cooper::build
