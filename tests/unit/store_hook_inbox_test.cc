// What webhooks said, kept.

#include "base/file.h"
#include "store/hook_inbox.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>

#include <sys/stat.h>

namespace cooper::store {
namespace {

using namespace std::chrono_literals;

class HookInboxFiles : public ::testing::Test {
 protected:
  static HookDelivery delivery(const std::string& name, Time when = now()) {
    return {.key = hook_key("github", name),
            .sender = "github",
            .delivery = name,
            .branch = "main",
            .commit = std::string(40, 'a'),
            .received_at = {when}};
  }

  TempFolder folder_;
  Layout layout_{folder_.path()};
  HookInbox inbox_{layout_};
  AppName app_ = AppName::parse("shop").value();
};

TEST_F(HookInboxFiles, EachIsTakenOnce) {
  EXPECT_TRUE(inbox_.accept(app_, delivery("one")));
  EXPECT_FALSE(inbox_.accept(app_, delivery("one")));
  EXPECT_TRUE(inbox_.accept(app_, delivery("two", now() + 1s)));
  EXPECT_NE(hook_key("github", "one"), hook_key("gitlab", "one"));
  ASSERT_EQ(inbox_.list(app_).size(), 2U);
  EXPECT_EQ(inbox_.list(app_)[0].delivery, "two");
  EXPECT_THAT(inbox_.apps(), testing::ElementsAre(app_));
  struct stat info {};
  ASSERT_EQ(::stat((layout_.hooks(app_) / (hook_key("github", "one") + ".json")).c_str(), &info),
            0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(HookInboxFiles, WhatBecameOfItIsKeptAndOfADeletedAppsNothing) {
  HookDelivery one = delivery("one");
  ASSERT_TRUE(inbox_.accept(app_, one));
  one.state = HookState::done;
  one.build = "b1";
  one.outcome = "build b1 was started";
  one.failures = 2;
  inbox_.update(app_, one);
  EXPECT_EQ(inbox_.list(app_).at(0), one);
  remove_tree(layout_.hooks(app_));
  inbox_.update(app_, one);
  EXPECT_FALSE(std::filesystem::exists(layout_.hooks(app_)));
}

TEST_F(HookInboxFiles, OldOnesAreForgottenUnlessTheyWait) {
  HookDelivery old = delivery("old", now() - 31 * 24h);
  HookDelivery waits = delivery("waits", now() - 31 * 24h);
  old.state = HookState::done;
  ASSERT_TRUE(inbox_.accept(app_, old));
  ASSERT_TRUE(inbox_.accept(app_, waits));
  for (const HookDelivery& one : {old, waits}) {
    std::filesystem::last_write_time(layout_.hooks(app_) / (one.key + ".json"),
                                     std::filesystem::file_time_type::clock::now() - 31 * 24h);
  }
  ASSERT_TRUE(inbox_.accept(app_, delivery("new")));
  ASSERT_EQ(inbox_.list(app_).size(), 2U);
  EXPECT_EQ(inbox_.list(app_)[1].delivery, "waits");
}

TEST_F(HookInboxFiles, DamageIsLeftOut) {
  ASSERT_TRUE(inbox_.accept(app_, delivery("one")));
  write_file_durably(layout_.hooks(app_) / (hook_key("github", "x") + ".json"), "{", 0600);
  write_file_durably(layout_.hooks(app_) / "README.json", "{}", 0600);
  EXPECT_EQ(inbox_.list(app_).size(), 1U);
  for (const char* bad :
       {"", "[]", "{}", R"({"state":"lost","branch":"b","received_at":"2026-01-01T00:00:00Z"})",
        R"({"state":"done","branch":"b","received_at":"yesterday"})"}) {
    EXPECT_FALSE(parse_hook_delivery(bad, "k")) << bad;
  }
}

}  // namespace
}  // namespace cooper::store
