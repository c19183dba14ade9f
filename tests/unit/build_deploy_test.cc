#include "build/deploy_files.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::build {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(RunnableImage, IsAPlainNameHereAndADigestInARegistry) {
  EXPECT_EQ(runnable_image("localhost/shop:web.b1@sha256:12", ""), "localhost/shop:web.b1");
  EXPECT_EQ(runnable_image("x", "ghcr.io/me/shop:web.b1@sha256:12"), "ghcr.io/me/shop@sha256:12");
  EXPECT_EQ(runnable_image("x", "host:5000/shop@sha256:12"), "host:5000/shop@sha256:12");
  EXPECT_EQ(runnable_image("x", "host:5000/shop:web.b1@sha256:12"), "host:5000/shop@sha256:12");
}

class DeployFilesTest : public testing::Test {
 protected:
  DeployFiles files() {
    return DeployFiles({.layout = layout_,
                        .app = release_.app,
                        .id = id_,
                        .release = release_,
                        .pushed = pushed_,
                        .settings = settings_,
                        .umask = 0022,
                        .log = log_,
                        .redactor = redactor_});
  }

  TempFolder folder_;
  store::Layout layout_{folder_ / "root"};
  BuildId id_ = BuildId::parse("d1").value();
  Release release_{.id = ReleaseId::parse("r1").value(),
                   .app = AppName::parse("shop").value(),
                   .build = "b1",
                   .manifest = "services: {}\n",
                   .environment = {{"KEY", "a\nb"}, {"TOKEN", "it's"}},
                   .images = {{"my-web", "localhost/shop:my-web.b1@sha256:12"}}};
  std::map<std::string, std::string> pushed_;
  Settings settings_;
  log::LogFile log_ = log::LogFile::create(folder_ / "log", 0640);
  log::Redactor redactor_{{}};
};

/// The path that a variable names.
std::filesystem::path path_in(const std::vector<std::string>& variables, const std::string& name) {
  for (const std::string& variable : variables) {
    if (variable.starts_with(name + "=")) return variable.substr(name.size() + 1);
  }
  return {};
}

TEST_F(DeployFilesTest, HoldTheEnvironmentForTheOwnerAlone) {
  std::filesystem::path kept;
  {
    const DeployFiles made = files();
    EXPECT_THAT(made.variables(), testing::IsSupersetOf({"APP=shop", "BUILD=b1", "RELEASE=r1",
                                                         "IMAGE_MY_WEB=localhost/shop:my-web.b1"}));
    EXPECT_EQ(read_file(path_in(made.variables(), "MANIFEST")), "services: {}\n");
    EXPECT_EQ(read_file(path_in(made.variables(), "ENV_FILE")), "TOKEN=it's\n");
    EXPECT_EQ(read_file(path_in(made.variables(), "ENV_SH")),
              "export KEY='a\nb'\nexport TOKEN='it'\\''s'\n");
    EXPECT_THAT(made.notes(), ElementsAre(HasSubstr("KEY has several lines")));
    for (const char* name : {"MANIFEST", "ENV_FILE", "ENV_SH"}) {
      kept = path_in(made.variables(), name);
      struct stat facts {};
      ASSERT_EQ(::stat(kept.c_str(), &facts), 0);
      EXPECT_EQ(facts.st_mode & 07777, 0600U);
      ASSERT_EQ(::stat(kept.parent_path().c_str(), &facts), 0);
      EXPECT_EQ(facts.st_mode & 07777, 0700U);
    }
  }
  EXPECT_FALSE(std::filesystem::exists(kept.parent_path()));
}

TEST_F(DeployFilesTest, TwoServicesOfOneVariableAreRefused) {
  release_.images = {{"a-b", "x"}, {"a_b", "y"}};
  EXPECT_EQ(code_of([&] { files(); }), Errc::invalid);
  EXPECT_FALSE(std::filesystem::exists(layout_.build(release_.app, id_).work));
}

TEST_F(DeployFilesTest, ADeployCommandMustBeNamed) {
  std::filesystem::create_directory(layout_.root());
  require_deployer({}, layout_, release_.app);
  settings_.deployer = DeployerKind::command;
  EXPECT_EQ(code_of([&] { require_deployer(settings_, layout_, release_.app); }), Errc::invalid);
  settings_.deploy_command = "/bin/true";
  require_deployer(settings_, layout_, release_.app);
  if (::geteuid() != 0) return;
  ASSERT_EQ(::chown(layout_.root().c_str(), 12345, 12345), 0);
  EXPECT_EQ(code_of([&] { require_deployer(settings_, layout_, release_.app); }), Errc::denied);
}

}  // namespace
}  // namespace cooper::build
