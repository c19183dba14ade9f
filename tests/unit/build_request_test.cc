#include "build/request.h"

#include <gtest/gtest.h>

namespace cooper::build {
namespace {

BuildRequest reread(const BuildRequest& request) { return parse_request(to_json(request)).value(); }

TEST(BuildRequest, ComesBackAsItWas) {
  const BuildRequest build{.source = "git-hook",
                           .description = "d",
                           .git_sha = "abc",
                           .manifest = "m.yml",
                           .image = "redis:7",
                           .build_args = {{"A", "1"}, {"B", ""}},
                           .no_cache = true,
                           .development = true,
                           .tree = "ab",
                           .archive = "cd",
                           .archive_bytes = 12,
                           .output = "/srv/a \xff",
                           .jobs = 3};
  EXPECT_EQ(reread(build), build);
  const BuildRequest tracked{
      .source = "deploy",
      .kind = Kind::build,
      .command = TrackedCommand{.words = {"a", "", "--", "ü \"\n\x1b"}, .folder = "/srv/a b"}};
  EXPECT_EQ(reread(tracked), tracked);
  const BuildRequest again{.source = "ps:rebuild",
                           .retry_of = "b1",
                           .secrets = {"npmrc", "token"},
                           .agents = {"default"},
                           .has_redact_variable = true};
  EXPECT_EQ(reread(again), again);
  const BuildRequest deploy{.source = "config-redeploy", .release = "r1"};
  EXPECT_EQ(reread(deploy), deploy);
}

TEST(BuildRequest, WordsMayHoldAnyBytes) {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  const BuildRequest request{.command =
                                 TrackedCommand{.words = {"x", all, "\xff"}, .folder = "/\xfe"}};
  EXPECT_EQ(reread(request), request);
}

TEST(BuildRequest, ADamagedCommandIsRefused) {
  const auto with = [](const std::string& command) {
    return parse_request(R"({"source":"x","build_args":[],"command":)" + command + "}");
  };
  EXPECT_TRUE(with(R"({"words":["a",[98]],"folder":"/"})"));
  for (const char* command :
       {"[]", "{}", "null", R"({"words":[],"folder":"/"})", R"({"words":["a"]})",
        R"({"words":"a","folder":"/"})", R"({"words":[1],"folder":"/"})",
        R"({"words":[[256]],"folder":"/"})", R"({"words":[["a"]],"folder":"/"})"}) {
    const auto parsed = with(command);
    ASSERT_FALSE(parsed) << command;
    EXPECT_EQ(parsed.error().code(), Errc::corrupt);
  }
}

TEST(CommandLine, IsWhatAPersonWouldType) {
  const auto line = [](std::vector<std::string> words) {
    return command_line({.words = std::move(words), .folder = {}});
  };
  EXPECT_EQ(line({"docker", "compose", "up", "-d"}), "docker compose up -d");
  EXPECT_EQ(line({"sh", "-c", "echo $HOME", "", "it's"}), R"(sh -c 'echo $HOME' '' 'it'\''s')");
}

}  // namespace
}  // namespace cooper::build
