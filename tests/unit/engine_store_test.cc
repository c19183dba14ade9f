// What is read from containers/storage's folders: whose containers, which images.
#include "base/error.h"
#include "engine/buildah_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace cooper::engine {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Store : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "overlay-containers");
    fs::create_directories(folder_ / "overlay-images");
  }
  void TearDown() override { fs::remove_all(folder_); }

  static void write(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void settings(const std::string& id, const std::string& text) const {
    write(folder_ / "overlay-containers" / id / "userdata/buildah.json", text);
  }
  void list(const std::string& file, const std::string& id, const std::string& created) const {
    write(folder_ / "overlay-containers" / file,
          R"([{"id":")" + id + R"(","created":")" + created + R"("}])");
  }

  fs::path folder_ =
      fs::path(testing::TempDir()) / ("containers-storage-" + std::to_string(::getpid()));
  BuildahHost host_{.graph_root = folder_, .graph_driver = "overlay"};
  const std::string a_ = std::string(64, 'a');
  const std::string b_ = std::string(64, 'b');
};

TEST_F(Store, FindsMarkedContainersWithoutAnyList) {
  settings(a_, R"({"args":["id=cooper-build-1,src=/dev/null"]})");
  settings(b_, R"({"args":["id=cooper-build-12,src=/dev/null"]})");
  settings(std::string(64, 'c'), "");
  settings("not-an-id", R"({"args":["id=cooper-build-1,src=/dev/null"]})");
  fs::create_directories(folder_ / "overlay-containers" / std::string(64, 'd'));
  EXPECT_THAT(containers_with(host_, "\"id=cooper-build-1,src=/dev/null\""),
              UnorderedElementsAre(a_));
  EXPECT_THAT(containers_with({.graph_root = folder_ / "absent", .graph_driver = "vfs"}, "x"),
              IsEmpty());
}

TEST_F(Store, KnowsThatAContainerIsBeingMade) {
  const Time since = parse_rfc3339("2026-01-02T03:04:05Z").value().at;
  EXPECT_FALSE(is_writing(host_, since));
  for (const char* file : {"containers.json", "volatile-containers.json"}) {
    list(file, a_, "2026-01-02T03:04:04.9Z");
    EXPECT_FALSE(is_writing(host_, since)) << "older than our buildah";
    list(file, a_, "2026-01-02T03:04:05.1Z");
    EXPECT_TRUE(is_writing(host_, since));
    settings(a_, "{}");
    EXPECT_FALSE(is_writing(host_, since));
    fs::remove_all(folder_ / "overlay-containers" / a_);
    list(file, "../../x", "2026-01-02T03:04:05.1Z");
    EXPECT_FALSE(is_writing(host_, since));
  }
}

TEST_F(Store, KnowsThatAnImageIsBeingMade) {
  const Time since = parse_rfc3339("2026-01-02T03:04:05Z").value().at;
  const auto images = [&](const std::string& created) {
    write(folder_ / "overlay-images/images.json",
          R"([{"id":")" + a_ + R"(","created":")" + created + R"("}])");
  };
  images("2026-01-02T03:04:04Z");
  EXPECT_FALSE(is_writing(host_, since));
  images("2026-01-02T03:04:06Z");
  EXPECT_TRUE(is_writing(host_, since));
  write(folder_ / "overlay-images" / a_ / "manifest", "{}");
  EXPECT_FALSE(is_writing(host_, since));
}

TEST_F(Store, FindsImagesByTheBeginningOfTheirNames) {
  const fs::path images = folder_ / "overlay-images/images.json";
  EXPECT_THAT(image_names(host_, "localhost/a:"), IsEmpty());
  write(images, R"([{"id":"1","names":["localhost/a:web.1","localhost/ab:web.1"]},)"
                R"({"id":"2"},{"id":"3","names":["localhost/a:db.2"]},{"names":[4]},5])");
  EXPECT_THAT(image_names(host_, "localhost/a:"),
              UnorderedElementsAre("localhost/a:web.1", "localhost/a:db.2"));
  for (const char* damaged : {"{}", "[", "[{\"names\""}) {
    write(images, damaged);
    EXPECT_THROW(image_names(host_, "localhost/a:"), Error) << damaged;
  }
  write(images, "");
  EXPECT_THAT(image_names(host_, "localhost/a:"), IsEmpty());
}

}  // namespace
}  // namespace cooper::engine
