// What git says about folders, asked in real repositories.

#include "process/child.h"
#include "source/git_facts.h"
#include "unit/source_test_support.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <vector>

namespace cooper::source {
namespace {

namespace fs = std::filesystem;

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
      process::own_environment({"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
                                "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"});
  command.folder = folder;
  const process::Captured done = process::run(std::move(command));
  EXPECT_TRUE(done.status.ok()) << arguments[0] << ": " << done.err;
  return done.out.substr(0, done.out.find('\n'));
}

class GitFactsTest : public testing::Test {
 protected:
  void SetUp() override {
    git(repository(), {"init", "-q"});
    write_text(repository() / "file", "one\n");
    git(repository(), {"add", "."});
    git(repository(), {"commit", "-q", "-m", "Add the file\n\nand say why"});
    sha_ = git(repository(), {"rev-parse", "HEAD"});
  }

  const fs::path& repository() const { return folder_.path(); }
  GitFacts expected() const { return {sha_, "Add the file", "main", true}; }

  TempFolder folder_;
  std::string sha_;
};

TEST_F(GitFactsTest, CleanWorkTree) {
  EXPECT_EQ(git_facts(repository()), expected());
  EXPECT_EQ(default_description(git_facts(repository())),
            "build " + sha_.substr(0, 10) + " Add the file");
}

TEST_F(GitFactsTest, FolderWithinTheWorkTree) {
  fs::create_directories(repository() / "a" / "b");
  EXPECT_EQ(git_facts(repository() / "a" / "b"), expected());
}

TEST_F(GitFactsTest, ChangedStagedAndUntrackedFilesAreNotClean) {
  GitFacts dirty = expected();
  dirty.clean = false;
  write_text(repository() / "file", "two\n");
  EXPECT_EQ(git_facts(repository()), dirty) << "changed";
  EXPECT_EQ(default_description(git_facts(repository())), "");
  git(repository(), {"add", "."});
  EXPECT_EQ(git_facts(repository()), dirty) << "staged";
  git(repository(), {"reset", "-q", "--hard"});
  EXPECT_EQ(git_facts(repository()), expected()) << "back";
  write_text(repository() / "new", "");
  EXPECT_EQ(git_facts(repository()), dirty) << "untracked";
  fs::remove(repository() / "new");
  fs::remove(repository() / "file");
  EXPECT_EQ(git_facts(repository()), dirty) << "removed";
}

TEST_F(GitFactsTest, IgnoredFilesAreClean) {
  write_text(repository() / ".git" / "info" / "exclude", "*.log\n");
  write_text(repository() / "x.log", "");
  EXPECT_EQ(git_facts(repository()), expected());
}

TEST_F(GitFactsTest, DetachedHeadHasNoBranch) {
  git(repository(), {"checkout", "-q", "--detach"});
  GitFacts detached = expected();
  detached.branch = "";
  EXPECT_EQ(git_facts(repository()), detached);
}

TEST_F(GitFactsTest, OtherBranch) {
  git(repository(), {"checkout", "-q", "-b", "feature/ü"});
  EXPECT_EQ(git_facts(repository()).value().branch, "feature/ü");
}

TEST_F(GitFactsTest, LinkedWorkTree) {
  const TempFolder other;
  git(repository(), {"worktree", "add", "-q", "-b", "other", (other / "tree").string()});
  GitFacts linked = expected();
  linked.branch = "other";
  EXPECT_EQ(git_facts(other / "tree"), linked);
}

TEST_F(GitFactsTest, SubmoduleHasFactsOfItsOwn) {
  const TempFolder outer;
  git(outer.path(), {"init", "-q"});
  git(outer.path(), {"submodule", "--quiet", "add", repository().string(), "part"});
  git(outer.path(), {"commit", "-q", "-m", "Outer"});
  EXPECT_EQ(git_facts(outer / "part").value().sha, sha_);
  EXPECT_EQ(git_facts(outer.path()).value().subject, "Outer");
  EXPECT_TRUE(git_facts(outer.path()).value().clean);
  write_text(outer / "part" / "file", "changed");
  EXPECT_FALSE(git_facts(outer.path()).value().clean);
}

TEST_F(GitFactsTest, IsNotMisledByTheEnvironmentOfAHook) {
  ::setenv("GIT_DIR", "/nowhere", 1);
  ::setenv("GIT_INDEX_FILE", "/nowhere/index", 1);
  const auto facts = git_facts(repository());
  ::unsetenv("GIT_DIR");
  ::unsetenv("GIT_INDEX_FILE");
  EXPECT_EQ(facts, expected());
}

TEST_F(GitFactsTest, LeavesTheIndexAsItIs) {
  const fs::path index = repository() / ".git" / "index";
  fs::last_write_time(repository() / "file",
                      fs::file_time_type::clock::now() - std::chrono::hours(9));
  const auto before = fs::last_write_time(index);
  EXPECT_EQ(git_facts(repository()), expected());
  EXPECT_EQ(fs::last_write_time(index), before);
}

TEST_F(GitFactsTest, RunsNoProgramThatTheRepositoryNames) {
  const fs::path trap = repository() / ".git" / "trap.sh";
  const fs::path sprung = repository() / ".git" / "sprung";
  write_text(trap, "#!/bin/sh\ntouch " + sprung.string() + "\n");
  fs::permissions(trap, fs::perms{0755});
  git(repository(), {"config", "core.fsmonitor", trap.string()});
  git(repository(), {"config", "core.pager", trap.string()});
  git(repository(), {"config", "core.hooksPath", (repository() / ".git").string()});
  EXPECT_EQ(git_facts(repository()), expected());
  EXPECT_FALSE(fs::exists(sprung));
}

TEST_F(GitFactsTest, SubjectIsGivenAsWritten) {
  git(repository(), {"commit", "-q", "--allow-empty", "-m", "Größer \x1b[31mred"});
  EXPECT_EQ(git_facts(repository()).value().subject, "Größer \x1b[31mred");
}

TEST_F(GitFactsTest, EmptySubject) {
  git(repository(), {"commit", "-q", "--allow-empty", "--allow-empty-message", "-m", ""});
  const auto facts = git_facts(repository());
  EXPECT_EQ(facts.value().subject, "");
  EXPECT_EQ(default_description(facts), "build " + facts->sha.substr(0, 10));
}

TEST(GitFacts, NoneWithoutACommit) {
  const TempFolder folder;
  git(folder.path(), {"init", "-q"});
  EXPECT_EQ(git_facts(folder.path()), std::nullopt);
}

TEST(PublicUrl, ShowsNeitherCredentialsNorPathsOfThisMachine) {
  EXPECT_EQ(public_url("https://me:token@git.example:8443/a/b.git"),
            "https://git.example:8443/a/b.git");
  EXPECT_EQ(public_url("https://git.example/a?private_token=x#y"), "https://git.example/a");
  EXPECT_EQ(public_url("https://a@b:x@git.example/a"), "https://git.example/a");
  EXPECT_EQ(public_url("ssh://git@git.example/a/b.git"), "ssh://git.example/a/b.git");
  EXPECT_EQ(public_url("git@git.example:a/b.git"), "ssh://git.example/a/b.git");
  EXPECT_EQ(public_url("git.example:a/b.git"), "ssh://git.example/a/b.git");
  for (const char* url : {"", "/srv/a.git", "../a.git", "file:///srv/a.git", "ext::sh -c x"}) {
    EXPECT_EQ(public_url(url), "") << url;
  }
}

TEST(GitFacts, NoneOutsideOfARepository) {
  const TempFolder folder;
  EXPECT_EQ(git_facts(folder.path()), std::nullopt);
  EXPECT_EQ(git_facts(folder / "missing"), std::nullopt);
  EXPECT_EQ(default_description(std::nullopt), "");
}

TEST(GitFacts, NoneInABrokenRepository) {
  const TempFolder folder;
  write_text(folder / ".git", "gitdir: /nowhere\n");
  EXPECT_EQ(git_facts(folder.path()), std::nullopt);
}

}  // namespace
}  // namespace cooper::source
