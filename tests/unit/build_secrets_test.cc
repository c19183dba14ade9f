#include "base/file.h"
#include "build/secret_memory.h"
#include "build/secrets.h"
#include "engine/registry_secrets.h"
#include "unit/store_test_support.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <map>

namespace cooper::build {
namespace {

using store::app_name;
using store::key;
using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::UnorderedElementsAre;

/// A home of its own for one test.
class SecretsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
                             "DOCKER_CONFIG", "COOPER_REDACT"}) {
      remember(name);
      ::unsetenv(name);
    }
    set("HOME", folder_ / "home");
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }
  void set(const char* name, const std::string& value) {
    remember(name);
    ::setenv(name, value.c_str(), 1);
  }
  void write(const std::filesystem::path& path, std::string_view text) {
    make_folders((folder_.path() / path).parent_path());
    write_file_durably(folder_.path() / path, text, 0600);
  }
  std::vector<std::string> secrets() {
    warnings_.clear();
    return secrets_of(store_, app_name("hello"), given_, environment_, warnings_);
  }

  TempFolder folder_;
  store::FileStore store_{store::Layout(folder_ / "root")};
  engine::BuildSecrets given_;
  Environment environment_;
  std::vector<std::string> warnings_;

 private:
  void remember(const char* name) {
    const char* value = std::getenv(name);
    before_.try_emplace(name, value ? std::optional<std::string>(value) : std::nullopt);
  }
  std::map<std::string, std::optional<std::string>> before_;
};

TEST_F(SecretsTest, OfTheVariableAndOfBothLevelsOfTheProperty) {
  set("COOPER_REDACT", "from the variable\n\nand another");
  store_.set_property(nullptr, key("redact"), "of all apps");
  const AppName hello = app_name("hello");
  const AppName other = app_name("other");
  store_.set_property(&hello, key("redact"), "of hello\nof hello too\n");
  store_.set_property(&other, key("redact"), "of other");
  EXPECT_THAT(secrets(), IsSupersetOf({"from the variable", "and another", "of all apps",
                                       "of hello", "of hello too"}));
  EXPECT_THAT(secrets(), Not(Contains("of other")));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(SecretsTest, OfTheBuildItself) {
  given_.secrets = {{.id = "token", .value = "of the build\n"}};
  EXPECT_THAT(secrets(), Contains("of the build\n"));
}

TEST_F(SecretsTest, OfTheAppsEnvironment) {
  environment_ = {{"TOKEN", "of the environment"},
                  {"PORT", "8080"},
                  {"HOST", "localhost"},
                  {"KEY", "12345678"}};
  EXPECT_THAT(secrets(), UnorderedElementsAre("of the environment", "12345678"));
  EXPECT_THAT(secrets(), Not(Contains("TOKEN")));
}

TEST(SecretMemory, HandsOnAnyBytes) {
  const engine::BuildSecrets given{
      .secrets = {{.id = "a", .value = std::string("\0\xff\n", 3)}, {.id = "b", .value = ""}},
      .agents = {{.id = "default", .socket = "/run/\xff agent"}}};
  EXPECT_EQ(from_memory(to_memory(given)), given);
  EXPECT_FALSE(to_memory({}));
  EXPECT_TRUE(from_memory({}).empty());
}

TEST_F(SecretsTest, OfEveryFileOfCredentials) {
  // base64 of user:pass word, u:second, u:third, u:fourth, u:fifth and u:six:th
  write(
      "home/.docker/config.json",
      R"({"auths":{"a.example":{"auth":"dXNlcjpwYXNzIHdvcmQ="},"b.example":{}},"credsStore":"x"})");
  write("home/.config/containers/auth.json", R"({"auths":{"a":{"auth":"dTpzZWNvbmQ="}}})");
  write("run/containers/auth.json", R"({"auths":{"a":{"auth":"dTp0aGlyZA=="}}})");
  write("docker/config.json",
        R"({"auths":{"a":{"auth":"dTpmb3VydGg=","identitytoken":"the token"}}})");
  write("named.json", R"({"auths":{"a":{"auth":"dTpmaWZ0aA==\n"}}})");
  write("home/.dockercfg", R"({"a":{"auth":"dTpzaXg6dGg=","email":"me@example"}})");
  set("XDG_RUNTIME_DIR", folder_ / "run");
  set("DOCKER_CONFIG", folder_ / "docker");
  set("REGISTRY_AUTH_FILE", folder_ / "named.json");
  EXPECT_THAT(secrets(),
              IsSupersetOf({"pass word", "user:pass word", "dXNlcjpwYXNzIHdvcmQ=", "second",
                            "third", "fourth", "the token", "fifth", "six:th"}));
  EXPECT_THAT(secrets(), Not(Contains("me@example")));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(SecretsTest, AFileThatDoesNotParseIsNamedButNotShown) {
  write("home/.docker/config.json", R"({"auths":{"a":{"auth":"dTpzZWNvbmQ=")");
  write("home/.dockercfg", "[]");
  secrets();
  ASSERT_EQ(warnings_.size(), 2U);
  EXPECT_THAT(warnings_, testing::Each(HasSubstr("/home/.docker")));
  EXPECT_THAT(warnings_, testing::Each(Not(HasSubstr("dTpz"))));
}

TEST_F(SecretsTest, APropertyThatCantBeReadStopsTheBuild) {
  make_folders(store_.layout().properties(nullptr) / "redact");
  EXPECT_THROW(secrets(), Error);
}

}  // namespace
}  // namespace cooper::build
