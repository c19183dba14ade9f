#include "engine/buildkit/error_details.h"
#include "engine/buildkit/services.h"
#include "engine/buildkit/upgrade.h"
#include "engine/dockerfile_lines.h"

#include <gtest/gtest.h>

namespace cooper::engine::buildkit {
namespace {

TEST(Upgrade, TheHeadIsReadAndNotAByteMore) {
  const std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  const auto answer = read_upgrade_answer(head + std::string("\0\0\x12\4", 4));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 101);
  EXPECT_EQ(answer->size, head.size());
}

TEST(Upgrade, WhatIsNotCompleteYetIsWaitedFor) {
  const std::string head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size) {
    EXPECT_FALSE(read_upgrade_answer(head.substr(0, size))) << size;
  }
}

TEST(Upgrade, ARefusalHasItsStatusAndAnythingElseNone) {
  EXPECT_EQ(read_upgrade_answer("HTTP/1.1 404 Not Found\r\n\r\n{}")->status, 404);
  EXPECT_EQ(read_upgrade_answer("SSH-2.0-OpenSSH_9.2\r\n")->status, 0);
  EXPECT_EQ(read_upgrade_answer("HTTP/1.1 ??? \r\n\r\n")->status, 0);
  EXPECT_EQ(read_upgrade_answer("HTTP/1.1\r\n\r\n")->status, 0);
}

/// One field of a protobuf message: a number below 16, and bytes shorter than 128.
std::string field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

std::string part(const std::string& type, const std::string& json) {
  return field(3, field(1, "github.com/moby/buildkit/" + type) + field(2, json));
}

TEST(ErrorDetails, TheLineAndTheExitCodeAreFound) {
  const std::string status =
      field(2, "failed") + part("stack.Stack+json", "{\"frames\":[]}") +
      part("errdefs.Source+json", R"({"info":{"filename":"D"},"ranges":[{"start":{"line":7}}]})") +
      part("gatewayapi.ExitMessage+json", "{\"Code\":3}");
  EXPECT_EQ(read_error_details(status), (ErrorDetails{.file = "D", .line = 7, .exit_code = 3}));
}

TEST(ErrorDetails, WhatIsNotUnderstoodIsNotTold) {
  EXPECT_EQ(read_error_details(""), ErrorDetails{});
  EXPECT_EQ(read_error_details("\xff\xff\xff"), ErrorDetails{});
  EXPECT_EQ(read_error_details(part("errdefs.Source+json", "{\"ranges\":[1]}")), ErrorDetails{});
  EXPECT_EQ(read_error_details(part("errdefs.Source+json", "not JSON")), ErrorDetails{});
  EXPECT_EQ(
      read_error_details(part("errdefs.Source+json", R"({"ranges":[{"start":{"line":"x"}}]})")),
      ErrorDetails{});
}

TEST(ErrorText, TheExitCodeOfOldDaemonsIsInTheText) {
  EXPECT_EQ(exit_code_in("executor failed running [/bin/sh -c x]: exit code: 3"), 3);
  EXPECT_EQ(exit_code_in("process \"x\" did not complete successfully: exit code: 137"), 137);
  EXPECT_EQ(exit_code_in("\"/nothing\" not found: not found"), std::nullopt);
  EXPECT_EQ(exit_code_in("exit code: "), std::nullopt);
  EXPECT_EQ(exit_code_in("exit code: 4711"), std::nullopt);
}

TEST(ErrorText, TheWayThroughBuildKitIsLeftOut) {
  EXPECT_EQ(plain_message("failed to solve with frontend dockerfile.v0: failed to create LLB "
                          "definition: dockerfile parse error line 2: unknown instruction: FOO"),
            "dockerfile parse error line 2: unknown instruction: FOO");
  EXPECT_EQ(plain_message("failed to compute cache key: failed to calculate checksum of ref "
                          "abc::def: \"/nothing\": not found"),
            "\"/nothing\": not found");
  EXPECT_EQ(plain_message("rpc error: code = Unknown desc = a\x1b[31mb"), "a?[31mb");
}

TEST(ErrorText, AParseErrorNamesItsLine) {
  EXPECT_EQ(line_in("dockerfile parse error line 12: unknown instruction: FOO"), 12);
  EXPECT_EQ(line_in("dockerfile parse error on line 3: unknown instruction"), 3);
  EXPECT_EQ(line_in("no line 3 here"), 0);
}

constexpr const char* kDockerfile =
    "FROM scratch\n"
    "# a comment\n"
    "RUN make \\\n"
    "# inside\n"
    "  all\n"
    "COPY  a   b\n"
    "RUN twice\n"
    "RUN twice\n";

TEST(DockerfileLine, AnInstructionIsFoundWhereItBegins) {
  EXPECT_EQ(line_of(kDockerfile, "RUN make all"), 3);
  EXPECT_EQ(line_of(kDockerfile, "COPY a b"), 6);
}

TEST(DockerfileLine, NoneIsBetterThanAWrongOne) {
  EXPECT_EQ(line_of(kDockerfile, "RUN twice"), 0);
  EXPECT_EQ(line_of(kDockerfile, "RUN other"), 0);
  EXPECT_EQ(line_of("", "RUN make"), 0);
  EXPECT_EQ(line_of("RUN make \\", "RUN make"), 1);
}

TEST(DockerfileLine, ItsNeighboursAreShownAndItIsMarked) {
  EXPECT_EQ(excerpt("a\nb\nc\nd\ne\n", 1), "> 1 | a\n  2 | b\n  3 | c\n");
  EXPECT_EQ(excerpt("a\nb\nc\nd\ne\n", 5), "  3 | c\n  4 | d\n> 5 | e\n");
  EXPECT_EQ(excerpt("a\n", 2), "");
  EXPECT_EQ(excerpt("a\n", 0), "");
}

TEST(Metadata, EscapedValuesAreUnescaped) {
  EXPECT_EQ(query_unescape("a+b%2Bc%C3%A4"), "a b+c\xC3\xA4");
  EXPECT_EQ(query_unescape("100%"), "100%");
  EXPECT_EQ(query_unescape("%zz%4"), "%zz%4");
}

}  // namespace
}  // namespace cooper::engine::buildkit
