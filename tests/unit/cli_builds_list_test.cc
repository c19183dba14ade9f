// `cooper builds` of one app and of all, and what narrows them.

#include "unit/cli_test_support.h"

#include <boost/json.hpp>

namespace cooper::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;
namespace json = boost::json;

class BuildsList : public CliTest {
 protected:
  void SetUp() override {
    add_of("web", "b1", Status::succeeded, 50h, "git-hook");
    add_of("web", "b2", Status::failed, 3h, "git-hook");
    add_of("api", "b3", Status::succeeded, 2h, "ps:restart");
    add_of("api", "b4", Status::running, 1h, "build");  // no such process: abandoned
    add_of("web", "b5", Status::canceled, 1min, "build");
  }

  void add_of(std::string_view of, std::string_view name, Status status, std::chrono::seconds age,
              std::string source) {
    if (!store_.find_app(app(of))) store_.create_app(app(of));
    Build build{.id = id(name),
                .app = app(of),
                .pid = 0x7FFFFFF0,
                .started_at = {clock_ - age},
                .status = status,
                .source = std::move(source)};
    build.kind = kind_of_source(build.source);
    if (is_terminal(status)) build.finished_at = Timestamp{clock_ - age + 5s};
    store_.insert_build(build);
  }

  /// "app/id" of what the command lists.
  std::vector<std::string> listed(std::vector<std::string> words) {
    words.insert(words.begin(), "builds");
    words.insert(words.end(), {"--format", "json"});
    const Ran ran = run(std::move(words));
    EXPECT_EQ(ran.code, 0) << ran.err;
    std::vector<std::string> ids;
    const json::value list = json::parse(ran.out);
    for (const json::value& each : list.as_array()) {
      ids.push_back(std::string(each.at("app").as_string()) + "/" +
                    std::string(each.at("id").as_string()));
    }
    return ids;
  }
};

TEST_F(BuildsList, OfAllAppsHasAColumnForTheApp) {
  const Ran ran = run({"builds", "--all"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "APP  ID  STATUS     RELEASE  STARTED       ELAPSED  DESCRIPTION\n"
            "web  b5  canceled            1 minute ago  5s\n"
            "api  b4  abandoned           1 hour ago\n"
            "api  b3  succeeded           2 hours ago   5s\n"
            "web  b2  failed              3 hours ago   5s\n"
            "web  b1  succeeded           2 days ago    5s\n");
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(BuildsList, OfAllAppsIsNoCaseForAnApp) {
  const Ran ran = run({"builds", "--all", "-a", "web"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("--all and --app exclude each other"));
  variables_["COOPER_APP"] = "web";
  EXPECT_EQ(listed({"--all"}).size(), 5U);
}

TEST_F(BuildsList, IsNarrowedByWhatBuildsAre) {
  EXPECT_THAT(listed({"--all", "--status", "failed", "--status", "abandoned"}),
              ElementsAre("api/b4", "web/b2"));
  EXPECT_THAT(listed({"--all", "--status", "running"}), IsEmpty());
  EXPECT_THAT(listed({"--all", "--kind", "deploy"}), ElementsAre("api/b3"));
  EXPECT_THAT(listed({"--all", "--source", "git-hook"}), ElementsAre("web/b2", "web/b1"));
  EXPECT_THAT(listed({"-a", "web", "--source", "git-hook", "--status", "succeeded"}),
              ElementsAre("web/b1"));
  EXPECT_THAT(listed({"-a", "api", "--status", "failed"}), IsEmpty());
}

TEST_F(BuildsList, IsNarrowedByTime) {
  EXPECT_THAT(listed({"--all", "--since", "90m"}), ElementsAre("web/b5", "api/b4"));
  EXPECT_THAT(listed({"-a", "web", "--until", "1d"}), ElementsAre("web/b1"));
  EXPECT_THAT(
      listed({"--all", "--since", to_rfc3339({clock_ - 3h}), "--until", to_rfc3339({clock_ - 2h})}),
      ElementsAre("web/b2"));
}

TEST_F(BuildsList, GoesOnPageByPage) {
  EXPECT_THAT(listed({"--all", "--limit", "2"}), ElementsAre("web/b5", "api/b4"));
  EXPECT_THAT(listed({"--all", "--limit", "2", "--before", "b4"}), ElementsAre("api/b3", "web/b2"));
  EXPECT_THAT(listed({"--all", "--before", "b2"}), ElementsAre("web/b1"));
  EXPECT_THAT(listed({"-a", "web", "--before", "last"}), ElementsAre("web/b2", "web/b1"));
  const Ran none = run({"builds", "--all", "--before", "b9"});
  EXPECT_EQ(none.code, exit_code(Errc::not_found));
  EXPECT_THAT(none.err, HasSubstr("no build b9"));
}

TEST_F(BuildsList, WhatIsMistypedIsSaid) {
  const Ran time = run({"builds", "--all", "--since", "yesterday"});
  EXPECT_EQ(time.code, 2);
  EXPECT_THAT(time.err, HasSubstr("--since: \"yesterday\" is no time"));
  EXPECT_THAT(time.err, HasSubstr("how long ago, such as 90m or 3d"));
  const Ran status = run({"builds", "--all", "--status", "failed", "--status", "broken"});
  EXPECT_EQ(status.code, 2);
  EXPECT_THAT(status.err, HasSubstr("invalid --status \"broken\""));
  EXPECT_THAT(status.err, HasSubstr("canceled abandoned"));
  EXPECT_EQ(run({"builds", "--all", "--kind", "x"}).code, 2);
  EXPECT_EQ(run({"builds", "--all", "--before", "../x"}).code, 2);
  EXPECT_EQ(run({"builds", "-a", "nowhere", "--status", "failed"}).code,
            exit_code(Errc::not_found));
}

TEST_F(BuildsList, AnUnreadableRecordIsAWarningNotAnEnd) {
  write_text(layout_.build(app("api"), id("b9")).record, "{\"id\": ");
  const Ran ran = run({"builds", "--all"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.err, HasSubstr("WARNING: record api/b9 can't be read"));
  EXPECT_THAT(ran.out, HasSubstr("web  b1"));
}

}  // namespace
}  // namespace cooper::cli
