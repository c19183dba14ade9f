#include "build/plan.h"
#include "unit/test_support.h"

namespace cooper::build {
namespace {
namespace fs = std::filesystem;

using Args = std::vector<std::pair<std::string, std::string>>;

class PlanTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(source()); }
  fs::path source() const { return folder_ / "source"; }
  void write(const std::string& name, std::string_view text) {
    fs::create_directories((source() / name).parent_path());
    write_text(source() / name, text);
  }
  Result<Plan> plan() {
    return make_plan({.source = source(),
                      .app = AppName::parse("hello").value(),
                      .id = BuildId::parse("b1").value(),
                      .request = request_,
                      .syntax = syntax_,
                      .environment = environment_});
  }
  /// The plan's error, which must be the user's to mend and name `part`.
  void expect_refused(const std::string& part) {
    const Result<Plan> result = plan();
    ASSERT_FALSE(result) << "expected: " << part;
    EXPECT_EQ(result.error().code(), Errc::invalid);
    EXPECT_NE(result.error().message().find(part), std::string::npos) << result.error().message();
  }

  TempFolder folder_;
  BuildRequest request_;
  SyntaxLines syntax_ = SyntaxLines::builtin;
  std::map<std::string, std::string> environment_;
};

TEST(ImageNames, FitNotEveryApp) {
  const auto can = [](const std::string& name) {
    return can_name_images(AppName::parse(name).value());
  };
  for (const char* name : {"a", "0", "my-app.v2", "a--b", "a---b", "a.b.c"}) EXPECT_TRUE(can(name));
  for (const char* name : {"a..b", "a.-b", "a-.b", "a.", "a-"}) EXPECT_FALSE(can(name)) << name;
  EXPECT_TRUE(can(std::string(63, 'a')));
  EXPECT_FALSE(can(std::string(64, 'a')));
}

TEST_F(PlanTest, ALoneDockerfileIsServiceWeb) {
  write("Dockerfile", "FROM x\n");
  const Plan plan = this->plan().value();
  EXPECT_EQ(plan.manifest_file, "Dockerfile");
  EXPECT_EQ(plan.manifest_text, "");
  ASSERT_EQ(plan.services.size(), 1U);
  EXPECT_EQ(plan.services[0].name.str(), "web");
  EXPECT_EQ(plan.services[0].reference, "localhost/hello:web.b1");
  ASSERT_EQ(plan.images.size(), 1U);
  EXPECT_EQ(plan.images[0].service, "web");
  EXPECT_EQ(plan.images[0].context, fs::canonical(source()));
  EXPECT_EQ(plan.images[0].dockerfile, fs::canonical(source() / "Dockerfile"));
  EXPECT_EQ(plan.images[0].tags, std::vector<std::string>{"localhost/hello:web.b1"});
  EXPECT_EQ(plan.images[0].target, "");
  EXPECT_FALSE(plan.images[0].no_cache);
}

TEST_F(PlanTest, EachDistinctImageIsMadeOnce) {
  write("Dockerfile", "FROM x\n");
  write("api/Dockerfile", "FROM x\nARG A\n");
  write("convox.yml",
        "services:\n"
        "  web: {build: .}\n"
        "  api: {build: {path: api, args: [A=1]}}\n"
        "  worker: {build: ./}\n"                       // the same as web
        "  other: {build: {path: api, args: [A=2]}}\n"  // another argument: another image
        "  same: {build: {path: ./api, args: [A=1, UNDECLARED=5]}}\n"
        "  db: {image: postgres:16}\n"
        "  db2: {image: postgres:16}\n");
  const Plan plan = this->plan().value();
  EXPECT_EQ(plan.manifest_file, "convox.yml");
  EXPECT_NE(plan.manifest_text.find("services:"), std::string::npos);
  std::vector<std::size_t> images;
  for (const PlannedService& service : plan.services) images.push_back(service.image);
  EXPECT_EQ(images, (std::vector<std::size_t>{0, 1, 0, 2, 1, 3, 3}));
  ASSERT_EQ(plan.images.size(), 4U);
  EXPECT_EQ(plan.images[0].tags,
            (std::vector<std::string>{"localhost/hello:web.b1", "localhost/hello:worker.b1"}));
  EXPECT_EQ(plan.images[1].service, "api");
  EXPECT_EQ(plan.images[1].build_args, (Args{{"A", "1"}}));
  EXPECT_EQ(plan.images[2].build_args, (Args{{"A", "2"}}));
  EXPECT_EQ(plan.images[3].base_image, "postgres:16");
  EXPECT_TRUE(plan.images[3].context.empty());
  EXPECT_EQ(plan.images[3].tags,
            (std::vector<std::string>{"localhost/hello:db.b1", "localhost/hello:db2.b1"}));
}

TEST_F(PlanTest, AnImageStandsForWhatWouldBeBuilt) {
  write("convox.yml",
        "services:\n  web:\n    build: ./nowhere\n  worker: {}\n  cache:\n    image: redis:7\n");
  request_.image = "team/shop:42";
  const Plan plan = this->plan().value();
  ASSERT_EQ(plan.images.size(), 2U);
  EXPECT_EQ(plan.images[0].base_image, "team/shop:42");
  EXPECT_EQ(plan.images[1].base_image, "redis:7");
  ASSERT_EQ(plan.services.size(), 3U);
  EXPECT_EQ(plan.services[1].image, 0U);
  EXPECT_EQ(plan.services[2].image, 1U);
}

TEST_F(PlanTest, BuildArgsGoOnlyWhereTheyAreDeclared) {
  write("Dockerfile", "ARG BASE=x\nFROM $BASE\nARG A\nARG FROM_APP\nARG UNSET\n");
  write("plain/Dockerfile", "FROM x\n");
  write("convox.yml",
        "services:\n"
        "  web: {build: {path: ., args: [A=manifest, FROM_APP, UNSET, NOT_DECLARED=1]}}\n"
        "  plain: {build: plain}\n");
  environment_ = {{"FROM_APP", "app"}, {"BASE", "never: it was not asked for"}};
  const Plan first = plan().value();
  EXPECT_EQ(first.images[0].build_args, (Args{{"A", "manifest"}, {"FROM_APP", "app"}}));
  EXPECT_EQ(first.images[1].build_args, Args{});
  // The command line wins, the last of a name first of all.
  request_.build_args = {{"A", "1"}, {"A", "2"}, {"BASE", "y"}, {"ELSE", "z"}};
  const Plan second = plan().value();
  EXPECT_EQ(second.images[0].build_args, (Args{{"A", "2"}, {"BASE", "y"}, {"FROM_APP", "app"}}));
  EXPECT_EQ(second.images[1].build_args, Args{});
}

TEST_F(PlanTest, ABareArgTakesTheDefaultOfTheEnvironment) {
  write("Dockerfile", "FROM x\nARG A\nARG B\nARG C\nARG D\n");
  write("convox.yml",
        "environment: [A=global, B=global, D]\n"
        "services:\n"
        "  web: {build: {path: ., args: [A, B, C, D]}, environment: [B=own, C=own]}\n");
  environment_ = {{"C", "app"}};
  EXPECT_EQ(plan().value().images[0].build_args,
            (Args{{"A", "global"}, {"B", "own"}, {"C", "app"}}));
}

TEST_F(PlanTest, ImagesAreNotReadFromTheHostsFiles) {
  for (const char* image : {"docker-archive:/tmp/a.tar", "oci:/tmp/a", "dir:x", "docker://x/y",
                            "containers-storage:x", "docker-daemon:x:1"}) {
    write("Dockerfile", std::string("FROM x\nFROM ") + image + "\n");
    write("convox.yml", "services: {web: {build: .}}\n");
    expect_refused(std::string("service web: Dockerfile:2: \"") + image + "\"");
    write("convox.yml", std::string("services: {db: {image: \"") + image + "\"}}\n");
    expect_refused(std::string("service db: \"") + image + "\"");
  }
  for (const char* image : {"docker:24", "registry:5000/oci", "localhost/dir:1", "ocir"}) {
    write("convox.yml", std::string("services: {db: {image: \"") + image + "\"}}\n");
    EXPECT_EQ(plan().value().images[0].base_image, image);
  }
}

TEST_F(PlanTest, VariablesAreReplacedFromTheAppAndTheCommandLine) {
  write("convox.yml", "services:\n  db: {image: \"${NAME}:${TAG}\"}\n");
  environment_ = {{"NAME", "postgres"}, {"TAG", "15"}};
  request_.build_args = {{"TAG", "16"}};
  EXPECT_EQ(plan().value().images[0].base_image, "postgres:16");
}

TEST_F(PlanTest, FlagsOfTheRequest) {
  write("Dockerfile", "FROM x AS Development\nFROM x\n");
  write("other/Dockerfile", "FROM x\n");
  write("convox.yml", "services:\n  web: {build: .}\n  other: {build: other}\n");
  request_.no_cache = true;
  request_.development = true;
  const Plan plan = this->plan().value();
  EXPECT_EQ(plan.images[0].target, "development");
  EXPECT_EQ(plan.images[1].target, "");  // no such stage there
  EXPECT_TRUE(plan.images[0].no_cache);
  request_.development = false;
  EXPECT_EQ(this->plan().value().images[0].target, "");
}

TEST_F(PlanTest, AnotherManifest) {
  write("Dockerfile", "FROM x\n");
  write("conf/prod.yml", "services:\n  api: {build: .}\n");
  write("convox.yml", "not: [even, yaml");
  request_.manifest = "conf/prod.yml";
  const Plan plan = this->plan().value();
  EXPECT_EQ(plan.manifest_file, "conf/prod.yml");
  EXPECT_EQ(plan.services[0].name.str(), "api");
  request_.manifest = "absent.yml";
  expect_refused("absent.yml");
}

TEST_F(PlanTest, WhatIsMissingIsNamed) {
  expect_refused("neither a convox.yml nor a Dockerfile");
  write("convox.yml", "services:\n  web: {build: .}\n");
  expect_refused("service web: the Dockerfile \"Dockerfile\" was not found");
  fs::create_directory(source() / "Dockerfile");
  expect_refused("is no file");
  write("convox.yml", "services:\n  web: {build: nowhere}\n");
  expect_refused("service web: the build path \"nowhere\" was not found");
  write("file", "");
  write("convox.yml", "services:\n  web: {build: file}\n");
  expect_refused("is no folder");
}

TEST_F(PlanTest, MistakesAreNamedWithTheirFile) {
  write("convox.yml", "services:\n  web: {build: [1]}\n");
  expect_refused("convox.yml:2:");
  write("convox.yml", "services:\n  api: {build: api}\n");
  write("api/Dockerfile", "RUN x\n");
  expect_refused("service api: api/Dockerfile");
}

TEST_F(PlanTest, AManifestThatIsNoTextFileIsTheUsersMistake) {
  fs::create_directory(source() / "convox.yml");
  expect_refused("convox.yml");
  fs::remove(source() / "convox.yml");
  write("convox.yml", std::string(5 << 20, '#'));
  expect_refused("convox.yml");
  write("convox.yml", "services:\n  web: {build: .}\n");
  write("Dockerfile", "FROM x\n" + std::string(5 << 20, '#'));
  expect_refused("Dockerfile");
}

TEST_F(PlanTest, NothingOutsideTheSourceIsRead) {
  write_text(folder_ / "Dockerfile", "FROM secret\n");
  fs::create_directories(folder_ / "source-evil");
  write_text(folder_ / "source-evil/Dockerfile", "FROM secret\n");
  fs::create_symlink("../Dockerfile", source() / "Dockerfile");
  expect_refused("leads out of the source");
  fs::create_symlink("/etc/hostname", source() / "convox.yml");
  expect_refused("leads out of the source");
  fs::remove(source() / "convox.yml");
  fs::create_directory_symlink("../source-evil", source() / "evil");  // shares a prefix with source
  write("convox.yml", "services:\n  web: {build: evil}\n");
  expect_refused("leads out of the source");
  fs::create_symlink("nowhere", source() / "dangling.yml");
  request_.manifest = "dangling.yml";
  expect_refused("was not found");
  request_.manifest = "../Dockerfile";
  expect_refused("the manifest");
  request_.manifest = "/etc/hostname";
  expect_refused("is an absolute path");
}

TEST_F(PlanTest, ImagesBearLabelsThatTellWhoseTheyAre) {
  request_.git_sha = "792f67e5354fe36f54a18163bac2d862295c5eff";
  request_.git_url = "https://git.example/a b";  // needs quoting: left out
  write("Dockerfile", "FROM x\nLABEL org.opencontainers.image.version=9\n");
  write("convox.yml", "services:\n  web: {build: .}\n  worker: {build: .}\n  db: {image: pg}\n");
  const Plan plan = this->plan().value();
  ASSERT_EQ(plan.images.size(), 2U);
  EXPECT_EQ(plan.images[0].labels,
            (Args{{"org.opencontainers.image.created", "1970-01-01T00:00:00Z"},
                  {"org.opencontainers.image.revision", request_.git_sha},
                  {"cooper.app", "hello"},
                  {"cooper.build", "b1"},
                  {"cooper.service", "web,worker"}}));
  EXPECT_EQ(plan.images[1].labels, Args{});
}

TEST_F(PlanTest, ASyntaxLineFollowsTheProperty) {
  write("Dockerfile", "# syntax=docker/dockerfile:1\nFROM x\n");
  Plan plan = this->plan().value();
  EXPECT_EQ(plan.images[0].frontend, "");
  EXPECT_EQ(plan.notes, std::vector<std::string>{"Dockerfile:1: # syntax=docker/dockerfile:1 is "
                                                 "ignored (property syntax)"});
  syntax_ = SyntaxLines::allow;
  plan = this->plan().value();
  EXPECT_EQ(plan.images[0].frontend, "docker/dockerfile:1");
  EXPECT_TRUE(plan.notes.empty());
  syntax_ = SyntaxLines::deny;
  expect_refused("service web: Dockerfile:1: the line # syntax=docker/dockerfile:1");
}

TEST_F(PlanTest, APlatformIsAskedForWithTheFirstRunThatNeedsIt) {
  request_.platform = "linux/arm64";
  write("Dockerfile", "FROM x\nRUN y\n");
  EXPECT_EQ(plan().value().images[0].platform, "linux/arm64");
  EXPECT_EQ(plan().value().images[0].first_run, "Dockerfile:2");
}

TEST_F(PlanTest, ATargetStageEndsBeforeTheNext) {
  write("Dockerfile", "FROM x AS a\nFROM a AS development\nRUN x\n\nFROM a\n");
  request_.development = true;
  EXPECT_EQ(plan().value().images[0].target, "development");
  EXPECT_EQ(plan().value().images[0].target_end, 4);
  write("Dockerfile", "FROM x AS a\nFROM a AS development\nRUN x\n");
  EXPECT_EQ(plan().value().images[0].target_end, 0);
}

TEST_F(PlanTest, LinksWithinTheSourceAreFine) {
  write("real/Dockerfile", "FROM x\n");
  fs::create_directory_symlink("real", source() / "link");
  write("convox.yml", "services:\n  a: {build: link}\n  b: {build: real}\n");
  const Plan plan = this->plan().value();
  EXPECT_EQ(plan.images.size(), 1U);  // two names of one folder
}

}  // namespace
}  // namespace cooper::build
