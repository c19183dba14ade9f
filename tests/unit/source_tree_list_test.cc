// What a tree holds, as a list.

#include "source/tree_list.h"

#include <gtest/gtest.h>

#include <string>
#include <sys/stat.h>
#include <vector>

namespace cooper::source {
namespace {

TEST(TreeList, KnowsTheOrderOfAWalk) {
  const std::vector<std::string> ordered = {"a", "a/b", "a/b/c", "a/b-", "a-", "a.b", "ab", "b"};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      EXPECT_EQ(comes_before(ordered[i], ordered[j]), i < j) << ordered[i] << " " << ordered[j];
    }
  }
  EXPECT_TRUE(comes_before("a", "\xff"));
}

TEST(TreeList, IsDroppedWhenItIsTooLong) {
  TreeList list;
  const std::string path(3000, 'p');
  for (std::size_t i = 0; i * path.size() < TreeList::kMostBytes; ++i) list.folder(path, 0755);
  EXPECT_TRUE(list.dropped());
  EXPECT_EQ(list.entries(), 0U);
  EXPECT_EQ(list.text(), "");
  list.link("l", 0777, "t");
  EXPECT_EQ(list.entries(), 0U);
}

TEST(TreeList, RefusesWhatIsNone) {
  TreeList list;
  list.folder("d", S_IFDIR | 0755);
  list.link("d/l", S_IFLNK | 0777, "t");
  list.file("f", S_IFREG | 0644, 70'000'000'000, sha256("x"));
  const auto again = TreeList::from(list.text(), list.digests());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->entries(), 3U);
  EXPECT_EQ(again->digest(), list.digest());
  TreeList::Reader reader(*again);
  reader.next();
  EXPECT_EQ(reader.next()->target, "t");
  EXPECT_EQ(reader.next()->size, 70'000'000'000U);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(TreeList::from(list.text(), {}));
  EXPECT_FALSE(TreeList::from(list.text(), {2, sha256("x")}));
  for (std::size_t size = 1; size < list.text().size(); ++size) {
    EXPECT_FALSE(TreeList::from(list.text().substr(0, size), list.digests())) << size;
  }
  EXPECT_FALSE(TreeList::from("x" + list.text().substr(1), list.digests()));
}

}  // namespace
}  // namespace cooper::source
