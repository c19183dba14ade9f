#include "base/file.h"
#include "build/container_place.h"
#include "unit/test_support.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace cooper::build {
namespace {

using engine::ContainerApi;

TEST(ContainerNote, IsReadAsItWasWritten) {
  const TempFolder folder;
  const store::Layout layout(folder / "root");
  std::filesystem::create_directory(layout.root());
  const AppName app = AppName::parse("shop").value();
  EXPECT_EQ(read_note(layout, app), std::nullopt);
  ContainerNote note{
      .places = {{.api = ContainerApi::podman, .socket = {}}, {.socket = "/run/docker.sock"}}};
  write_note(layout, app, note);
  EXPECT_EQ(read_note(layout, app), note);
  note.stopped = true;
  note.stopping = {"12ab", "34cd"};
  write_note(layout, app, note);
  EXPECT_EQ(read_note(layout, app), note);
}

TEST(ContainerNote, ThatIsDamagedIsNoneToGoBy) {
  const TempFolder folder;
  const store::Layout layout(folder / "root");
  const AppName app = AppName::parse("shop").value();
  std::filesystem::create_directories(layout.app(app));
  for (const char* text : {"", "{}", "[]", R"({"places": ["lxc"]})", R"({"places": 1})"}) {
    write_file_durably(layout.app(app) / "containers.json", text, 0644);
    EXPECT_EQ(code_of([&] { read_note(layout, app); }), Errc::corrupt) << text;
  }
}

TEST(ChoosePlace, IsWhereTheImagesAre) {
  EXPECT_EQ(choose_place(Runtime::automatic, "buildah 1.28.2").api, ContainerApi::podman);
  EXPECT_EQ(choose_place(Runtime::automatic, "docker 20.10.24").api, ContainerApi::docker);
  EXPECT_EQ(choose_place(Runtime::podman, "docker 20.10.24").api, ContainerApi::podman);
  EXPECT_EQ(choose_place(Runtime::docker, "buildah 1.28.2").api, ContainerApi::docker);
}

}  // namespace
}  // namespace cooper::build
