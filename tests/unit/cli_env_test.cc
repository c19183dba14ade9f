// `cooper env ...` and `cooper config:...` as far as nothing is deployed.

#include "unit/cli_test_support.h"

namespace cooper::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Env : public CliTest {
 protected:
  Env() { store_.create_app(app()); }

  Environment environment() const {
    const auto newest = store_.list_releases(app(), 1).releases;
    return newest.empty() ? Environment{} : newest[0].environment;
  }
  std::size_t releases() const { return store_.list_releases(app(), 0).releases.size(); }
};

TEST_F(Env, ConfigSetKeepsWhatIsThereAndChangesWhatIsGiven) {
  EXPECT_EQ(run({"config:set", "hello", "A=1", "B=x=y z", "EMPTY="}).code, 0);
  const Ran changed = run({"config:set", "hello", "A=2"});
  EXPECT_THAT(changed.out, StartsWith("Setting A... OK\nRelease: r"));
  EXPECT_THAT(changed.err, HasSubstr("has no build yet"));
  EXPECT_EQ(environment(), (Environment{{"A", "2"}, {"B", "x=y z"}, {"EMPTY", ""}}));
  EXPECT_EQ(run({"config:unset", "hello", "B", "ABSENT"}).code, 0);
  EXPECT_EQ(environment(), (Environment{{"A", "2"}, {"EMPTY", ""}}));
  EXPECT_EQ(run({"config:get", "hello", "A"}).out, "2\n");
  EXPECT_EQ(run({"config:get", "hello", "B"}).code, 3);
}

TEST_F(Env, ReleasesTellWhichNamesChangedAndNoValue) {
  run({"config:set", "hello", "A=s3cret-1", "B=s3cret-2"});
  run({"config:set", "hello", "A=s3cret-3", "C=s3cret-4"});
  run({"config:unset", "hello", "B"});
  const std::string list = run({"releases", "-a", "hello"}).out;
  EXPECT_THAT(list, HasSubstr("env change:A add:C"));
  EXPECT_THAT(list, HasSubstr("env remove:B"));
  EXPECT_THAT(list + run({"releases", "info", "-a", "hello"}).out, Not(HasSubstr("s3cret")));
}

TEST_F(Env, BadInputIsOneLineWithoutValuesAndChangesNothing) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"config:set", "hello"},
           {"config:set", "hello", "s3cret"},
           {"config:set", "hello", "A=1", "s3 cret=1"},
           {"config:set", "hello", "=s3cret"},
           {"config:set", "hello", "A=s3cret\xff"},
           {"config:set", "hello", "A=s3cret" + std::string(1 << 18, 'x')},
           {"config:unset", "hello"},
           {"config:unset", "hello", "A=s3cret"},
           {"config:set", "hello", "--value-file", "s3cret"},
           {"config:set", "hello", "--value-file", "1=/dev/null"},
           {"env", "set", "-a", "hello", "s3cret"},
           {"env", "unset", "-a", "hello", "s3 cret"}}) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.code, 2) << words[1];
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, StartsWith("ERROR: "));
    EXPECT_THAT(ran.err, Not(HasSubstr("s3")));
    EXPECT_LE(std::count(ran.err.begin(), ran.err.end(), '\n'), 2);
  }
  EXPECT_EQ(run({"config:set", "hello", "--env-file", "/no/such"}).code, 3);
  EXPECT_EQ(run({"config:set", "nope", "A=1"}).code, 3);
  EXPECT_EQ(run({"config:set", "../x", "A=1"}).code, 2);
  EXPECT_EQ(releases(), 0U);
}

TEST_F(Env, TooMuchForOneAppIsRefused) {
  std::vector<std::string> words = {"config:set", "hello"};
  for (int i = 0; i < 9; ++i) {
    words.push_back("A" + std::to_string(i) + "=" + std::string(120 << 10, 'x'));
  }
  EXPECT_THAT(run(words).err, HasSubstr("the environment would be larger than 1 MiB"));
  EXPECT_EQ(releases(), 0U);
}

TEST_F(Env, FilesGiveVariablesAndWordsWin) {
  write_text(folder_ / "x.env", "A=file\nB='two\nlines'\n");
  write_text(folder_ / "key.pem", "-----BEGIN\nabc\n");
  EXPECT_EQ(run({"env", "set", "-a", "hello", "--env-file", folder_ / "x.env", "--value-file",
                 "KEY=" + (folder_ / "key.pem").string(), "A=word"})
                .code,
            0);
  EXPECT_EQ(environment(),
            (Environment{{"A", "word"}, {"B", "two\nlines"}, {"KEY", "-----BEGIN\nabc"}}));
  EXPECT_EQ(run({"env", "-a", "hello"}).out,
            "A=word\nB=\"two\\nlines\"\nKEY=\"-----BEGIN\\nabc\"\n");
  EXPECT_EQ(run({"env", "set", "-a", "hello", "--replace", "C=1"}).code, 0);
  EXPECT_EQ(environment(), (Environment{{"C", "1"}}));
  EXPECT_THAT(run({"env", "set", "-a", "hello", "--replace", "C=1"}).out,
              HasSubstr("Nothing to change"));
  EXPECT_EQ(run({"env", "set", "-a", "hello", "A=1"}).code, 0);
  EXPECT_THAT(run({"env", "set", "-a", "hello", "--replace", "C=1"}).out,
              HasSubstr("Setting C, removing all others... OK"));
}

TEST_F(Env, ADamagedNewestReleaseIsSaidAndNotPassedOver) {
  run({"config:set", "hello", "A=1"});
  write_text(layout_.releases(app()) / "rzzzzzzzz.json", "{");
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"env", "-a", "hello"}, {"config:get", "hello", "A"}, {"config:set", "hello", "B=2"}}) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.out, "") << words[0];
    EXPECT_THAT(ran.err, HasSubstr("the newest release can't be read")) << words[0];
  }
  const Ran list = run({"releases", "-a", "hello"});
  EXPECT_THAT(list.out, HasSubstr("env add:A"));
  EXPECT_THAT(list.err, HasSubstr("release hello/rzzzzzzzz can't be read"));
}

TEST_F(Env, OldReleasesGo) {
  EXPECT_EQ(run({"builds", "set", "retention", "3", "-a", "hello"}).code, 0);
  for (int i = 0; i < 6; ++i) run({"env", "set", "-a", "hello", "A=" + std::to_string(i)});
  EXPECT_EQ(releases(), 3U);
  EXPECT_EQ(environment(), (Environment{{"A", "5"}}));
}

TEST_F(Env, TheIdAloneForScripts) {
  const Ran ran = run({"env", "set", "-a", "hello", "A=1", "--id"});
  EXPECT_EQ(ran.out, store_.list_releases(app(), 1).releases.at(0).id.str() + "\n");
  EXPECT_THAT(ran.err, HasSubstr("Setting A... OK"));
}

TEST_F(Env, ShownForPeopleAndForPrograms) {
  run({"config:set", "hello", "A=it's", "LONG=x\n\x1b[31m"});
  EXPECT_EQ(run({"config:show", "hello"}).out,
            "=====> hello env vars\nA:     it's\nLONG:  x\\n?[31m\n");
  EXPECT_EQ(run({"config:show", "hello", "--format", "json"}).out,
            "{\n  \"A\": \"it's\",\n  \"LONG\": \"x\\n\\u001b[31m\"\n}\n");
  EXPECT_EQ(run({"config:show", "hello", "--format", "shell"}).out,
            "A='it'\\''s' LONG='x\n\x1b[31m'\n");
  EXPECT_EQ(run({"config:show", "hello", "--format", "yaml"}).code, 2);
}

TEST_F(Env, AReleaseOfOnesBuildAndAnothersEnvironment) {
  add_build("b1", Status::succeeded);
  add_release("rb1", "b1");
  add_release("rb2", "b2");
  run({"env", "set", "-a", "hello", "NEW=1"});
  const Ran of_none = run({"releases", "create-from", "--build-from", "rb2", "-a", "hello"});
  EXPECT_THAT(of_none.err, HasSubstr("build b2 of release r"));
  EXPECT_EQ(of_none.code, exit_code(Errc::conflict));
  const Ran made =
      run({"releases", "create-from", "--build-from", "rb1", "--env-from", "last", "-a", "hello"});
  EXPECT_THAT(made.out, StartsWith("Creating release... OK, r"));
  const Release newest = store_.list_releases(app(), 1).releases.at(0);
  EXPECT_EQ(newest.build, "b1");
  EXPECT_EQ(newest.description, "about b1");
  EXPECT_EQ(newest.environment, (Environment{{"NEW", "1"}, {"TOKEN", "s3cret"}}));
  EXPECT_EQ(run({"releases", "create-from", "-a", "hello"}).code, 2);
  EXPECT_EQ(run({"releases", "create-from", "--env-from", "active", "-a", "hello"}).code, 3);
  EXPECT_EQ(run({"releases", "manifest", "-a", "hello"}).out, "services:\n");
}

TEST_F(Env, NothingToDeployIsSaidBeforeAnythingIsDone) {
  EXPECT_EQ(run({"releases", "promote", "-a", "hello"}).code, 3);
  EXPECT_EQ(run({"releases", "rollback", "-a", "hello"}).code, 3);
  EXPECT_EQ(run({"ps:restart", "hello"}).code, 6);
  run({"config:set", "hello", "A=1"});
  const Ran ran = run({"releases", "promote", "-a", "hello"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("has an environment alone, and no build"));
  EXPECT_THAT(store_.build_ids(app()), testing::IsEmpty());
}

TEST_F(Env, CompletionShowsNoValue) {
  run({"config:set", "hello", "A=s3cret"});
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"config:set", "hello", ""},
                                             {"config:set", "hello", "A="},
                                             {"config:unset", "hello", ""},
                                             {"env", "get", ""},
                                             {"releases", "info", ""}}) {
    std::vector<std::string> all = {"__complete"};
    all.insert(all.end(), words.begin(), words.end());
    variables_["COOPER_APP"] = "hello";
    EXPECT_THAT(run(all).out, Not(HasSubstr("s3cret")));
  }
  EXPECT_EQ(run({"__complete", "config:set", "h"}).out, "hello\n");
}

}  // namespace
}  // namespace cooper::cli
