#include "unit/cli_test_support.h"

#include <boost/json.hpp>

#include <fcntl.h>

namespace cooper::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

using Retention = CliTest;

TEST_F(Retention, PruneSaysWhatItDidAndWhy) {
  for (int i = 10; i < 22; ++i) add_build("b" + std::to_string(i), Status::failed, 60s);
  write_log("b10", std::string(2048, 'x'));
  store_.set_property(nullptr, PropertyKey::parse("timeout").value(), "soon");
  store_.set_property(nullptr, PropertyKey::parse("retention").value(), "10");
  const Ran dry = run({"builds", "prune", "-a", "hello", "--dry-run"});
  EXPECT_EQ(dry.code, 0);
  EXPECT_EQ(dry.out,
            "hello  b10  would be removed (2 KiB) because it is beyond the retention by count\n"
            "hello  b11  would be removed (0 B) because it is beyond the retention by count\n"
            "would free 2 KiB\n");
  const Ran one = run({"builds", "prune", "-a", "hello"});
  EXPECT_EQ(one.code, 0);
  EXPECT_EQ(one.out,
            "hello  b10  removed (2 KiB) because it is beyond the retention by count\n"
            "hello  b11  removed (0 B) because it is beyond the retention by count\n"
            "freed 2 KiB\n");
  EXPECT_THAT(one.err, StartsWith("WARNING: "));
  EXPECT_THAT(one.err, HasSubstr("soon"));
  EXPECT_EQ(one.err, dry.err);
  const Ran all = run({"builds", "prune", "--all-apps"});
  EXPECT_EQ(all.code, 0);
  EXPECT_THAT(all.out, IsEmpty());
  EXPECT_EQ(all.err, one.err);
}

TEST_F(Retention, PruneOfAllAppsGoesOnAfterOneThatFails) {
  for (const char* name : {"a1", "hello", "z1"}) store_.create_app(app(name));
  for (int i = 10; i < 12; ++i) {
    Build build = add_build("b" + std::to_string(i), Status::failed, 60s);
    for (const char* name : {"a1", "z1"}) {
      build.app = app(name);
      store_.insert_build(build);
    }
  }
  store_.set_property(nullptr, PropertyKey::parse("retention").value(), "1");
  write_text(layout_.app(app("hello")) / "app.json", "damaged");
  const Ran ran = run({"builds", "prune", "--all-apps"});
  EXPECT_EQ(ran.code, exit_code(Errc::corrupt));
  EXPECT_THAT(ran.err, StartsWith("ERROR: app hello: "));
  EXPECT_THAT(ran.out, StartsWith("a1  b10  removed"));
  EXPECT_THAT(ran.out, HasSubstr("\nz1  b10  removed"));
  EXPECT_EQ(store_.build_ids(app("hello")).size(), 2U);
}

TEST_F(Retention, AnAppsNameOnATerminalIsHarmless) {
  store_.create_app(app());
  const auto file = layout_.builds(app()) / ".tmp-\x1b[2J\n";
  write_text(file, "x");
  const timespec times[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  EXPECT_EQ(
      run({"builds", "prune", "-a", "hello"}).out,
      "hello  data/builds/hello/.tmp-?[2J?  removed (1 B) because a crash left it\nfreed 1 B\n");
}

TEST_F(Retention, PinsAreShown) {
  add_build("b1", Status::succeeded, 60s);
  add_build("b2", Status::failed, 30s);
  EXPECT_THAT(run({"builds", "-a", "hello"}).out, Not(HasSubstr("PINNED")));
  const Ran pin = run({"builds", "pin", "b1", "-a", "hello"});
  EXPECT_EQ(pin.code, 0);
  EXPECT_EQ(pin.out, "Pinning build b1... OK\n");
  const std::string table = run({"builds", "-a", "hello"}).out;
  EXPECT_THAT(table, HasSubstr("ELAPSED  PINNED  DESCRIPTION\n"));
  EXPECT_THAT(table, HasSubstr("0s       yes     about b1\n"));
  EXPECT_THAT(run({"builds", "info", "b1", "-a", "hello"}).out, HasSubstr("Pinned       yes\n"));
  const auto record =
      json::parse(run({"builds", "info", "b1", "-a", "hello", "--format", "json"}).out);
  EXPECT_TRUE(record.at("pinned").as_bool());
  store_.set_property(nullptr, PropertyKey::parse("retention-age").value(), "1");
  EXPECT_THAT(run({"builds", "prune", "-a", "hello"}).out,
              StartsWith("hello  b2  removed (0 B) because it is beyond the retention by age"));
  EXPECT_EQ(run({"builds", "unpin", "b1", "-a", "hello"}).out, "Unpinning build b1... OK\n");
  EXPECT_THAT(run({"builds", "info", "b1", "-a", "hello"}).out, Not(HasSubstr("Pinned")));
  EXPECT_EQ(run({"builds", "pin", "b7", "-a", "hello"}).code, 3);
  EXPECT_EQ(run({"builds", "pin", "-a", "hello"}).code, 2);
}

}  // namespace
}  // namespace cooper::cli
