#include "base/text.h"
#include "base/time.h"
#include "build/root_id.h"
#include "unit/test_support.h"

#include <gtest/gtest.h>

namespace cooper::build {
namespace {
namespace fs = std::filesystem;

class RootIdTest : public testing::Test {
 protected:
  RootIdTest() { fs::create_directories(layout_.root()); }

  TempFolder folder_;
  const store::Layout layout_{folder_ / "root"};
};

TEST_F(RootIdTest, IsMadeOnceAndThenKept) {
  EXPECT_EQ(find_root_id(layout_).text, "");
  const Time before = now();
  const RootId made = make_root_id(layout_);
  EXPECT_EQ(made.text.size(), 20U);
  EXPECT_GE(made.since, before);
  EXPECT_EQ(make_root_id(layout_).text, made.text);
  EXPECT_EQ(find_root_id(layout_).since, made.since);
}

TEST_F(RootIdTest, ACopyBecomesAnotherRoot) {
  const RootId made = make_root_id(layout_);
  const store::Layout copy(folder_ / "copy");
  fs::copy(layout_.root(), copy.root(), fs::copy_options::recursive);
  EXPECT_EQ(find_root_id(copy).text, "");
  const RootId other = make_root_id(copy);
  EXPECT_NE(other.text, made.text);
  EXPECT_GT(other.since, made.since);
  EXPECT_EQ(find_root_id(layout_).text, made.text);
}

TEST_F(RootIdTest, DamageIsNoId) {
  const RootId made = make_root_id(layout_);
  const std::string text = *read_file(layout_.root_id());
  for (const std::string& damaged : {std::string(), std::string("x"), text.substr(1), text + "x"}) {
    write_text(layout_.root_id(), damaged);
    EXPECT_EQ(find_root_id(layout_).text, "") << damaged;
  }
  EXPECT_NE(make_root_id(layout_).text, made.text);
}

TEST_F(RootIdTest, TheLabelTellsWhoseAnImageIsElseTheBuildsAge) {
  using namespace std::chrono_literals;
  const Time since = now();
  const RootId root{.text = "mine", .since = since};
  EXPECT_TRUE(owns(root, {{"cooper.root", "mine"}}, since - 1h));
  EXPECT_FALSE(owns(root, {{"cooper.root", "theirs"}}, since + 1h));
  EXPECT_TRUE(owns(root, {}, since));
  EXPECT_FALSE(owns(root, {}, since - 1ns));
  EXPECT_FALSE(owns({}, {}, since));
  EXPECT_FALSE(owns({}, {{"cooper.root", ""}}, since));
}

}  // namespace
}  // namespace cooper::build
