// Which part of a folder BuildKit gets: exclude, include and follow patterns.
// Cases are from fsutil's own tests, moby's patternmatcher and our facts.

#include "engine/buildkit/file_sync.h"
#include "engine/buildkit/follow_paths.h"
#include "unit/engine_sync_support.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

namespace cooper::engine::buildkit {
namespace {

using testing::ElementsAreArray;
using Strings = std::vector<std::string>;

/// `to -> target` is a symbolic link, `name/` an empty folder, the rest files.
void make_tree(const std::filesystem::path& folder, const Strings& entries) {
  for (const std::string& entry : entries) {
    if (const std::size_t arrow = entry.find(" -> "); arrow != std::string::npos) {
      const std::filesystem::path path = folder / entry.substr(0, arrow);
      std::filesystem::create_directories(path.parent_path());
      std::filesystem::create_symlink(entry.substr(arrow + 4), path);
    } else if (entry.ends_with('/')) {
      std::filesystem::create_directories(folder / entry);
    } else {
      write_text(folder / entry, entry);
    }
  }
}

struct PatternCase {
  Strings exclude;
  Strings include;
  Strings follow;
  Strings sent;
};
void PrintTo(const PatternCase& tested, std::ostream* out) {
  *out << testing::PrintToString(tested.exclude) << testing::PrintToString(tested.include)
       << testing::PrintToString(tested.follow);
}

class SyncPatterns : public testing::TestWithParam<PatternCase> {};

TEST_P(SyncPatterns, SelectWhatIsSent) {
  const TempFolder folder;
  make_tree(folder.path(), {"bar", "baz", "d/a/x.go", "d/a/y.md", "d/b/x.md", "e/", "foo/l -> ../d",
                            "foo/m", "k -> baz"});
  const PatternCase& tested = GetParam();
  EXPECT_THAT(paths_sent({.root = folder.path(),
                          .exclude = tested.exclude,
                          .include = tested.include,
                          .follow = tested.follow}),
              ElementsAreArray(tested.sent));
}

const Strings kAll{"bar",      "baz", "d",   "d/a",   "d/a/x.go", "d/a/y.md", "d/b",
                   "d/b/x.md", "e",   "foo", "foo/l", "foo/m",    "k"};

INSTANTIATE_TEST_SUITE_P(
    Table, SyncPatterns,
    testing::Values(
        PatternCase{{}, {}, {}, kAll}, PatternCase{{"d", "e", "foo"}, {}, {}, {"bar", "baz", "k"}},
        PatternCase{{"*"}, {}, {}, {}},
        // An excluded folder comes with the first entry that is brought back.
        PatternCase{{"*", "!d/b"}, {}, {}, {"d", "d/b", "d/b/x.md"}},
        PatternCase{{"*", "!**/*.md"}, {}, {}, {"d", "d/a", "d/a/y.md", "d/b", "d/b/x.md"}},
        PatternCase{{"d", "!d/a", "d/a/y.md"},
                    {},
                    {},
                    {"bar", "baz", "d", "d/a", "d/a/x.go", "e", "foo", "foo/l", "foo/m", "k"}},
        // Include: itself or a folder above; folders on the way.
        PatternCase{{}, {"bar"}, {}, {"bar"}},
        PatternCase{{}, {"d/a"}, {}, {"d", "d/a", "d/a/x.go", "d/a/y.md"}},
        PatternCase{{}, {"**/x.*"}, {}, {"d", "d/a", "d/a/x.go", "d/b", "d/b/x.md"}},
        PatternCase{{}, {"d", "!d/a"}, {}, {"d", "d/b", "d/b/x.md"}},
        PatternCase{{}, {"d/*/y.md", "e"}, {}, {"d", "d/a", "d/a/y.md", "e"}},
        PatternCase{{}, {"nothing"}, {}, {}},
        // Both: what is included, less what is excluded.
        PatternCase{{"**/*.md"}, {"d"}, {}, {"d", "d/a", "d/a/x.go", "d/b"}},
        PatternCase{{"d"}, {"d/a"}, {}, {}},
        PatternCase{{"d", "!d/a/x.go"}, {"d/a"}, {}, {"d", "d/a", "d/a/x.go"}},
        // Follow: links, and what they lead to.
        PatternCase{{}, {}, {"k"}, {"baz", "k"}},
        PatternCase{{},
                    {},
                    {"foo/l"},
                    {"d", "d/a", "d/a/x.go", "d/a/y.md", "d/b", "d/b/x.md", "foo", "foo/l"}},
        PatternCase{{}, {}, {"foo/l/b/*.md"}, {"d", "d/b", "d/b/x.md", "foo", "foo/l"}},
        PatternCase{
            {},
            {},
            {"foo/*"},
            {"d", "d/a", "d/a/x.go", "d/a/y.md", "d/b", "d/b/x.md", "foo", "foo/l", "foo/m"}},
        PatternCase{{}, {"bar"}, {"k"}, {"bar", "baz", "k"}},
        PatternCase{{"baz"}, {}, {"k"}, {"k"}}, PatternCase{{}, {}, {"."}, kAll},
        PatternCase{{}, {}, {"missing"}, {}}));

struct FollowCase {
  Strings tree;
  Strings paths;
  std::optional<Strings> result;
};
void PrintTo(const FollowCase& tested, std::ostream* out) {
  *out << testing::PrintToString(tested.tree) << " follow " << testing::PrintToString(tested.paths);
}

class FollowPaths : public testing::TestWithParam<FollowCase> {};

TEST_P(FollowPaths, ResolvesInsideOfTheRoot) {
  const TempFolder folder;
  make_tree(folder.path(), GetParam().tree);
  EXPECT_EQ(follow_paths(folder.path(), GetParam().paths), GetParam().result);
}

INSTANTIATE_TEST_SUITE_P(
    Table, FollowPaths,
    testing::Values(
        FollowCase{{"a"}, {"a", "./a", "/a", "b/../a"}, Strings{"a"}},
        FollowCase{{}, {"missing/x"}, Strings{"missing/x"}},
        FollowCase{{"l -> a"}, {"l"}, Strings{"a", "l"}},
        // Chains, and links in the middle.
        FollowCase{{"a -> b", "b -> c/d", "c/d -> ../e"}, {"a"}, Strings{"a", "b", "c/d", "e"}},
        FollowCase{{"l -> d", "d/x"}, {"l/x"}, Strings{"d/x", "l"}},
        FollowCase{{"l -> d", "d/m -> n"}, {"l/m/x"}, Strings{"d/m", "d/n/x", "l"}},
        // For every path, though the link was met before.
        FollowCase{{"l -> d"}, {"l/x", "l/y"}, Strings{"d/x", "d/y", "l"}},
        // Absolute targets begin at the root, and .. ends there.
        FollowCase{{"l -> /d/x"}, {"l"}, Strings{"d/x", "l"}},
        FollowCase{{"s/l -> ../../../../etc"}, {"s/l/passwd"}, Strings{"etc/passwd", "s/l"}},
        FollowCase{{}, {"../../etc/passwd"}, Strings{"etc/passwd"}},
        FollowCase{{"l -> /"}, {"l"}, std::nullopt},
        FollowCase{{"s/l -> .."}, {"s/l"}, std::nullopt},
        FollowCase{{"l -> /"}, {"l/x"}, Strings{"l", "x"}},
        FollowCase{{}, {"a", "."}, std::nullopt}, FollowCase{{}, {""}, std::nullopt},
        // Loops end.
        FollowCase{{"l -> l"}, {"l"}, Strings{"l"}},
        FollowCase{{"a -> b", "b -> a"}, {"a/x"}, Strings{"a", "b"}},
        // Wildcards: every link that matches; the pattern itself stays one.
        FollowCase{{"x1 -> a", "x2 -> b", "x3", "y -> c"}, {"x*"}, Strings{"a", "b", "x*"}},
        FollowCase{{"d/l1 -> ../t1", "d/l2 -> ../t2"}, {"d/l?"}, Strings{"d/l?", "t1", "t2"}},
        FollowCase{{"d/l1 -> ../t1"}, {"d/l?/x"}, Strings{"d/l?", "t1/x"}},
        FollowCase{{"a -> d", "d/l1 -> /t"}, {"a/*1"}, Strings{"a", "d/*1", "t"}},
        FollowCase{{"[ -> t"}, {"["}, Strings{"["}}));

TEST(FollowPathsLimits, LinksThatGrowEnd) {
  const TempFolder folder;
  make_tree(folder.path(), {"a -> a/b/c"});
  EXPECT_EQ(follow_paths(folder.path(), Strings{"a"}), Strings{"a"});
  // Each link doubles the paths.
  make_tree(folder.path(), {"d/x1 -> ../d/x*/1", "d/x2 -> ../d/x*/2", "d/x3 -> ../d/x*/3"});
  EXPECT_EQ(code_of([&] { follow_paths(folder.path(), Strings{"d/x*"}); }), Errc::invalid);
}

}  // namespace
}  // namespace cooper::engine::buildkit
