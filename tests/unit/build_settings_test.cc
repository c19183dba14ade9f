#include "build/properties.h"
#include "build/request.h"
#include "build/settings.h"
#include "build/step_log.h"
#include "model/json.h"
#include "unit/store_test_support.h"

#include <thread>

namespace cooper::build {
namespace {

using namespace std::chrono_literals;
using store::app_name;
using store::key;

// Properties

TEST(Properties, EachTakesItsOwnDefault) {
  std::string last;
  for (const Property& property : properties()) {
    EXPECT_TRUE(property.accepts(property.default_value)) << property.key;
    EXPECT_TRUE(check_property(property.key, std::string(property.default_value)));
    EXPECT_TRUE(check_property(property.key, std::nullopt));
    EXPECT_LT(last, property.key) << "by key";
    last = property.key;
  }
}

struct ValueCase {
  const char* key;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

TEST(Properties, Values) {
  const ValueCase cases[] = {
      {"timeout", {"0", "90", "30m", "1h30m"}, {"", "-1", "5x", "1.5h", "1h\n", "99999999999"}},
      {"stall-timeout", {"0", "10m"}, {"", "never"}},
      {"cache",
       {"", "registry", "registry:ghcr.io/me/cache", "inline", "off"},
       {"on", "registry:x"}},
      {"registry", {"", "ghcr.io/me/shop", "off"}, {"shop", "ghcr.io/me/shop:1", "https://r.io/x"}},
      {"redact", {"", "four", "one of them\nand another\n"}, {"abc", "good one\nno"}},
      {"syntax", {"allow", "builtin", "deny"}, {"", "on", "Deny"}},
      {"concurrency", {"cores", "1", "1000"}, {"", "0", "-1", "1001", "all", "1.5"}},
      {"supersede", {"off", "queued", "running"}, {"", "on", "Off"}},
      {"keep-failed", {"0", "1", "1000000"}, {"", "-1", "1000001", "many"}},
      {"retention-age", {"0", "30d", "720h", "1d12h", "3600"}, {"", "-1d", "1M", "12h1d"}},
      {"retention-size", {"0", "1", "500m", "10g", "2GiB"}, {"", "-1", "1t", "1.5g", "g"}},
      {"retention", {"1", "20", "+5", "007"}, {"", "0", "-1", "5\n", "20 ", "0x14", "1.5"}},
      {"cpus",
       {"0", "0.01", "0.5", "1", "2.125", "4096"},
       {"", "-1", "0.001", "1.", ".5", "1.2345", "2e1", "two"}},
      {"memory",
       {"0", "16m", "512M", "2g", "1073741824", "16384k"},
       {"", "15m", "1", "m", "-2g", "2t", "99999999999999999999", "2000000g"}},
  };
  for (const auto& [name, good, bad] : cases) {
    for (const std::string& value : good) EXPECT_TRUE(check_property(name, value)) << name << value;
    for (const std::string& value : bad) {
      const auto checked = check_property(name, value);
      ASSERT_FALSE(checked) << name << " " << value;
      EXPECT_EQ(checked.error().code(), Errc::invalid);
      EXPECT_NE(checked.error().message().find(name), std::string::npos);
      EXPECT_TRUE(checked.error().hint().starts_with("expected ")) << checked.error().hint();
    }
  }
}

TEST(Properties, AnUnknownOneGetsASuggestion) {
  EXPECT_EQ(check_property("retentoin", "5").error().hint(), "did you mean \"retention\"?");
  const Error error = check_property("../x", std::nullopt).error();
  EXPECT_EQ(error.code(), Errc::invalid);
  EXPECT_NE(error.hint().find("stall-timeout"), std::string::npos);  // all are listed
}

class SettingsTest : public testing::Test {
 protected:
  Settings read() {
    warnings_.clear();
    return read_settings(store_, hello_, warnings_);
  }
  TempFolder folder_;
  store::FileStore store_{store::Layout(folder_ / "root")};
  const AppName hello_ = app_name("hello");
  std::vector<std::string> warnings_;
};

TEST_F(SettingsTest, Defaults) {
  const Settings settings = read();
  EXPECT_EQ(settings.timeout, 6h);
  EXPECT_EQ(settings.stall_timeout, 0s);
  EXPECT_FALSE(settings.limits.any());
  EXPECT_EQ(settings.retention.count, 20U);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(SettingsTest, TheEngineAndItsAddress) {
  EXPECT_EQ(read().engine.engine, "auto");
  store_.set_property(nullptr, key("buildkit"), "tcp://build:1234");
  store_.set_property(nullptr, key("buildkit-certs"), "/etc/certs");
  store_.set_property(&hello_, key("engine"), "docker");
  EXPECT_EQ(read().engine.engine, "docker");
  EXPECT_EQ(read().engine.buildkit, std::vector<std::string>{"tcp://build:1234"});
  EXPECT_EQ(read().engine.buildkit_certs, "/etc/certs");
  EXPECT_EQ(read_settings(store_, nullptr, warnings_).engine.engine, "auto");
  EXPECT_FALSE(check_property("engine", "podman"));
  EXPECT_FALSE(check_property("buildkit", "http://build:1234"));
  EXPECT_FALSE(check_property("buildkit-certs", "certs"));
}

TEST_F(SettingsTest, TheAppsOwnThenTheGlobalOnes) {
  store_.set_property(nullptr, key("timeout"), "1h");
  store_.set_property(nullptr, key("memory"), "2g");
  store_.set_property(nullptr, key("cpus"), "1.5");
  store_.set_property(&hello_, key("timeout"), "30m");
  store_.set_property(&hello_, key("retention"), "3");
  Settings settings = read();
  EXPECT_EQ(settings.timeout, 30min);
  EXPECT_EQ(settings.limits, (process::Limits{.memory = 2ULL << 30, .cpus = 1500}));
  EXPECT_EQ(settings.retention.count, 3U);
  store_.set_property(&hello_, key("timeout"), std::nullopt);
  EXPECT_EQ(read().timeout, 1h);
}

TEST_F(SettingsTest, TheLimitsOfTheHistory) {
  store_.set_property(nullptr, key("retention-age"), "30d");
  store_.set_property(nullptr, key("keep-failed"), "1");
  store_.set_property(&hello_, key("keep-failed"), "5");
  store_.set_property(&hello_, key("retention-size"), "2g");
  const RetentionPolicy policy = read().retention;
  EXPECT_EQ(policy.count, 20U);
  EXPECT_EQ(policy.keep_failed, 5U);
  EXPECT_EQ(policy.age, 720h);
  EXPECT_EQ(policy.size, 2ULL << 30);
}

TEST_F(SettingsTest, WhatCantBeReadWarnsAndTheNextLevelApplies) {
  store_.set_property(nullptr, key("timeout"), "1h");
  store_.set_property(nullptr, key("retention"), "7");
  const auto own = store_.layout().properties(&hello_);
  std::filesystem::create_directories(own / "timeout");
  write_text(folder_ / "outside", "5");
  std::filesystem::create_symlink(folder_ / "outside", own / "retention");
  const Settings settings = read();
  EXPECT_EQ(settings.timeout, 1h);
  EXPECT_EQ(settings.retention.count, 7U);
  EXPECT_EQ(warnings_.size(), 2U);
  remove_tree(own);
  std::filesystem::create_symlink(folder_ / "outside", own);
  EXPECT_EQ(read().timeout, 1h);
  EXPECT_EQ(warnings_.size(), 1U);
}

TEST_F(SettingsTest, ABadValueWarnsAndTheNextLevelApplies) {
  store_.set_property(&hello_, key("timeout"), "soon\x1b[2J");
  store_.set_property(nullptr, key("timeout"), "1h");
  store_.set_property(nullptr, key("retention"), "0");
  const Settings settings = read();
  EXPECT_EQ(settings.timeout, 1h);
  EXPECT_EQ(settings.retention.count, 20U);
  ASSERT_EQ(warnings_.size(), 2U);
  EXPECT_NE(warnings_[0].find("timeout of hello"), std::string::npos) << warnings_[0];
  EXPECT_EQ(warnings_[0].find('\x1b'), std::string::npos);
  EXPECT_NE(warnings_[1].find("builds retention 0 below minimum 1 for --global"), std::string::npos)
      << warnings_[1];
}

// Request

TEST(Request, ReadsBackTheSame) {
  const BuildRequest request{.source = "git-hook",
                             .description = "d \"x\"\n",
                             .git_sha = "abc",
                             .manifest = "conf/prod.yml",
                             .build_args = {{"A", "1=2"}, {"A", ""}, {"B", "\n\u00e4"}},
                             .no_cache = true,
                             .development = true,
                             .engine = "docker",
                             .jobs = 7};
  EXPECT_EQ(parse_request(to_json(request)).value(), request);
  EXPECT_EQ(parse_request(to_json(BuildRequest{})).value(), BuildRequest{});
}

TEST(Request, HostileTextsAreErrors) {
  for (const std::string text :
       {"", "{", "[]", "{}", R"({"build_args":{}})", R"({"build_args":["A=1"]})",
        R"({"build_args":[],"jobs":-1})", R"({"build_args":[],"jobs":"many"})",
        R"({"build_args":[],"jobs":4294967296})"}) {
    const Result<BuildRequest> request = parse_request(text);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().code(), Errc::corrupt);
  }
  EXPECT_FALSE(parse_request(std::string(100'000, '[')));
}

// Steps

class StepLogTest : public testing::Test {
 protected:
  std::vector<Step> steps() const {
    std::vector<Step> result;
    std::ifstream in(folder_ / "steps");
    for (std::string line; std::getline(in, line);) result.push_back(parse_step(line).value());
    return result;
  }
  TempFolder folder_;
};

TEST_F(StepLogTest, BelongsToOneBuild) {
  StepLog log(folder_ / "steps", 0640);
  EXPECT_EQ(mode_of(folder_ / "steps") & 0777U & ~0640U, 0U);
  EXPECT_NE(code_of([&] { StepLog(folder_ / "steps", 0640); }), std::nullopt);
}

TEST_F(StepLogTest, LinesOfManyThreadsStayWhole) {
  StepLog log(folder_ / "steps", 0640);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 1; j <= 100; ++j) {
        log.append({.service = "s" + std::to_string(i),
                    .number = j,
                    .text = std::string(500, static_cast<char>('a' + i)),
                    .started = store::at(j)});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  log.sync();
  std::map<std::string, int> last;
  for (const Step& step : steps()) EXPECT_EQ(step.number, ++last[step.service]);
  EXPECT_EQ(last.size(), 4U);
  for (const auto& [service, number] : last) EXPECT_EQ(number, 100) << service;
}

}  // namespace
}  // namespace cooper::build
