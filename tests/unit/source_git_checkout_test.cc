// The files of a commit, and bare repositories, with real git.

#include "base/error.h"
#include "base/file.h"
#include "process/child.h"
#include "source/git_checkout.h"
#include "source/git_remote.h"
#include "source/git_repository.h"
#include "unit/source_test_support.h"

#include <gmock/gmock.h>

#include <sys/stat.h>
#include <vector>

namespace cooper::source {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Runs git in `folder` with nobody's settings, and gives its first line.
std::string git(const fs::path& folder, std::vector<std::string> arguments) {
  process::Command command;
  command.argv = {"git",
                  "-c",
                  "init.defaultBranch=main",
                  "-c",
                  "user.name=T",
                  "-c",
                  "user.email=t@example.com",
                  "-c",
                  "protocol.file.allow=always"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.environment =
      process::own_environment({"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null"});
  command.folder = folder;
  const process::Captured done = process::run(std::move(command));
  EXPECT_TRUE(done.status.ok()) << arguments[0] << ": " << done.err;
  return done.out.substr(0, done.out.find('\n'));
}

GitAccess from_files(const std::string& url) {
  return git_access(parse_source_url(url).value(), {.schemes = {"file"}, .reach = Reach::anywhere},
                    {});
}

/// A bare repository `app.git`, and a work tree `app` that pushes to it.
class GitCheckoutTest : public testing::Test {
 protected:
  void SetUp() override {
    make_repository(bare(), {{"pre-receive", "#!/bin/sh\nexit 0\n"}});
    fs::create_directory(work());
    git(work(), {"init", "-q"});
  }

  fs::path bare() const { return folder_ / "app.git"; }
  fs::path work() const { return folder_ / "app"; }

  /// Commits what is in the work tree, and pushes it; its id.
  std::string push(const std::string& subject) {
    git(work(), {"add", "-A"});
    git(work(), {"commit", "-q", "--allow-empty", "-m", subject});
    git(work(), {"push", "-q", bare().string(), "HEAD:refs/heads/main"});
    return git(work(), {"rev-parse", "HEAD"});
  }

  /// With a submodule `lib` in which is a file `code`.
  std::string push_with_submodule(const std::string& url) {
    const fs::path lib = folder_ / "lib";
    fs::create_directory(lib);
    git(lib, {"init", "-q"});
    write_text(lib / "code", "code");
    git(lib, {"add", "-A"});
    git(lib, {"commit", "-q", "-m", "lib"});
    git(work(), {"submodule", "--quiet", "add", lib.string(), "parts/lib"});
    git(work(), {"config", "--file", ".gitmodules", "submodule.parts/lib.url", url});
    return push("With a part");
  }

  CheckedOut check_out(GitCheckout checkout) {
    checkout.repository = bare();
    scratch_ = folder_ / ("scratch-" + std::to_string(++scratches_));
    fs::create_directory(scratch_);
    return source::check_out(checkout, scratch_);
  }

  /// What the checkout is refused with.
  Error refusal(const GitCheckout& checkout) {
    try {
      check_out(checkout);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "it was checked out";
    return {};
  }

  TempFolder folder_;
  fs::path scratch_;
  int scratches_ = 0;
};

TEST_F(GitCheckoutTest, FilesAndFactsAreThoseOfTheCommit) {
  write_text(work() / "run.sh", "#!/bin/sh\n");
  fs::permissions(work() / "run.sh", fs::perms::owner_all);
  write_text(work() / "with\nbreak/file", "x");
  fs::create_symlink("/etc/passwd", work() / "link");
  const std::string first = push("One\n\nwhy");
  write_text(work() / "later", "x");
  push("Two");

  const mode_t before = ::umask(077);
  const CheckedOut done = check_out({.commit = first});
  ::umask(before);

  EXPECT_EQ(done.facts, (GitFacts{.sha = first, .subject = "One", .branch = "", .clean = true}));
  EXPECT_EQ(read_file(done.folder / "with\nbreak/file"), "x");
  EXPECT_EQ(fs::read_symlink(done.folder / "link"), "/etc/passwd");
  EXPECT_FALSE(fs::exists(done.folder / "later"));
  EXPECT_FALSE(fs::exists(done.folder / ".git"));
  struct stat info {};
  ASSERT_EQ(::stat((done.folder / "run.sh").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0755u);  // whatever our umask is
}

TEST_F(GitCheckoutTest, AFolderThatACheckoutLeftGetsOnlyWhatDiffers) {
  write_text(work() / "same", "same");
  write_text(work() / "gone/file", "x");
  write_text(work() / "changed", "one");
  const std::string first = push("One");
  fs::remove_all(work() / "gone");
  write_text(work() / "changed", "two");
  write_text(work() / "new", "new");
  const std::string second = push("Two");
  const CheckedOut before = check_out({.commit = first});
  write_text(before.folder / "same", "damaged");
  const CheckedOut after =
      source::check_out({.repository = bare(), .commit = second}, before.folder.parent_path());
  EXPECT_EQ(after.facts.subject, "Two");
  EXPECT_EQ(read_file(after.folder / "same"), "same");  // git looks at each file
  EXPECT_EQ(read_file(after.folder / "changed"), "two");
  EXPECT_EQ(read_file(after.folder / "new"), "new");
  EXPECT_FALSE(fs::exists(after.folder / "gone"));
  struct stat untouched {};
  ASSERT_EQ(::stat((after.folder / "new").c_str(), &untouched), 0);
  source::check_out({.repository = bare(), .commit = second}, before.folder.parent_path());
  struct stat again {};
  ASSERT_EQ(::stat((after.folder / "new").c_str(), &again), 0);
  EXPECT_EQ(again.st_ino, untouched.st_ino);
}

TEST_F(GitCheckoutTest, AnEmptyCommitIsAnEmptyFolder) {
  EXPECT_TRUE(fs::is_empty(check_out({.commit = push("Nothing")}).folder));
}

TEST_F(GitCheckoutTest, WhatIsNoCommitOfTheRepositoryIsRefused) {
  write_text(work() / "file", "x");
  push("One");
  EXPECT_EQ(refusal({.commit = std::string(40, '1')}).code(), Errc::not_found);
  EXPECT_EQ(refusal({.commit = "main"}).code(), Errc::invalid);
  EXPECT_EQ(refusal({.commit = "--upload-pack=touch /tmp/x"}).code(), Errc::invalid);
  EXPECT_THAT(refusal({.commit = git(work(), {"rev-parse", "HEAD:file"})}).message(),
              HasSubstr("there is no commit"));
}

TEST_F(GitCheckoutTest, NoFilterAndNoHookOfTheUsersRuns) {
  write_text(work() / ".gitattributes", "* filter=bad\n");
  write_text(work() / "file", "as it is\n");
  const std::string commit = push("One");
  const fs::path config = folder_ / "gitconfig";
  const fs::path hooks = folder_ / "hooks";
  write_text(
      config,
      "[filter \"bad\"]\n\tsmudge = echo changed\n\trequired = true\n[core]\n\thooksPath = " +
          hooks.string() + "\n");
  write_text(hooks / "post-checkout", "#!/bin/sh\ntouch " + (folder_ / "ran").string() + "\n");
  fs::permissions(hooks / "post-checkout", fs::perms::owner_all);
  ASSERT_EQ(::setenv("GIT_CONFIG_GLOBAL", config.c_str(), 1), 0);
  const CheckedOut done = check_out({.commit = commit});
  ::unsetenv("GIT_CONFIG_GLOBAL");
  EXPECT_EQ(read_file(done.folder / "file"), "as it is\n");
  EXPECT_FALSE(fs::exists(folder_ / "ran"));
}

TEST_F(GitCheckoutTest, SubmodulesAreFetchedAndLeaveOnlyTheirFiles) {
  const std::string commit = push_with_submodule((folder_ / "lib").string());
  std::vector<std::string> asked;
  const CheckedOut done = check_out({.commit = commit, .access = [&](const std::string& url) {
                                       asked.push_back(url);
                                       return from_files(url);
                                     }});
  EXPECT_EQ(done.submodules, 1u);
  EXPECT_EQ(read_file(done.folder / "parts/lib/code"), "code");
  EXPECT_FALSE(fs::exists(done.folder / "parts/lib/.git"));
  EXPECT_THAT(asked, testing::ElementsAre((folder_ / "lib").string()));
}

TEST_F(GitCheckoutTest, RelativeUrlsAreRelativeToTheOrigin) {
  const std::string commit = push_with_submodule("../lib");
  const CheckedOut done =
      check_out({.commit = commit, .access = from_files, .origin = work().string()});
  EXPECT_EQ(read_file(done.folder / "parts/lib/code"), "code");
  const Error refused = refusal({.commit = commit, .access = from_files});
  EXPECT_THAT(refused.message(), HasSubstr("submodule parts/lib: its URL is relative (../lib)"));
}

TEST_F(GitCheckoutTest, SubmodulesOfThisHostAreRefusedUnlessAllowed) {
  const std::string commit = push_with_submodule((folder_ / "lib").string());
  EXPECT_EQ(refusal({.commit = commit}).message(),
            "submodule parts/lib: submodules are not fetched here");
  const auto from_the_internet = [](const std::string& url) {
    return git_access(parse_source_url(url).value(), {}, {});
  };
  EXPECT_EQ(refusal({.commit = commit, .access = from_the_internet}).message(),
            "submodule parts/lib: source may not be fetched by file");
}

TEST_F(GitCheckoutTest, AUrlThatIsRefusedIsNotFetched) {
  const std::string commit = push_with_submodule((folder_ / "lib").string());
  const Error refused = refusal({.commit = commit, .access = [](const std::string&) -> GitAccess {
                                   throw Error(Errc::denied, "not from there");
                                 }});
  EXPECT_EQ(refused.code(), Errc::denied);
  EXPECT_EQ(refused.message(), "submodule parts/lib: not from there");
  EXPECT_TRUE(fs::is_empty(scratch_ / "source/parts/lib"));
}

TEST_F(GitCheckoutTest, SubmodulesTogetherHaveOneLimit) {
  std::string noise;
  for (unsigned i = 0, x = 1; i < 20000; ++i) {
    x = x * 1103515245 + 12345;
    noise += static_cast<char>(x >> 16);
  }
  for (const char* name : {"one", "two"}) {
    const fs::path part = folder_ / name;
    fs::create_directory(part);
    git(part, {"init", "-q"});
    write_text(part / "noise", name + noise);
    git(part, {"add", "-A"});
    git(part, {"commit", "-q", "-m", "noise"});
    git(work(), {"submodule", "--quiet", "add", part.string(), name});
  }
  const std::string commit = push("Parts");
  const Error refused = refusal({.commit = commit, .access = from_files, .fetch_bytes = 30000});
  EXPECT_EQ(refused.message(), "submodule two: can't fetch file://" + (folder_ / "two").string() +
                                   ": it is larger than 29 KiB, with what was fetched before");
  EXPECT_EQ(refusal({.commit = commit, .access = from_files, .fetch_bytes = 10000}).message(),
            "submodule one: can't fetch file://" + (folder_ / "one").string() +
                ": it is larger than 9.7 KiB");
  EXPECT_EQ(check_out({.commit = commit, .access = from_files, .fetch_bytes = 60000}).submodules,
            2u);
}

TEST_F(GitCheckoutTest, SubmodulesAreFetchedWithoutTheirHistory) {
  const fs::path lib = folder_ / "lib";
  const std::string before = push_with_submodule(lib.string());
  const std::string old = git(lib, {"rev-parse", "HEAD"});
  git(lib, {"commit", "-q", "--allow-empty", "-m", "newer"});
  git(lib, {"commit", "-q", "--allow-empty", "-m", "newest"});
  git(work() / "parts/lib", {"pull", "-q"});
  const std::string after = push("Newer parts");
  check_out({.commit = after, .access = from_files});
  EXPECT_EQ(git(scratch_ / "git/modules/1", {"rev-list", "--all", "--count"}), "1");
  check_out({.commit = before, .access = from_files});  // what no branch has as its newest
  EXPECT_EQ(git(scratch_ / "git/modules/1", {"rev-parse", kFetchedRef}), old);
}

TEST(GitBranchName, IsWhatGitTakes) {
  for (const char* name : {"main", "topic/one", "v1.2", "\xc3\xa4", "a@b", "-", "a-", "x/y/z"}) {
    const bool taken = name[0] != '-';
    EXPECT_EQ(is_branch_name(name), taken) << name;
  }
  for (const char* name : {"",   "-f",   "a..b",   "a b",      "a~1",   "a^",  "a:b", "a?",
                           "a*", "a[",   "a\\b",   "@",        "a@{1}", "/a",  "a/",  "a//b",
                           ".a", "a/.b", "a.lock", "a.lock/b", "a.",    "a\n", "HEAD"}) {
    EXPECT_FALSE(is_branch_name(name)) << name;
  }
}

TEST_F(GitCheckoutTest, TheRepositoryTellsItsRefs) {
  EXPECT_EQ(find_ref(bare(), "refs/heads/main"), std::nullopt);
  EXPECT_EQ(head_of(bare()), "refs/heads/main");
  const std::string commit = push("One");
  EXPECT_EQ(find_ref(bare(), "refs/heads/main"), commit);
  EXPECT_EQ(find_ref(bare(), "refs/heads"), std::nullopt);
  set_head(bare(), "refs/heads/other");
  EXPECT_EQ(head_of(bare()), "refs/heads/other");
}

TEST_F(GitCheckoutTest, ARepositoryIsMadeOnceAndBroughtUpToDate) {
  const std::string commit = push("One");
  make_repository(bare(), {{"pre-receive", "#!/bin/sh\nexit 1\n"}});
  EXPECT_EQ(find_ref(bare(), "refs/heads/main"), commit);
  EXPECT_EQ(read_file(bare() / "hooks/pre-receive"), "#!/bin/sh\nexit 1\n");
  const auto settings = run_git({.words = {"config", "--list"}, .repository = bare()});
  EXPECT_THAT(settings, HasSubstr("receive.fsckobjects=true"));
  EXPECT_THAT(settings, HasSubstr("core.hookspath=hooks"));
}

}  // namespace
}  // namespace cooper::source
