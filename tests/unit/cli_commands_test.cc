#include "unit/cli_test_support.h"

#include <boost/json.hpp>

#include <csignal>
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>

namespace cooper::cli {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;
namespace json = boost::json;

class Builds : public CliTest {};

TEST_F(Builds, AreListedNewestFirst) {
  add_build("b1", Status::succeeded, 49h, 120s);
  add_build("b2", Status::failed, 90s, 25s);
  add_build("b3", Status::running, 0s);
  const Ran ran = run({"builds", "-a", "hello"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "ID  STATUS     RELEASE  STARTED       ELAPSED  DESCRIPTION\n"
            "b3  running             just now               about b3\n"
            "b2  failed              1 minute ago  25s      about b2\n"
            "b1  succeeded  rb1      2 days ago    2m0s     about b1\n");
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(Builds, AreLimited) {
  for (int i = 10; i < 22; ++i) add_build("b" + std::to_string(i), Status::failed, 60s);
  const auto lines = [&](std::vector<std::string> words) {
    const std::string text = run(std::move(words)).out;
    return std::ranges::count(text, '\n') - 1;
  };
  EXPECT_EQ(lines({"builds", "-a", "hello"}), 10);
  EXPECT_EQ(lines({"builds", "-a", "hello", "--limit", "3"}), 3);
  EXPECT_EQ(lines({"builds", "-a", "hello", "--limit", "0"}), 12);
}

TEST_F(Builds, OneWhoseProcessIsGoneIsShownAsAbandoned) {
  Build build = add_build("b1", Status::failed);
  build.id = id("b2");
  build.status = Status::running;
  build.finished_at.reset();
  build.pid = 0x7FFFFFF0;
  store_.insert_build(build);
  EXPECT_THAT(run({"builds", "-a", "hello"}).out, HasSubstr("b2  abandoned"));
  const auto object =
      json::parse(run({"builds", "info", "b2", "-a", "hello", "--format", "json"}).out);
  EXPECT_EQ(object.at("status").as_string(), "running");
  EXPECT_EQ(object.at("display_status").as_string(), "abandoned");
}

TEST_F(Builds, AnUnreadableRecordIsAWarningNotAnEnd) {
  add_build("b1", Status::succeeded);
  write_text(layout_.build(app(), id("b2")).record, "{\"id\": ");
  const Ran ran = run({"builds", "-a", "hello"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("b1  succeeded"));
  EXPECT_THAT(ran.err, HasSubstr("WARNING: "));
  EXPECT_THAT(ran.err, HasSubstr("b2"));
}

TEST_F(Builds, HaveStableJson) {
  clock_ = parse_rfc3339("2026-11-21T03:19:38.25Z")->at;
  Build build = add_build("b1", Status::succeeded, 10s, 4s);
  const Ran ran = run({"builds", "-a", "hello", "--format", "json"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out,
            "[\n"
            "  {\n"
            "    \"id\": \"b1\",\n"
            "    \"app\": \"hello\",\n"
            "    \"kind\": \"build\",\n"
            "    \"pid\": " +
                std::to_string(::getpid()) +
                ",\n"
                "    \"started_at\": \"2026-11-21T03:19:28.25Z\",\n"
                "    \"finished_at\": \"2026-11-21T03:19:32.25Z\",\n"
                "    \"status\": \"succeeded\",\n"
                "    \"source\": \"build\",\n"
                "    \"exit_code\": 0,\n"
                "    \"description\": \"about b1\",\n"
                "    \"release\": \"rb1\",\n"
                "    \"display_status\": \"succeeded\"\n"
                "  }\n"
                "]\n");
}

TEST_F(Builds, OfAnEmptyAppAreAnEmptyListInBothForms) {
  store_.create_app(app());
  EXPECT_EQ(run({"builds", "-a", "hello", "--format", "json"}).out, "[]\n");
  EXPECT_EQ(run({"builds", "-a", "hello"}).out,
            "ID  STATUS  RELEASE  STARTED  ELAPSED  DESCRIPTION\n");
}

TEST_F(Builds, InfoShowsTheClientsLinesThatSaySomethingAndThenOurs) {
  Build build = add_build("b1", Status::failed, 2h, 65s);
  EXPECT_EQ(run({"builds", "info", "b1", "-a", "hello"}).out,
            "Id           b1\n"
            "Status       failed\n"
            "Description  about b1\n"
            "Started      2 hours ago\n"
            "Elapsed      1m5s\n"
            "Kind         build\n"
            "Source       build\n"
            "Exit code    1\n");
}

TEST_F(Builds, InfoTellsTheReasonAndTheSteps) {
  add_build("b1", Status::running);
  store_.finalize_build(
      app(), id("b1"),
      {.status = Status::failed, .exit_code = 2, .reason = "web: RUN make: exit 2"}, clock_);
  write_text(
      layout_.build(app(), id("b1")).steps,
      R"({"service":"web","number":1,"text":"FROM x","started":"2026-11-21T03:19:38Z","finished":"2026-11-21T03:19:38.5Z","cached":true,"log_begin":0,"log_end":9,"exit":0})"
      "\n"
      R"({"service":"web","number":2,"text":"RUN make","started":"2026-11-21T03:19:39Z","finished":"2026-11-21T03:20:41Z","cached":false,"log_begin":9,"log_end":20,"exit":2})"
      "\n{\"serv");
  const Ran ran = run({"builds", "info", "last", "-a", "hello", "--steps"});
  EXPECT_THAT(ran.out, HasSubstr("\nReason       web: RUN make: exit 2\n"));
  EXPECT_THAT(ran.out, HasSubstr("SERVICE  STEP  ELAPSED  RESULT  TEXT\n"
                                 "web      1     0.5s     cached  FROM x\n"
                                 "web      2     1m2s     exit 2  RUN make\n"));
  const auto object =
      json::parse(run({"builds", "info", "last", "-a", "hello", "--format=json"}).out);
  ASSERT_EQ(object.at("steps").as_array().size(), 2U);
  EXPECT_EQ(object.at("steps").at(1).at("exit").to_number<int>(), 2);
  EXPECT_EQ(object.at("reason").as_string(), "web: RUN make: exit 2");
}

TEST_F(Builds, AreFoundByPrefixAndByWord) {
  add_build("abc1", Status::succeeded, 3h);
  add_build("abd2", Status::failed, 2h);
  add_build("abe3", Status::succeeded, 1h);
  const auto found = [&](const char* text) {
    const Ran ran = run({"builds", "info", text, "-a", "hello"});
    return ran.code == 0 ? ran.out.substr(13, 4) : std::to_string(ran.code) + " " + ran.err;
  };
  EXPECT_EQ(found("abc1"), "abc1");
  EXPECT_EQ(found("abd"), "abd2");
  EXPECT_EQ(found("last"), "abe3");
  EXPECT_EQ(found("last-failed"), "abd2");
  EXPECT_THAT(found("ab"), StartsWith("2 ERROR: \"ab\" fits 3 builds"));
  EXPECT_THAT(found("current"), StartsWith("3 ERROR: no running build"));
  EXPECT_THAT(found("zzz"), StartsWith("3 ERROR: no build \"zzz\""));
  EXPECT_THAT(found("../../etc/passwd"), StartsWith("3 ERROR: no build"));
}

TEST_F(Builds, LogsGoToAPipeByteByByte) {
  add_build("b1", Status::succeeded);
  const std::string log =
      "one\ntwo\rthree\x1b[2J\xFF\x00 four" + std::string(1, '\0') + "\nno newline";
  write_log("b1", log);
  EXPECT_EQ(run({"builds", "logs", "b1", "-a", "hello"}).out, log);
  EXPECT_EQ(run({"builds", "logs", "-a", "hello", "--no-follow"}).out, log);
  EXPECT_EQ(run({"builds", "logs", "last", "-a", "hello", "--tail", "1"}).out, "no newline");
  EXPECT_EQ(run({"builds", "logs", "last", "-a", "hello", "-n", "0"}).out, "");
  EXPECT_EQ(run({"builds", "logs", "last", "-a", "hello", "-n", "99"}).out, log);
}

TEST_F(Builds, NoFollowOfARunningBuildEndsAtOnce) {
  add_build("b1", Status::running);
  write_log("b1", "so far\n");
  EXPECT_EQ(run({"builds", "logs", "current", "-a", "hello", "--no-follow"}).out, "so far\n");
}

TEST_F(Builds, OneThatHasEndedCantBeCanceled) {
  add_build("b1", Status::succeeded);
  const Ran ran = run({"builds", "cancel", "b1", "-a", "hello"});
  EXPECT_EQ(ran.code, 6);
  EXPECT_THAT(ran.err, StartsWith("ERROR: build b1 has ended already: succeeded"));
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_EQ(run({"builds", "cancel", "current", "-a", "hello"}).code, 3);
}

TEST_F(Builds, PropertiesAreSetListedAndUnset) {
  store_.create_app(app());
  EXPECT_EQ(run({"builds", "set", "timeout", "30m", "-a", "hello"}).code, 0);
  EXPECT_EQ(run({"builds", "set", "retention", "50", "--global"}).code, 0);
  const std::string table = run({"builds", "settings", "-a", "hello"}).out;
  EXPECT_THAT(table, StartsWith("KEY              VALUE  EFFECTIVE\n"));
  EXPECT_THAT(table, HasSubstr("\nretention               50\n"));
  EXPECT_THAT(table, HasSubstr("\nstall-timeout           0\n"));
  EXPECT_THAT(table, HasSubstr("\ntimeout          30m    30m\n"));
  EXPECT_EQ(run({"builds", "set", "timeout", "-a", "hello"}).code, 0);
  const auto list = json::parse(run({"builds", "settings", "-a", "hello", "--format", "json"}).out);
  EXPECT_THAT(list.as_array(), Contains(json::value{{"key", "timeout"}, {"effective", "6h"}}));
  EXPECT_THAT(list.as_array(), Contains(json::value{{"key", "retention"}, {"effective", "50"}}));
  const Ran typo = run({"builds", "set", "timeuot", "3", "-a", "hello"});
  EXPECT_EQ(typo.code, 2);
  EXPECT_THAT(typo.err, HasSubstr("did you mean \"timeout\"?"));
  EXPECT_EQ(run({"builds", "set", "timeout", "soon", "-a", "hello"}).code, 2);
}

class Apps : public CliTest {};

TEST_F(Apps, AreMadeShownListedAndDeleted) {
  EXPECT_EQ(run({"apps"}).out, "APP  RELEASE  CREATED\n");
  EXPECT_EQ(run({"apps", "create", "hello"}).out, "Creating hello... OK\n");
  EXPECT_EQ(run({"apps", "create", "hello"}).code, 6);
  EXPECT_EQ(run({"apps"}).out, "APP    RELEASE  CREATED\nhello           just now\n");
  EXPECT_THAT(run({"apps", "info", "hello"}).out, StartsWith("Name     hello\n"));
  const auto list = json::parse(run({"apps", "--format", "json"}).out);
  EXPECT_EQ(list.at(0).at("name").as_string(), "hello");
  EXPECT_EQ(json::parse(run({"apps", "info", "hello", "--format", "json"}).out), list.at(0));
  EXPECT_EQ(run({"apps", "delete"}).code, 2) << "never the folder's name";
  EXPECT_EQ(run({"apps", "delete", "hello"}).out, "Deleting hello... OK\n");
  EXPECT_EQ(run({"apps", "delete", "hello"}).code, 3);
  EXPECT_EQ(run({"apps", "info", "hello"}).code, 3);
}

TEST_F(Apps, AreTakenFromFlagThenVariableThenFolder) {
  for (const char* name : {"flag", "variable", "folder"}) store_.create_app(app(name));
  folder_ = root_ / "folder";
  std::filesystem::create_directory(folder_);
  const auto named = [&](std::vector<std::string> words) {
    return run(std::move(words)).out.substr(9, 6);
  };
  EXPECT_EQ(named({"apps", "info"}), "folder");
  variables_["COOPER_APP"] = "variable";
  EXPECT_EQ(named({"apps", "info"}), "variab");
  EXPECT_EQ(named({"apps", "info", "-a", "flag"}), "flag\nR");
  variables_["COOPER_APP"] = "No App";
  const Ran wrong = run({"apps", "info"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("COOPER_APP"));
}

TEST_F(Apps, AFolderThatCantNameOneGetsAProposal) {
  folder_ = root_ / "My App";
  std::filesystem::create_directory(folder_);
  const Ran ran = run({"builds"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("\"My App\", can't be an app's name"));
  EXPECT_THAT(ran.err, HasSubstr("hint: name the app: -a my-app"));
}

TEST_F(Apps, ANearMissGetsASuggestionEverywhere) {
  store_.create_app(app());
  for (const char* command : {"builds", "releases"}) {
    const Ran ran = run({command, "-a", "helo"});
    EXPECT_EQ(ran.code, 3) << command;
    EXPECT_THAT(ran.err, HasSubstr("no such app: helo")) << command;
    EXPECT_THAT(ran.err, HasSubstr("did you mean \"hello\"?")) << command;
  }
}

class Releases : public CliTest {};

TEST_F(Releases, AreListedWithoutTheirSecrets) {
  store_.create_app(app());
  add_release("rb1", "b1");
  add_release("rb2", "b2");
  EXPECT_EQ(run({"releases", "-a", "hello"}).out,
            "ID   STATUS  BUILD  CREATED     DESCRIPTION\n"
            "rb2          b2     1 hour ago  about b2\n"
            "rb1          b1     1 hour ago  about b1\n");
  const std::string text = run({"releases", "-a", "hello", "--format", "json"}).out;
  EXPECT_THAT(text, Not(HasSubstr("s3cret")));
  const auto list = json::parse(text);
  EXPECT_EQ(list.at(0).at("id").as_string(), "rb2");
  EXPECT_FALSE(list.at(0).at("active").as_bool());
  EXPECT_FALSE(list.at(0).as_object().contains("manifest"));
}

TEST_F(Releases, InfoTakesAPrefixOrLast) {
  store_.create_app(app());
  add_release("rb1", "b1");
  add_release("rb2", "b2");
  const std::string last = run({"releases", "info", "-a", "hello"}).out;
  EXPECT_EQ(last,
            "Id           rb2\nStatus\nBuild        b2\nCreated      1 hour ago\n"
            "Description  about b2\nEnvironment  TOKEN\n"
            "Images       web  localhost/hello:web.b1\n");
  const auto object =
      json::parse(run({"releases", "info", "rb1", "-a", "hello", "--format", "json"}).out);
  EXPECT_EQ(object.at("environment").at("TOKEN").as_string(), "s3cret");
  EXPECT_EQ(run({"releases", "info", "rb", "-a", "hello"}).code, 2);
  EXPECT_EQ(run({"releases", "info", "rx", "-a", "hello"}).code, 3);
}

class Streams : public CliTest {};

TEST_F(Streams, DataGoesToStdoutMessagesToStderr) {
  const Ran usage = run({"biuld"});
  EXPECT_EQ(usage.code, 2);
  EXPECT_EQ(usage.out, "");
  EXPECT_EQ(usage.err, "ERROR: unknown command \"biuld\"; did you mean \"build\"?\n");
  const Ran help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  EXPECT_EQ(help.out, run({}).out);
  EXPECT_EQ(help.out, run({"help"}).out);
  EXPECT_EQ(run({"builds", "logs", "-h"}).out, run({"help", "builds", "logs"}).out);
  EXPECT_EQ(run({"--version"}).out, run({"version"}).out);
}

TEST_F(Streams, AReaderThatLeavesEndsTheOutputQuietly) {
  std::signal(SIGPIPE, SIG_IGN);
  store_.create_app(app());
  struct Case {
    Fd end;
    int code;
    std::string message;
  };
  Case cases[] = {{make_pipe().write, 0, ""},
                  {open_file("/dev/full", O_WRONLY), 5, "can't write the output: "}};
  for (const auto& [end, code, message] : cases) {
    Output out(end.get());
    Capture err;
    Context context{.rack = rack_,
                    .out = out,
                    .err = err.output(),
                    .variable = [](const char*) { return std::string(); },
                    .clock = [this] { return clock_; },
                    .folder = folder_};
    EXPECT_EQ(execute(context, std::vector<std::string>{"builds", "-a", "hello"}), code);
    EXPECT_THAT(err.text(), HasSubstr(message));
    EXPECT_EQ(err.text().empty(), code == 0);
  }
}

/// What a terminal of 60 columns receives.
std::string on_terminal(rack::Rack& rack, const std::vector<std::string>& words, Time clock,
                        const std::string& no_color) {
  int master = -1;
  int slave = -1;
  winsize size{.ws_row = 24, .ws_col = 60};
  EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
  const Fd reader(master);
  Fd terminal(slave);
  Output out(terminal.get());
  Context context{
      .rack = rack,
      .out = out,
      .err = out,
      .variable = [&](const char* name) { return std::string(name) == "NO_COLOR" ? no_color : ""; },
      .clock = [clock] { return clock; },
      .folder = "."};
  EXPECT_EQ(execute(context, words), 0);
  terminal.reset();
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(reader.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  std::erase(text, '\r');  // the terminal's own
  return text;
}

TEST_F(Streams, ATerminalGetsColoursAndHarmlessLogs) {
  add_build("b1", Status::succeeded, 5s, 4s);
  write_log("b1", "plain\x1b]0;title\x07 \x1b[31mred\x1b[0m \x1b[2Jgone\n");
  const std::vector<std::string> logs = {"builds", "logs", "b1", "-a", "hello"};
  EXPECT_EQ(on_terminal(rack_, logs, clock_, ""), "plain \x1b[31mred\x1b[0m gone\n");
  EXPECT_EQ(on_terminal(rack_, logs, clock_, "1"), "plain red gone\n");
  auto raw = logs;
  raw.emplace_back("--raw");
  EXPECT_THAT(on_terminal(rack_, raw, clock_, ""), HasSubstr("\x1b]0;title\x07"));

  const std::vector<std::string> list = {"builds", "-a", "hello"};
  EXPECT_THAT(on_terminal(rack_, list, clock_, ""), HasSubstr("\x1b[32msucceeded\x1b[0m"));
  EXPECT_THAT(on_terminal(rack_, list, clock_, "1"), Not(HasSubstr("\x1b")));
}

TEST_F(Streams, ATableFitsTheTerminal) {
  Build build = add_build("b1", Status::failed, 5s, 4s);
  build.id = id("b2");
  build.description = std::string(200, 'x');
  store_.insert_build(build);
  const std::string text = on_terminal(rack_, {"builds", "-a", "hello"}, clock_, "1");
  EXPECT_THAT(text, HasSubstr("x…\n"));
  EXPECT_THAT(text, Not(HasSubstr(std::string(60, 'x'))));
}

}  // namespace
}  // namespace cooper::cli
