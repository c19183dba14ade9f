// Short image names on hosts that name no registry for them.
#include "base/file.h"
#include "engine/registries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cooper::engine {
namespace {

namespace fs = std::filesystem;

class Registries : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "registries-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    conf_ = folder_ / "host.conf";
    set("CONTAINERS_REGISTRIES_CONF", conf_);
    set("HOME", folder_);
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) {
      if (value) {
        ::setenv(name, value->c_str(), 1);
      } else {
        ::unsetenv(name);
      }
    }
    remove_tree(folder_);
  }
  void set(const char* name, const fs::path& value) {
    const char* old = std::getenv(name);
    before_.emplace_back(name, old ? std::optional<std::string>(old) : std::nullopt);
    ::setenv(name, value.c_str(), 1);
  }
  void host_says(std::string_view text) { write_file_durably(conf_, text, 0644); }

  fs::path folder_;
  fs::path conf_;
  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

TEST_F(Registries, AHostWithoutASearchRegistryGetsDockerHub) {
  host_says(
      "# a comment\n#unqualified-search-registries = [\"example.com\"]\n"
      "[[registry]]\nlocation = \"mirror.example.com\"\n");
  const auto made = registries_for_builds(folder_ / "work", {});
  ASSERT_TRUE(made.has_value());
  const std::string text = read_file(*made).value();
  EXPECT_TRUE(text.starts_with("unqualified-search-registries = [\"docker.io\"]\n")) << text;
  // A mirror or an insecure registry that the host has set up still holds.
  EXPECT_THAT(text, testing::HasSubstr("[[registry]]\nlocation = \"mirror.example.com\"\n"));
}

TEST_F(Registries, NoFileAtAllIsLikeAnEmptyOne) {
  const auto made = registries_for_builds(folder_ / "work", {});
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(read_file(*made), "unqualified-search-registries = [\"docker.io\"]\n");
}

TEST_F(Registries, TheHostsOwnChoiceStands) {
  for (const char* text : {"unqualified-search-registries = [\"example.com\"]\n",
                           "  unqualified-search-registries=[]\n",
                           "[registries.search]\nregistries = ['example.com']\n"}) {
    host_says(text);
    EXPECT_EQ(registries_for_builds(folder_ / "work", {}), std::nullopt) << text;
  }
  EXPECT_FALSE(fs::exists(folder_ / "work"));
}

TEST_F(Registries, ADropInsChoiceStandsToo) {
  host_says("");
  const fs::path drop_ins = folder_ / ".config/containers/registries.conf.d";
  make_folders(drop_ins);
  write_file_durably(drop_ins / "search.conf.disabled",
                     "unqualified-search-registries = [\"example.com\"]\n", 0644);
  EXPECT_TRUE(registries_for_builds(folder_ / "work", {}).has_value());
  write_file_durably(drop_ins / "search.conf",
                     "unqualified-search-registries = [\"example.com\"]\n", 0644);
  EXPECT_EQ(registries_for_builds(folder_ / "work", {}), std::nullopt);
}

TEST_F(Registries, OnesOnThisHostNeedNoTls) {
  host_says("unqualified-search-registries = []\n");
  EXPECT_EQ(registries_for_builds(folder_ / "work", {"ghcr.io"}), std::nullopt);
  const auto made = registries_for_builds(folder_ / "work", {"127.0.0.1:5000", "127.0.0.1:5000"});
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(read_file(*made),
            "unqualified-search-registries = []\n"
            "\n[[registry]]\nlocation = \"127.0.0.1:5000\"\ninsecure = true\n");
  // What the host says of it counts.
  host_says("unqualified-search-registries = []\n[[registry]]\nlocation = \"127.0.0.1:5000\"\n");
  EXPECT_EQ(registries_for_builds(folder_ / "work", {"127.0.0.1:5000"}), std::nullopt);
}

TEST_F(Registries, WhichAreOnThisHost) {
  for (const char* host :
       {"localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"ghcr.io", "localhost.example.com", "10.127.0.1:5000", "[::2]:5"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

}  // namespace
}  // namespace cooper::engine
