// The rules of .dockerignore. Cases are from Docker's documentation, from the
// tables that moby's patternmatcher is tested with, and from its issues.

#include "source/ignore.h"
#include "unit/source_test_support.h"

#include <gmock/gmock.h>

#include <array>
#include <random>
#include <string>
#include <string_view>

namespace cooper::source {
namespace {

using testing::HasSubstr;

struct Case {
  std::string_view rules;
  std::string_view path;
  bool excluded;
};

class IgnoreCase : public testing::TestWithParam<Case> {};

TEST_P(IgnoreCase, DecidesAsDockerDoes) {
  const Case& tested = GetParam();
  EXPECT_EQ(IgnoreRules::parse(tested.rules).value().excludes(tested.path), tested.excluded)
      << "rules: " << tested.rules << "\npath: " << tested.path;
}

constexpr bool kOut = true;
constexpr bool kIn = false;

// https://docs.docker.com/build/concepts/context/#dockerignore-files
INSTANTIATE_TEST_SUITE_P(Documentation, IgnoreCase,
                         testing::ValuesIn(std::initializer_list<Case>{
                             {"# comment\n*/temp*\n*/*/temp*\ntemp?\n", "somedir/temporary.txt",
                              kOut},
                             {"*/temp*", "somedir/temp", kOut},
                             {"*/temp*", "temporary", kIn},
                             {"*/*/temp*", "somedir/subdir/temporary.txt", kOut},
                             {"*/*/temp*", "somedir/temporary.txt", kIn},
                             {"temp?", "tempa", kOut},
                             {"temp?", "temp", kIn},
                             {"temp?", "tempab", kIn},
                             {"temp?", "sub/tempa", kIn},
                             {"/foo/bar", "foo/bar", kOut},
                             {"foo/bar", "foo/bar", kOut},
                             {"/foo/bar/", "foo/bar/x", kOut},
                             {"**/*.go", "main.go", kOut},
                             {"**/*.go", "a/b/c/main.go", kOut},
                             {"**/*.go", "a/main.got", kIn},
                             {"*.md\n!README.md", "README.md", kIn},
                             {"*.md\n!README.md", "OTHER.md", kOut},
                             {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", kOut},
                             {"*.md\n!README*.md\nREADME-secret.md", "README-x.md", kIn},
                             {"*.md\nREADME-secret.md\n!README*.md", "README-secret.md", kIn},
                             {"*\n!src", "src/deep/file", kIn},
                             {"*\n!src", "other", kOut},
                         }));

INSTANTIATE_TEST_SUITE_P(Patternmatcher, IgnoreCase,
                         testing::ValuesIn(std::initializer_list<Case>{
                             {"**", "file", kOut},
                             {"**", "dir/file", kOut},
                             {"**/", "file", kOut},
                             {"**/", "dir/file", kOut},
                             {"**/**", "file", kOut},
                             {"**/**", "dir/file", kOut},
                             {"dir/**", "dir/file", kOut},
                             {"dir/**", "dir/dir2/file", kOut},
                             {"dir/**", "dir", kIn},
                             {"**/dir", "dir", kOut},
                             {"**/dir", "a/b/dir", kOut},
                             {"**/dir", "a/xdir", kIn},
                             {"**/dir2/*", "dir/dir2/file", kOut},
                             {"**/dir2/*", "dir/dir2/dir3/file", kOut},
                             {"**/dir2/**", "dir/dir2/dir3/file", kOut},
                             {"**file", "file", kOut},
                             {"**file", "dir/file", kOut},
                             {"**file", "dir/dir/xfile", kOut},
                             {"**/file", "dir/dir/file", kOut},
                             {"**/file*", "dir/dir/file.txt", kOut},
                             {"**/file*txt", "dir/dir/file.txt", kOut},
                             {"**/file*.txt", "dir/dir/filex.txt", kOut},
                             {"**/file*.txt*", "dir/dir/file.txt", kOut},
                             {"**/**/*.txt", "dir/dir/file.txt", kOut},
                             {"**/**/*.txt2", "dir/dir/file.txt", kIn},
                             {"**/*.txt", "file.txt", kOut},
                             {"**/**/*.txt", "file.txt", kOut},
                             {"a**/*.txt", "a/file.txt", kOut},
                             {"a**/*.txt", "a/dir/file.txt", kOut},
                             {"a**/*.txt", "a/dir/dir/file.txt", kOut},
                             {"a/*.txt", "a/dir/file.txt", kIn},
                             {"a/*.txt", "a/file.txt", kOut},
                             {"a/*.txt**", "a/file.txt", kOut},
                             {"a[b-d]e", "ae", kIn},
                             {"a[b-d]e", "ace", kOut},
                             {"a[b-d]e", "aae", kIn},
                             {"a[^b-d]e", "aze", kOut},
                             {"a[^b-d]e", "ace", kIn},
                             {".*", ".foo", kOut},
                             {".*", "foo", kIn},
                             {"abc.def", "abcdef", kIn},
                             {"abc.def", "abc.def", kOut},
                             {"abc.def", "abcZdef", kIn},
                             {"abc?def", "abcZdef", kOut},
                             {"abc?def", "abcdef", kIn},
                             {"a\\\\", "a\\", kOut},
                             {"a\\*b", "a*b", kOut},
                             {"a\\*b", "axb", kIn},
                             {"**/foo/bar", "foo/bar", kOut},
                             {"**/foo/bar", "dir/foo/bar", kOut},
                             {"**/foo/bar", "dir/dir2/foo/bar", kOut},
                             {"abc/**", "abc", kIn},
                             {"abc/**", "abc/def", kOut},
                             {"abc/**", "abc/def/ghi", kOut},
                             {"**/.foo", ".foo", kOut},
                             {"**/.foo", "bar.foo", kIn},
                             {"a(b)c/def", "a(b)c/def", kOut},
                             {"a(b)c/def", "a(b)c/xyz", kIn},
                             {"a.|)$(}+{bc", "a.|)$(}+{bc", kOut},
                             {"dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
                              "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", kOut},
                             {"dist/*.whl",
                              "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", kOut},
                             {"*", "a", kOut},
                             {"*", "a/b", kOut},
                             {"?", "a/b", kOut},
                             {"a", "ab", kIn},
                             {"a*", "ba", kIn},
                             {"[a-z]", "é", kIn},
                             {"caf?", "café", kOut},
                             {"[é-ü]", "ö", kOut},
                         }));

INSTANTIATE_TEST_SUITE_P(OrderAndParents, IgnoreCase,
                         testing::ValuesIn(std::initializer_list<Case>{
                             {"", "a", kIn},
                             {"docs\n!docs/README.md", "docs/README.md", kIn},
                             {"docs\n!docs/README.md", "docs/other", kOut},
                             {"docs\n!docs/README.md\ndocs", "docs/README.md", kOut},
                             {"*\n!util/docker/web", "util/docker/web/foo", kIn},
                             {"*\n!util/docker/web\nutil/docker/web/foo", "util/docker/web/foo",
                              kOut},
                             {"*\n!util/docker/web", "util/docker", kOut},
                             {"!a", "a", kIn},
                             {"!a\na", "a", kOut},
                             {"**\n!**/keep", "a/b/keep", kIn},
                             {"**\n!**/keep", "a/b/keep/all", kIn},
                             {"**\n!**/keep", "a/b/kept", kOut},
                             {"node_modules", "sub/node_modules/x", kIn},
                             {"**/node_modules", "sub/node_modules/x", kOut},
                         }));

INSTANTIATE_TEST_SUITE_P(Lines, IgnoreCase,
                         testing::ValuesIn(std::initializer_list<Case>{
                             {"\xef\xbb\xbf"
                              "a",
                              "a", kOut},
                             {"a\r\nb\r\n", "a", kOut},
                             {"a\r\nb\r\n", "b", kOut},
                             {"  a  \n", "a", kOut},
                             {"#a", "#a", kIn},
                             {" #a", "#a", kOut},
                             {"*\n! a ", "a", kIn},
                             {"*\n!/a/", "a", kIn},
                             {"./a", "a", kOut},
                             {"a//b/../c/", "a/c", kOut},
                             {"../a", "a", kIn},
                             {".", "a", kIn},
                             {"/", "a", kIn},
                             {"a b", "a b", kOut},
                             {"a", "a\nb", kIn},
                             {"*", "a\nb", kOut},
                             {"a?", "a\xff", kOut},
                         }));

struct Wrong {
  std::string_view rules;
  const char* says;
};

class IgnoreWrong : public testing::TestWithParam<Wrong> {};

TEST_P(IgnoreWrong, IsInvalidAndNamesTheLine) {
  const auto parsed = IgnoreRules::parse(GetParam().rules);
  ASSERT_TRUE(parsed.has_error());
  EXPECT_EQ(parsed.error().code(), Errc::invalid);
  EXPECT_THAT(parsed.error().message(), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(All, IgnoreWrong,
                         testing::ValuesIn(std::initializer_list<Wrong>{
                             {"a\n\n!\n", "line 3"},
                             {"[", "line 1: bad pattern \"[\""},
                             {"[]", "[]"},
                             {"[^]", "[^]"},
                             {"a[", "no closing ]"},
                             {"[a", "no closing ]"},
                             {"[a-", "no closing ]"},
                             {"[-]", "a - in [ ]"},
                             {"[x-]", "a - in [ ]"},
                             {"[-x]", "a - in [ ]"},
                             {"[z-a]", "wrong way round"},
                             {"a\\", "escapes nothing"},
                             {"x\n\x1b[31m[", "line 2: bad pattern \"?[31m[\""},
                         }));

TEST(IgnoreRules, NeedNotEnterFoldersThatNothingBringsBack) {
  const auto may = [](std::string_view rules, std::string_view folder) {
    return IgnoreRules::parse(rules).value().may_include_beneath(folder);
  };
  EXPECT_FALSE(may("node_modules", "node_modules"));
  EXPECT_FALSE(may("*\n!src", "node_modules"));
  EXPECT_FALSE(may("*\n!src/app", "srcs"));
  EXPECT_FALSE(may("*\n!*.md", "docs"));
  EXPECT_TRUE(may("*\n!src/app", "src"));
  EXPECT_TRUE(may("*\n!src/app", "src/app"));
  EXPECT_TRUE(may("*\n!*/app", "anything"));
  EXPECT_FALSE(may("*\n!*/app", "anything/deeper"));
  EXPECT_TRUE(may("*\n!**/app", "a/b/c"));
  EXPECT_TRUE(may("*\n!a**", "abc/d"));
}

TEST(IgnoreRules, TimeIsBoundedForNastyPatterns) {
  std::string pattern = "**";
  std::string path = "a";
  for (int i = 0; i < 300; ++i) {
    pattern += "/*a*a*/**";
    path += "/aaaaaaaaaaaa";
  }
  EXPECT_FALSE(IgnoreRules::parse(pattern + "/b").value().excludes(path));
}

TEST(IgnoreRules, AreReadFromTheFolder) {
  const TempFolder folder;
  EXPECT_TRUE(read_ignore_rules(folder.path()).value().empty());
  write_text(folder / ".dockerignore", "a\n");
  EXPECT_TRUE(read_ignore_rules(folder.path()).value().excludes("a"));
  write_text(folder / ".dockerignore", "a\n[\n");
  EXPECT_THAT(read_ignore_rules(folder.path()).error().message(),
              HasSubstr(".dockerignore line 2"));
}

// Patterns that are compared as text, beside the same ones written so that they are not.
TEST(IgnoreShapes, MeanWhatTheGeneralFormMeans) {
  constexpr std::array<std::array<const char*, 2>, 4> kPairs{
      {{"**/ab", "**/a[b]"}, {"**/*b", "**/*[b]"}, {"**/*.b", "**/*.[b]"}, {"**/a\\b", "**/a[b]"}}};
  constexpr std::array<std::string_view, 7> kParts{"a", "b", "ab", ".b", "/", "\xc3\xa9", "\xff"};
  std::mt19937 random(1);
  for (const auto& [text, general] : kPairs) {
    const IgnorePattern one = IgnorePattern::compile(text).value();
    const IgnorePattern other = IgnorePattern::compile(general).value();
    for (int i = 0; i < 2000; ++i) {
      std::string path(kParts[random() % 4]);
      for (std::size_t parts = random() % 8; parts > 0; --parts) {
        const std::string_view part = kParts[random() % kParts.size()];
        if (part != "/" || path.back() != '/') path += part;
      }
      if (path.back() == '/') path.pop_back();
      EXPECT_EQ(one.match(path), other.match(path)) << text << " on " << path;
    }
  }
}

}  // namespace
}  // namespace cooper::source
