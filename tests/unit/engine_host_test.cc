// What is found out about the host's buildah, and that it is found out only once.
#include "engine/buildah_host.h"
#include "unit/engine_test_support.h"

namespace cooper::engine {
namespace {

using testing::HasSubstr;

class Host : public BuildahTest {
 protected:
  /// A buildah that writes down how it is called.
  fs::path counting_buildah() {
    const fs::path file = folder_ / "counting-buildah";
    write(file, "#!/bin/sh\necho \"$1\" >> " + calls_file().string() + "\nexec buildah \"$@\"\n");
    fs::permissions(file, fs::perms::owner_all);
    return file;
  }
  fs::path calls_file() const { return folder_ / "calls"; }
  std::string calls() const { return read_file(calls_file()).value_or(""); }
};

TEST(HostWithoutBuildah, SaysHowToInstallIt) {
  try {
    find_buildah("no-such-buildah", testing::TempDir());
    FAIL() << "found";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::unavailable);
    EXPECT_EQ(error.message(), "buildah was not found");
    EXPECT_THAT(error.hint(), HasSubstr("apt-get install buildah"));
  }
}

TEST_F(Host, IsKnownAfterTheFirstLook) {
  const fs::path cache = folder_ / "cache";
  const BuildahHost found = find_buildah(counting_buildah(), cache);
  EXPECT_EQ(found.graph_root, store() / "graph");
  EXPECT_EQ(found.graph_driver, "overlay");
  EXPECT_THAT(found.version, testing::MatchesRegex("[0-9]+\\.[0-9.]+"));
  EXPECT_TRUE(found.isolation.kind == "oci" || found.isolation.kind == "chroot");
  EXPECT_NE(calls(), "");
  EXPECT_EQ(left_over(), "");  // the probe's container

  remove_file(calls_file());
  EXPECT_EQ(find_buildah(folder_ / "counting-buildah", cache), found);
  EXPECT_EQ(calls(), "");
}

TEST_F(Host, IsLookedAtAgainWhenSomethingChanged) {
  const fs::path cache = folder_ / "cache";
  const fs::path program = counting_buildah();
  const BuildahHost found = find_buildah(program, cache);
  const std::string memory = read_file(cache / "engine-buildah.json").value();

  for (const std::string& damaged :
       {std::string(), std::string("{"), memory.substr(0, memory.size() / 2), std::string("[]")}) {
    write(cache / "engine-buildah.json", damaged);
    remove_file(calls_file());
    EXPECT_EQ(find_buildah(program, cache), found);
    EXPECT_NE(calls(), "") << damaged;
  }
  // An update of the program.
  write(program, read_file(program).value() + "\n");
  remove_file(calls_file());
  EXPECT_EQ(find_buildah(program, cache), found);
  EXPECT_NE(calls(), "");
  // A cache folder that can't be made only costs time.
  write(folder_ / "file", "");
  EXPECT_EQ(find_buildah(program, folder_ / "file/cache"), found);
}

TEST_F(Host, AnImageTakesOneCallOfBuildah) {
  BuildahOptions options;
  options.program = counting_buildah();
  BuildContext where = context(id_, cgroup_);
  where.cache = folder_ / "cache";
  { const BuildahEngine looks(where, options); }
  remove_file(calls_file());
  BuildahEngine engine(where, options);
  Recorder progress;
  for (int round = 0; round < 2; ++round) {
    const ImageResult made =
        engine.make(request("FROM localhost/base\nRUN echo one call\n"), progress, {});
    EXPECT_EQ(made.end, ImageResult::End::made) << made.reason;
  }
  EXPECT_EQ(engine.clean_up(), 0U);
  EXPECT_EQ(calls(), "build\nbuild\n");
}

}  // namespace
}  // namespace cooper::engine
