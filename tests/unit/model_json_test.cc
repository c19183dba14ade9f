#include "model/json.h"
#include "unit/test_support.h"

#include <boost/json.hpp>

#include <random>

namespace cooper {
namespace {

const AppName kApp = AppName::parse("hello").value();
const BuildId kId = BuildId::parse("b1").value();
const ReleaseId kRelease = ReleaseId::parse("r1").value();

Time at(std::int64_t seconds, std::int64_t nanoseconds = 0) {
  return Time(std::chrono::seconds{seconds} + std::chrono::nanoseconds{nanoseconds});
}

Build full_build() {
  return {.id = kId,
          .app = kApp,
          .kind = Kind::deploy,
          .pid = 4711,
          .started_at = {at(1795231178, 250'000'000)},
          .finished_at = Timestamp{at(1795231200), std::chrono::minutes{330}},
          .status = Status::failed,
          .source = "git-hook",
          .exit_code = -1,
          .description = "fix \"it\"\n\u65e5\u672c\x01",
          .git_sha = "0123abc",
          .release = "r1",
          .reason = "step 3/4 RUN make: exit status 2",
          .engine = "buildah 1.28.2",
          .images = {{"web", "localhost/hello:web.b1@sha256:00"}, {"worker", "x"}},
          .host = "h1",
          .queued_at = Timestamp{at(1795231170)},
          .superseded_by = "b2",
          .unknown_fields = {{"zeta", "1"}, {"alpha", R"({"b":[1,2,{"c":null}],"a":"\u0007"})"}}};
}

TEST(BuildJson, LooksLikeThis) {
  Build build{.id = kId, .app = kApp, .pid = 7, .started_at = {at(0)}};
  EXPECT_EQ(to_json(build),
            "{\n"
            "  \"id\": \"b1\",\n"
            "  \"app\": \"hello\",\n"
            "  \"kind\": \"build\",\n"
            "  \"pid\": 7,\n"
            "  \"started_at\": \"1970-01-01T00:00:00Z\",\n"
            "  \"status\": \"running\",\n"
            "  \"source\": \"build\"\n"
            "}\n");
}

TEST(BuildJson, FieldsAreInTheirFixedOrder) {
  const boost::json::value value = boost::json::parse(to_json(full_build()));
  std::string order;
  for (const auto& member : value.as_object()) order += std::string(member.key()) + " ";
  EXPECT_EQ(order,
            "id app kind pid started_at finished_at status source exit_code description git_sha "
            "release reason engine images host queued_at superseded_by zeta alpha ");
}

TEST(BuildJson, ReadsBackTheSame) {
  const Build build = full_build();
  const Result<Build> read = parse_build(to_json(build), kId, kApp);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(*read, build);
  EXPECT_EQ(to_json(*read), to_json(build));
  const Build bare{.id = kId, .app = kApp, .started_at = {at(5)}};
  EXPECT_EQ(parse_build(to_json(bare), kId, kApp).value(), bare);
}

TEST(BuildJson, UnknownFieldsOutliveAFinalize) {
  Build build = parse_build(R"({"started_at":"2026-11-21T03:19:38+01:00","dokku_x":[1.5,true],
      "kind":"build","status":"running","zz":{"k":"v"},"pid":5,"id":"other","app":"other"})",
                            kId, kApp)
                    .value();
  EXPECT_EQ(build.id, kId);  // the file's name is the id, whatever the text says
  EXPECT_EQ(build.app, kApp);
  ASSERT_TRUE(finalize(build, {.status = Status::succeeded, .exit_code = 0}, at(1)));
  const boost::json::value value = boost::json::parse(to_json(build));
  EXPECT_EQ(value.at("dokku_x"), boost::json::parse("[1.5,true]"));
  EXPECT_EQ(value.at("zz").at("k"), "v");
  EXPECT_EQ(value.at("started_at"), "2026-11-21T03:19:38+01:00");
  EXPECT_EQ(value.at("id"), "b1");
}

TEST(BuildJson, AnyBytesInTextsStillReadBack) {
  // A description comes from a command line, a reason from an engine: any bytes.
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    Build build{.id = kId, .app = kApp, .started_at = {at(1)}};
    for (std::string* text : {&build.description, &build.reason, &build.engine}) {
      for (int i = 0; i < 20; ++i) *text += static_cast<char>(random() % 256);
    }
    build.images["web\xff"] = "\xc3";
    const Result<Build> read = parse_build(to_json(build), kId, kApp);
    ASSERT_TRUE(read) << read.error().message();
    ASSERT_EQ(parse_build(to_json(*read), kId, kApp).value(), *read);
  }
  Build build{.id = kId, .app = kApp, .started_at = {at(1)}};
  build.reason = "caf\xe9";
  EXPECT_EQ(parse_build(to_json(build), kId, kApp)->reason, "caf\ufffd");
}

struct Hostile {
  const char* name;
  std::string text;
  const char* says;  // part of the message
};

void PrintTo(const Hostile& hostile, std::ostream* out) { *out << hostile.name; }

class HostileBuildTest : public testing::TestWithParam<Hostile> {};

TEST_P(HostileBuildTest, IsAnErrorThatNamesTheField) {
  const Result<Build> build = parse_build(GetParam().text, kId, kApp);
  ASSERT_FALSE(build);
  EXPECT_EQ(build.error().code(), Errc::corrupt);
  EXPECT_NE(build.error().message().find(GetParam().says), std::string::npos)
      << build.error().message();
}

std::string record(const std::string& more) {
  return R"({"kind":"build","status":"running","started_at":"2026-11-21T03:19:38Z")" + more + "}";
}

INSTANTIATE_TEST_SUITE_P(
    Table, HostileBuildTest,
    testing::Values(
        Hostile{"empty", "", "JSON"}, Hostile{"torn", R"({"kind":"build","sta)", "JSON"},
        Hostile{"blank", " \n", "JSON"}, Hostile{"NULs", std::string(100, '\0'), "JSON"},
        Hostile{"list", "[]", "object"}, Hostile{"null", "null", "object"},
        Hostile{"two values", record("") + record(""), "JSON"},
        Hostile{"deep", record(",\"x\":" + std::string(100'000, '[')), "JSON"},
        Hostile{"not UTF-8", record(",\"x\":\"\xff\""), "JSON"},
        Hostile{"no kind", R"({"status":"running","started_at":"2026-11-21T03:19:38Z"})",
                "\"kind\""},
        Hostile{"odd kind",
                R"({"kind":"x","status":"running","started_at":"2026-11-21T03:19:38Z"})",
                "\"kind\""},
        Hostile{"no status", R"({"kind":"build","started_at":"2026-11-21T03:19:38Z"})",
                "\"status\""},
        Hostile{"abandoned on disk",
                R"({"kind":"build","status":"abandoned","started_at":"2026-11-21T03:19:38Z"})",
                "\"status\""},
        Hostile{"no start", R"({"kind":"build","status":"running"})", "\"started_at\""},
        Hostile{"odd start", R"({"kind":"build","status":"running","started_at":"today"})",
                "\"started_at\""},
        Hostile{"odd finish", record(R"(,"finished_at":12)"), "\"finished_at\""},
        Hostile{"pid as text", record(R"(,"pid":"12")"), "\"pid\""},
        Hostile{"pid with fraction", record(R"(,"pid":1.5)"), "\"pid\""},
        Hostile{"negative pid", record(R"(,"pid":-1)"), "\"pid\""},
        // As a pid_t it would be 1, whose group is everybody.
        Hostile{"pid beyond pid_t", record(R"(,"pid":4294967297)"), "\"pid\""},
        Hostile{"huge pid", record(R"(,"pid":1e300)"), "\"pid\""},
        // As an int it would be 0: success.
        Hostile{"exit code beyond int", record(R"(,"exit_code":4294967296)"), "\"exit_code\""},
        Hostile{"exit code as text", record(R"(,"exit_code":"0")"), "\"exit_code\""},
        Hostile{"images as list", record(R"(,"images":["a"])"), "\"images\""},
        Hostile{"image as number", record(R"(,"images":{"web":1})"), "\"images\""}));

TEST(BuildJson, EveryTruncationIsRefused) {
  const std::string text = to_json(full_build());
  for (std::size_t length = 0; length + 2 < text.size(); ++length) {  // up to the last brace
    ASSERT_FALSE(parse_build(std::string_view(text).substr(0, length), kId, kApp)) << length;
  }
}

TEST(BuildJson, BytesThatFlippedAreAnErrorOrARecord) {
  const std::string text = to_json(full_build());
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = text;
    damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
    const Result<Build> build = parse_build(damaged, kId, kApp);
    if (build) {
      ASSERT_TRUE(parse_build(to_json(*build), kId, kApp)) << damaged;
    }
  }
}

TEST(ReleaseJson, ReadsBackTheSame) {
  const Release release{.id = kRelease,
                        .app = kApp,
                        .build = "b1",
                        .description = "d",
                        .manifest = "services:\n  web: {}\n",
                        .created_at = {at(5)},
                        .environment = {{"A", "1\n2"}, {"B", ""}},
                        .images = {{"web", "x@sha256:0"}}};
  EXPECT_EQ(parse_release(to_json(release), kRelease, kApp).value(), release);
  const Release bare{.id = kRelease, .app = kApp, .build = "b1", .created_at = {at(5)}};
  EXPECT_EQ(parse_release(to_json(bare), kRelease, kApp).value(), bare);
}

TEST(ReleaseJson, HostileTextsAreErrors) {
  for (const char* text :
       {"", "{}", "[]", R"({"build":"b1"})", R"({"created_at":"2026-11-21T03:19:38Z"})",
        R"({"build":1,"created_at":"2026-11-21T03:19:38Z"})",
        R"({"build":"b","created_at":"2026-11-21T03:19:38Z","environment":{"A":1}})"}) {
    const Result<Release> release = parse_release(text, kRelease, kApp);
    ASSERT_FALSE(release) << text;
    EXPECT_EQ(release.error().code(), Errc::corrupt);
  }
}

TEST(AppJson, ReadsBackTheSame) {
  for (const std::string active : {"", "r1"}) {
    const App app{.name = kApp, .created_at = {at(5)}, .release = active};
    EXPECT_EQ(parse_app(to_json(app), kApp).value(), app);
  }
  EXPECT_FALSE(parse_app("{}", kApp));
}

TEST(StepJson, IsOneLineThatReadsBackTheSame) {
  const Step step{.service = "web",
                  .number = 3,
                  .text = "RUN make \\\n  all",
                  .started = at(5, 1'000'000),
                  .finished = at(6),
                  .cached = true,
                  .log_begin = 10,
                  .log_end = 1ULL << 40,
                  .exit_code = 2};
  const std::string line = to_json_line(step);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(parse_step(line).value(), step);
  const Step open{.service = "web", .number = 1, .text = "FROM x", .started = at(5)};
  EXPECT_EQ(parse_step(to_json_line(open)).value(), open);
  // A Dockerfile in Latin-1 must not make its steps unreadable.
  const Step latin{.service = "web", .number = 1, .text = "RUN echo caf\xe9", .started = at(5)};
  ASSERT_TRUE(parse_step(to_json_line(latin)));
  EXPECT_EQ(parse_step(to_json_line(latin))->text, "RUN echo caf\ufffd");
}

TEST(StepJson, HostileLinesAreErrors) {
  for (const char* line :
       {"", "{}", R"({"service":"web"})", R"({"service":1,"started":"2026-11-21T03:19:38Z"})",
        R"({"service":"web","started":"2026-11-21T03:19:38Z","exit":4294967296})",
        R"({"service":"web","started":"2026-11-21T03:19:38Z","number":1e30})",
        R"({"service":"web","started":"2026-11-21T03:19:38Z","log_begin":-1})"}) {
    EXPECT_FALSE(parse_step(line)) << line;
  }
}

}  // namespace
}  // namespace cooper
