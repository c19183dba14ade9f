#include "cli/completion.h"
#include "process/child.h"
#include "unit/cli_test_support.h"

namespace cooper::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Completion : public CliTest {
 protected:
  /// The candidates alone, in order.
  std::vector<std::string> at(std::vector<std::string> words) {
    words.insert(words.begin(), "__complete");
    const Ran ran = run(std::move(words));
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.err, "");
    std::vector<std::string> found;
    for (std::size_t begin = 0; begin < ran.out.size();) {
      const std::size_t end = ran.out.find('\n', begin);
      const std::string line = ran.out.substr(begin, end - begin);
      found.push_back(line.substr(0, line.find('\t')));
      begin = end + 1;
    }
    return found;
  }
};

TEST_F(Completion, OffersCommands) {
  EXPECT_THAT(at({""}),
              ElementsAre("build", "deploy", "ps:rebuild", "ps:restart", "ps:start", "ps", "logs",
                          "ps:stop", "track", "builds", "queue", "git:from-image", "git:load-image",
                          "releases", "env", "config:show", "config:get", "config:set",
                          "config:unset", "git:initialize", "git-shell", "git-hook", "ssh-keys",
                          "git:from-archive", "git:sync", "apps", "plugin", "engines", "registries",
                          "serve", "login", "logout", "tokens", "audit", "hooks", "webhooks",
                          "system", "help", "version", "completion"));
  EXPECT_THAT(at({"bui"}), ElementsAre("build", "builds"));
  EXPECT_THAT(at({"builds", ""}),
              ElementsAre("retry", "info", "logs", "provenance", "cancel", "diff", "export",
                          "import", "import-image", "search", "erase-log", "pin", "unpin", "remove",
                          "prune", "set", "settings"));
  EXPECT_THAT(at({"builds", "s"}), ElementsAre("search", "set", "settings"));
  EXPECT_THAT(at({"-a", "x", "builds", "i"}), ElementsAre("info", "import", "import-image"));
  EXPECT_THAT(at({"help", "builds", "l"}), ElementsAre("logs"));
  EXPECT_THAT(at({"nope", ""}), IsEmpty());
  EXPECT_THAT(at({"version", ""}), IsEmpty());
  EXPECT_THAT(at({"completion", ""}), ElementsAre("bash", "zsh", "fish"));
}

TEST_F(Completion, OffersTheFlagsOfTheCommandEachOnce) {
  EXPECT_THAT(at({"builds", "logs", "--"}), ElementsAre("--app", "--follow", "--no-follow",
                                                        "--tail", "--raw", "--color", "--help"));
  EXPECT_THAT(at({"builds", "logs", "--tail", "3", "--t"}), IsEmpty());
  EXPECT_THAT(at({"builds", "logs", "-a", "x", "--a"}), IsEmpty());
  EXPECT_THAT(at({"build", "--build-args", "A=1", "--build"}), ElementsAre("--build-args"));
  EXPECT_THAT(at({"build", "--", "--"}), Not(Contains("--app")));
}

TEST_F(Completion, OffersValues) {
  store_.create_app(app());
  store_.create_app(app("shop"));
  EXPECT_THAT(at({"builds", "-a", ""}), ElementsAre("hello", "shop"));
  EXPECT_THAT(at({"builds", "--app", "sh"}), ElementsAre("shop"));
  EXPECT_THAT(at({"apps", "delete", "h"}), ElementsAre("hello"));
  EXPECT_THAT(at({"apps", "delete", "hello", ""}), IsEmpty());
  EXPECT_THAT(at({"builds", "--format", ""}), ElementsAre("table", "json"));
  EXPECT_THAT(at({"builds", "--color", "a"}), ElementsAre("auto", "always"));
  EXPECT_THAT(at({"builds", "set", "sta"}), ElementsAre("stall-timeout"));
  EXPECT_THAT(at({"build", ""}), ElementsAre(":folders"));
  EXPECT_THAT(at({"build", "-m", ""}), ElementsAre(":files"));
}

TEST_F(Completion, OffersBuildsAndReleasesOfTheApp) {
  add_build("abc1", Status::failed);
  add_build("abd2", Status::running);
  add_release("rabc1", "abc1");
  EXPECT_THAT(at({"builds", "info", "-a", "hello", ""}),
              ElementsAre("last", "last-failed", "current", "abd2", "abc1"));
  EXPECT_THAT(at({"builds", "cancel", "--app=hello", "ab"}), ElementsAre("abd2", "abc1"));
  variables_["COOPER_APP"] = "hello";
  EXPECT_THAT(at({"builds", "logs", "abc"}), ElementsAre("abc1"));
  EXPECT_THAT(at({"releases", "info", "r"}), ElementsAre("rabc1"));
  EXPECT_THAT(run({"__complete", "builds", "logs", "abc"}).out, "abc1\tfailed, just now\n");
  // No such app, no folder's app: silence.
  EXPECT_THAT(at({"builds", "info", "-a", "none", ""}), IsEmpty());
}

TEST_F(Completion, KnowsBothWaysToSplitAtEquals) {
  EXPECT_THAT(at({"builds", "--format=j"}), ElementsAre("--format=json")) << "zsh, fish";
  EXPECT_THAT(at({"builds", "--format", "=", "j"}), ElementsAre("json")) << "bash";
  EXPECT_THAT(at({"builds", "--format", "="}), ElementsAre("table", "json")) << "bash";
  EXPECT_THAT(at({"build", "--build-args", "A", "=", "1", "--no-c"}), ElementsAre("--no-cache"));
  EXPECT_THAT(at({"=", "="}), IsEmpty());
}

// What the bash script makes of the real program's answers.
class BashCompletion : public Completion {
 protected:
  std::string bash(const std::string& script) {
    const process::Captured done =
        process::run({.argv = {"bash", "--norc", "-c", script},
                      .environment = process::own_environment(
                          {"COOPER_ROOT=" + root_.path().string(), "COOPER_APP"})});
    EXPECT_EQ(done.status.code, 0) << done.err;
    EXPECT_EQ(done.err, "");
    return done.out;
  }

  /// COMPREPLY for these COMP_WORDS, a word a line.
  std::string tab(const std::string& words) {
    return bash(std::string(completion_script("bash")) +
                "compopt() { :; }  # works only while readline completes\n"
                "cd " +
                root_.path().string() +
                "\n"
                "COMP_WORDS=(cooper " +
                words +
                ")\n"
                "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                "_cooper " COOPER_PROGRAM
                "\n"
                "printf '%s\\n' \"${COMPREPLY[@]}\"");
  }
};

TEST_F(BashCompletion, CompletesFromTheRealProgram) {
  add_build("abc1", Status::failed);
  EXPECT_EQ(tab("bui"), "build\nbuilds\n");
  EXPECT_EQ(
      tab("builds ''"),
      "retry\ninfo\nlogs\nprovenance\ncancel\ndiff\nexport\nimport\nimport-image\nsearch\nerase-"
      "log\npin\nunpin\nremove\nprune\nset\nsettings\n");
  EXPECT_EQ(tab("builds info --st"), "--steps\n");
  EXPECT_EQ(tab("builds -a h"), "hello\n");
  EXPECT_EQ(tab("builds info -a hello ab"), "abc1\n");
  EXPECT_EQ(tab("builds --format = j"), "json\n");
  EXPECT_EQ(tab("builds --format ="), "table\njson\n");
  EXPECT_EQ(tab("nope ''"), "\n") << "nothing";
  EXPECT_EQ(tab("config:s"), "config:show\nconfig:set\n") << "where bash does not end words at :";
  EXPECT_EQ(tab("config : s"), "show\nset\n");
  EXPECT_EQ(tab("ps :"), "rebuild\nrestart\nstart\nstop\n");
  EXPECT_EQ(tab("config : set h"), "hello\n");
}

TEST_F(BashCompletion, LeavesPathsToTheShell) {
  std::filesystem::create_directory(root_ / "my folder");
  write_text(root_ / "my file", "");
  EXPECT_EQ(tab("build my"), "my folder\n");
  EXPECT_THAT(tab("build -m my"), testing::AnyOf("my folder\nmy file\n", "my file\nmy folder\n"));
}

TEST_F(BashCompletion, OnlyTheCursorsWordsAreAsked) {
  EXPECT_EQ(bash(std::string(completion_script("bash")) +
                 "COMP_WORDS=(cooper bui --format json)\nCOMP_CWORD=1\n_cooper " COOPER_PROGRAM
                 "\nprintf '%s\\n' \"${COMPREPLY[@]}\""),
            "build\nbuilds\n");
}

TEST_F(BashCompletion, IsRegisteredForCooper) {
  EXPECT_EQ(bash(std::string(completion_script("bash")) + "complete -p cooper"),
            "complete -F _cooper cooper\n");
}

// zsh and fish as they complete for a person, in a folder with these paths.
class InShell : public Completion {
 protected:
  void SetUp() override {
    add_build("abc1", Status::failed);
    for (const char* folder : {"place", "place/src", "place/my folder"}) {
      std::filesystem::create_directory(root_ / folder);
    }
    write_text(root_ / "place/convox.yml", "");
    write_text(root_ / "place/odd=name", "");
    write_text(root_ / "script.zsh", std::string(completion_script("zsh")));
    write_text(root_ / "script.fish", std::string(completion_script("fish")));
  }

  /// `program` with `typed` (a command line without "cooper") in $TYPED; what it prints.
  std::string shell(std::vector<std::string> program, const std::string& typed) {
    const process::Captured done = process::run(
        {.argv = std::move(program),
         .environment = process::own_environment(
             {"TYPED=" COOPER_PROGRAM " " + typed, "COOPER_ROOT=" + root_.path().string(),
              "ROOT=" + root_.path().string(), "ZDOTDIR=" + root_.path().string(),
              "HOME=" + root_.path().string(), "TERM=xterm", "COOPER_APP"}),
         .folder = root_ / "place"});
    EXPECT_EQ(done.status.code, 0) << done.out << done.err;
    return done.out;
  }

  static bool has(const char* program) {
    return ::access((std::string("/usr/bin/") + program).c_str(), X_OK) == 0;
  }
};

/// The command line after the Tab key, without "cooper ".
class ZshCompletion : public InShell {
 protected:
  void SetUp() override {
    if (!has("zsh")) GTEST_SKIP() << "zsh is not installed";
    InShell::SetUp();
    write_text(root_ / ".zshrc",
               "PS1=\n"
               "autoload -Uz compinit && compinit -u -d $ROOT/compdump\n"
               "source $ROOT/script.zsh\n"
               "tab() {\n"
               "  BUFFER=$TYPED CURSOR=$#TYPED\n"
               "  zle complete-word\n"
               "  print -rn -- \"$BUFFER\" > $ROOT/completed\n"
               "  exit\n"
               "}\n"
               "zle -N zle-line-init tab\n");
  }

  std::string tab(const std::string& typed) {
    // Completion needs a terminal: zpty makes one for the inner shell.
    shell({"zsh", "-f", "-c",
           "zmodload zsh/zpty; zpty inner zsh -d -i; while zpty -r inner line; do :; done"},
          typed);
    const std::string line = read_file(root_ / "completed").value_or("");
    const std::string program = COOPER_PROGRAM " ";
    return line.starts_with(program) ? line.substr(program.size()) : line;
  }
};

TEST_F(ZshCompletion, CompletesFromTheRealProgram) {
  EXPECT_EQ(tab("bui"), "build");
  EXPECT_EQ(tab("builds inf"), "builds info ");
  EXPECT_EQ(tab("builds --format=j"), "builds --format=json ");
  EXPECT_EQ(tab("builds info -a hello ab"), "builds info -a hello abc1 ");
}

TEST_F(ZshCompletion, CompletesPathsApartAndAfterAnEqualsSign) {
  EXPECT_EQ(tab("build s"), "build src/");
  EXPECT_EQ(tab("build my"), "build my\\ folder/");
  EXPECT_EQ(tab("build -m conv"), "build -m convox.yml ");
  EXPECT_EQ(tab("build --manifest=conv"), "build --manifest=convox.yml ");
  EXPECT_EQ(tab("build -m odd="), "build -m odd=name ");
  EXPECT_EQ(tab("build --manifest=odd="), "build --manifest=odd=name ");
}

/// What fish offers, a line each, summaries left out.
class FishCompletion : public InShell {
 protected:
  void SetUp() override {
    if (!has("fish")) GTEST_SKIP() << "fish is not installed";
    InShell::SetUp();
  }

  std::string tab(const std::string& typed) {
    return shell(
        {"fish", "--no-config", "-c", "source $ROOT/script.fish; complete -C $TYPED | cut -f 1"},
        typed);
  }
};

TEST_F(FishCompletion, CompletesFromTheRealProgram) {
  EXPECT_EQ(tab("bui"), "build\nbuilds\n");
  EXPECT_EQ(tab("builds inf"), "info\n");
  EXPECT_EQ(tab("builds --format=j"), "--format=json\n");
  EXPECT_EQ(tab("builds info -a hello ab"), "abc1\n");
}

TEST_F(FishCompletion, CompletesPathsApartAndAfterAnEqualsSign) {
  EXPECT_EQ(tab("build s"), "src/\n");
  EXPECT_EQ(tab("build -m conv"), "convox.yml\n");
  EXPECT_EQ(tab("build --manifest=conv"), "--manifest=convox.yml\n");
  EXPECT_EQ(tab("build --manifest=odd="), "--manifest=odd=name\n");
}

class CompletionScript : public testing::TestWithParam<const char*> {};

TEST_P(CompletionScript, ParsesInItsShell) {
  const std::string shell = GetParam();
  const std::string script(completion_script(shell));
  ASSERT_THAT(script, HasSubstr("__complete"));
  const TempFolder folder;
  write_text(folder / "script", script);
  try {
    const process::Captured done =
        process::run({.argv = {shell, "-n", (folder / "script").string()},
                      .environment = process::own_environment()});
    EXPECT_EQ(done.status.code, 0) << done.err;
  } catch (const Error& error) {
    GTEST_SKIP() << shell << " is not installed: " << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Shells, CompletionScript, testing::Values("bash", "zsh", "fish"));

TEST(CompletionScripts, AreNotMadeForOtherShells) {
  EXPECT_THAT(completion_script("tcsh"), IsEmpty());
}

}  // namespace
}  // namespace cooper::cli
