// Unpacking over what an earlier archive left.

#include "source/unpack.h"
#include "unit/source_test_support.h"

namespace cooper::source {
namespace {

namespace fs = std::filesystem;

TEST(UnpackOver, WritesWhatChangedAndRemovesTheRest) {
  const TempFolder to;
  ContentDigests known;
  const auto inode = [&](const char* name) {
    struct stat info {};
    EXPECT_EQ(::lstat((to / name).c_str(), &info), 0) << name;
    return info.st_ino;
  };
  const RawEntry same{.name = "d/same", .content = "as it was"};
  const Fd first = memory_file(raw_tar(
      same, RawEntry{.name = "d/other", .content = "one"}, RawEntry{.name = "gone", .content = "x"},
      RawEntry{.name = "l", .type = '2', .target = "gone"}, RawEntry{"empty/inner/", '5'}));
  unpack(first.get(), to.path(), {}, {}, &known);
  const ino_t before = inode("d/same");
  const Fd second = memory_file(raw_tar(same, RawEntry{.name = "d/other", .content = "two"},
                                        RawEntry{.name = "l", .content = "a file"},
                                        RawEntry{.name = "new", .content = "n"}));
  const UnpackResult result = unpack_over(second.get(), to.path(), known);
  EXPECT_EQ(result.files, 4U);
  EXPECT_EQ(inode("d/same"), before);
  EXPECT_EQ(tree_of(to.path()), (std::map<std::string, std::string>{{"d", "0755 folder"},
                                                                    {"d/same", "0644 as it was"},
                                                                    {"d/other", "0644 two"},
                                                                    {"l", "0644 a file"},
                                                                    {"new", "0644 n"}}));
  for (const char* name : {"d/same", "d/other", "l", "new"}) {
    struct stat info {};
    ASSERT_EQ(::stat((to / name).c_str(), &info), 0);
    EXPECT_EQ(known.find(info), sha256(read_file(to / name).value())) << name;
  }
}

TEST(UnpackOver, BelievesNoFileThatWasTouched) {
  const TempFolder to;
  ContentDigests known;
  const std::string archive = raw_tar(RawEntry{.name = "a", .content = "one"});
  const Fd first = memory_file(archive);
  unpack(first.get(), to.path(), {}, {}, &known);
  write_text(to / "a", "two");
  const Fd again = memory_file(archive);
  unpack_over(again.get(), to.path(), known);
  EXPECT_EQ(read_file(to / "a"), "one");
}

TEST(UnpackOver, FollowsNoLink) {
  const TempFolder to;
  write_text(to / "elsewhere/precious", "p");
  fs::create_symlink("elsewhere", to / "target");
  ContentDigests known;
  const Fd archive = memory_file(raw_tar(RawEntry{.name = "a"}));
  static_cast<void>(code_of([&] { unpack_over(archive.get(), to / "target", known); }));
  fs::remove(to / "target");
  fs::create_directory(to / "target");
  fs::create_symlink("../elsewhere", to / "target/d");
  const Fd beneath = memory_file(raw_tar(RawEntry{.name = "d/x"}));
  EXPECT_EQ(code_of([&] { unpack_over(beneath.get(), to / "target", known); }), Errc::corrupt);
  const Fd none = memory_file(raw_tar());
  unpack_over(none.get(), to / "target", known);
  EXPECT_FALSE(fs::exists(fs::symlink_status(to / "target/d")));
  EXPECT_EQ(read_file(to / "elsewhere/precious"), "p");
}

}  // namespace
}  // namespace cooper::source
