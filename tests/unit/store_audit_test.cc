// The audit log: whole lines, in order, bounded, whatever happened to its files.

#include "base/file.h"
#include "base/text.h"
#include "store/audit_log.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <sys/resource.h>
#include <thread>

namespace cooper::store {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const Time kStart = parse_rfc3339("2026-11-21T08:00:00Z")->at;

AuditEntry entry(int number, AuditKind kind = AuditKind::change) {
  return {.at = {kStart + std::chrono::seconds(number)},
          .kind = kind,
          .who = "4f0q1zt2ab",
          .name = "ci",
          .action = "POST /apps/{app}/builds",
          .app = "web",
          .about = {{"id", "x"}},
          .made = std::to_string(number),
          .status = 200,
          .from = "192.0.2.1",
          .request = "abcdefgh"};
}

class AuditFiles : public ::testing::Test {
 protected:
  std::filesystem::path folder() const { return root_.path() / "data/audit"; }
  std::vector<std::string> made(const AuditLog& log, std::optional<Time> since = {}) const {
    std::vector<std::string> found;
    warnings_ = log.visit(since, [&](const AuditEntry& each) {
      found.push_back(each.made);
      return true;
    });
    return found;
  }

  TempFolder root_;
  AuditLog log_{Layout(root_.path())};
  mutable std::vector<std::string> warnings_;
};

TEST_F(AuditFiles, AnEntryComesBackAsItWas) {
  EXPECT_THAT(made(log_), ElementsAre());
  for (const AuditKind kind : {AuditKind::change, AuditKind::refusal}) {
    log_.append(entry(1, kind));
    std::vector<AuditEntry> found;
    log_.visit({}, [&](const AuditEntry& each) {
      if (each.kind == kind) found.push_back(each);
      return true;
    });
    EXPECT_THAT(found, ElementsAre(entry(1, kind)));
  }
  EXPECT_EQ(mode_of(folder()), 0700U);
  EXPECT_EQ(mode_of(folder() / "changes.jsonl"), 0600U);
  EXPECT_EQ(mode_of(folder() / "refusals.jsonl"), 0600U);
}

TEST_F(AuditFiles, TheNewestComesFirstOfWhicheverKind) {
  for (const int number : {1, 3, 4}) log_.append(entry(number));
  for (const int number : {2, 5}) log_.append(entry(number, AuditKind::refusal));
  EXPECT_THAT(made(log_), ElementsAre("5", "4", "3", "2", "1"));
  EXPECT_THAT(made(log_, kStart + 3s), ElementsAre("5", "4", "3"));
  std::vector<std::string> two;
  log_.visit({}, [&](const AuditEntry& each) {
    two.push_back(each.made);
    return two.size() < 2;
  });
  EXPECT_THAT(two, ElementsAre("5", "4"));
}

TEST_F(AuditFiles, IsOneLineWhateverItHolds) {
  AuditEntry evil = entry(1);
  evil.name = "a\nb\x1b[31m\"\\\xff";
  evil.about = {{"key", std::string(100'000, 'x')}};
  log_.append(evil);
  const std::string text = *read_file(folder() / "changes.jsonl");
  EXPECT_EQ(std::ranges::count(text, '\n'), 1);
  EXPECT_LT(text.size(), 2000U);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(made(log_), ElementsAre("1"));
}

TEST_F(AuditFiles, TheOldestGoAndRefusalsPushNoChangeOut) {
  const AuditLog small(Layout(root_.path()), {AuditLimit{.bytes = 1000, .files = 3},
                                              AuditLimit{.bytes = 1000, .files = 2}});
  small.append(entry(0));
  for (int i = 1; i <= 100; ++i) small.append(entry(i, AuditKind::refusal));
  EXPECT_THAT(made(small), testing::Contains("0"));
  for (int i = 101; i <= 200; ++i) small.append(entry(i));
  const std::vector<std::string> left = made(small);
  EXPECT_EQ(left.front(), "200");
  EXPECT_THAT(left, testing::Not(testing::Contains("0")));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(left[static_cast<std::size_t>(i)], std::to_string(200 - i));
  std::vector<std::string> names;
  for (const std::string& name : list_folder(folder())) {
    if (!name.ends_with(".jsonl")) continue;
    names.push_back(name);
    EXPECT_LE(std::filesystem::file_size(folder() / name), 1000U);
  }
  EXPECT_THAT(names,
              testing::UnorderedElementsAre("changes.jsonl", "changes.1.jsonl", "changes.2.jsonl",
                                            "refusals.jsonl", "refusals.1.jsonl"));
}

/// A crash between two renames leaves a number out: nothing that is kept may go for it.
TEST_F(AuditFiles, ARotationThatWasCutShortLosesNothing) {
  const AuditLog small(Layout(root_.path()), {AuditLimit{.bytes = 300, .files = 4},
                                              AuditLimit{.bytes = 300, .files = 4}});
  for (const int number : {1, 2, 3}) small.append(entry(number));
  ASSERT_THAT(made(small), ElementsAre("3", "2", "1"));
  std::filesystem::rename(folder() / "changes.2.jsonl", folder() / "changes.3.jsonl");
  std::filesystem::rename(folder() / "changes.1.jsonl", folder() / "changes.2.jsonl");
  EXPECT_THAT(made(small), ElementsAre("3", "2", "1"));
  small.append(entry(4));
  EXPECT_THAT(made(small), ElementsAre("4", "3", "2", "1"));
}

TEST_F(AuditFiles, HalfALineIsNoneAndHarmsNoOther) {
  log_.append(entry(1));
  std::ofstream(folder() / "changes.jsonl", std::ios::app) << R"({"at":"2026-)";
  log_.append(entry(2));
  EXPECT_THAT(made(log_), ElementsAre("2", "1"));
  EXPECT_THAT(warnings_, ElementsAre("1 line of the audit log can't be read"));
}

TEST_F(AuditFiles, NothingIsFollowedOutOfTheFolder) {
  log_.append(entry(1));
  const std::filesystem::path elsewhere = root_ / "elsewhere";
  write_text(elsewhere, "untouched");
  std::filesystem::remove(folder() / "changes.jsonl");
  std::filesystem::create_symlink(elsewhere, folder() / "changes.jsonl");
  EXPECT_TRUE(code_of([&] { log_.append(entry(2)); }));
  EXPECT_EQ(read_file(elsewhere), "untouched");
}

/// What does not fit is an error, and leaves nothing half.
TEST_F(AuditFiles, AFullDiskIsAnErrorAndLeavesWholeLines) {
  log_.append(entry(1));
  const auto size = std::filesystem::file_size(folder() / "changes.jsonl");
  EXPECT_EQ(in_child_process([&] {
              std::signal(SIGXFSZ, SIG_IGN);
              const rlimit limit{.rlim_cur = size + 10, .rlim_max = size + 10};
              ::setrlimit(RLIMIT_FSIZE, &limit);
              return code_of([&] { log_.append(entry(2)); }) ? 7 : 0;
            }),
            7);
  EXPECT_EQ(std::filesystem::file_size(folder() / "changes.jsonl"), size);
  log_.append(entry(3));
  EXPECT_THAT(made(log_), ElementsAre("3", "1"));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(AuditFiles, ManyWriteAndReadAtOnce) {
  const AuditLog small(Layout(root_.path()), {AuditLimit{.bytes = 2000, .files = 100},
                                              AuditLimit{.bytes = 2000, .files = 100}});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 25; ++i) small.append(entry(thread * 100 + i, AuditKind::refusal));
    });
  }
  for (int i = 0; i < 20; ++i) {
    made(small);
    EXPECT_TRUE(warnings_.empty());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made(small).size(), 100U);
  EXPECT_TRUE(warnings_.empty());
}

TEST(AuditEntryText, IsRefusedIfItIsNone) {
  for (const char* bad :
       {"", "{}", "[]", "nonsense", R"({"at":"yesterday","action":"x","status":1})",
        R"({"at":"2026-11-21T08:00:00Z","action":"x"})",
        R"({"at":"2026-11-21T08:00:00Z","action":"x","status":"200"})"}) {
    const auto parsed = parse_audit_entry(bad, AuditKind::change);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code(), Errc::corrupt);
  }
  EXPECT_TRUE(parse_audit_entry(R"({"at":"2026-11-21T08:00:00Z","action":"x","status":1,"new":[]})",
                                AuditKind::change));
}

}  // namespace
}  // namespace cooper::store
