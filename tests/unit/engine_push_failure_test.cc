// Which failed pushes are worth another attempt: texts of real engines.
#include "engine/push_failure.h"

#include <gtest/gtest.h>

namespace cooper::engine {
namespace {

TEST(PushFailure, WhatPassesIsTriedAgain) {
  for (const char* text :
       {"received unexpected HTTP status: 500 Internal Server Error",
        "trying to reuse blob sha256:f789 at destination: pinging container registry "
        "127.0.0.1:5913: invalid status code from registry 500 (Internal Server Error)",
        "Get \"http://127.0.0.1:5912/v2/\": dial tcp 127.0.0.1:5912: connect: connection refused",
        "Put \"http://127.0.0.1:5912/v2/x\": EOF", "read tcp: connection reset by peer",
        "failed commit on ref \"manifest-sha256:b0\": failed to do request: Put "
        "\"https://r/v2/shop\": write tcp "
        "127.0.0.1:59474->127.0.0.1:44053: use of closed network connection",
        "net/http: TLS handshake timeout",
        "received unexpected HTTP status: 503 Service Unavailable",
        "toomanyrequests: Too Many Requests"}) {
    const PushResult result = failed_push(text);
    EXPECT_EQ(result.end, PushResult::End::failed);
    EXPECT_TRUE(result.may_pass) << text;
    EXPECT_EQ(result.reason, text);
  }
}

TEST(PushFailure, RefusalsAndMistakesAreNot) {
  for (const char* text :
       {"no basic auth credentials",
        "checking whether a blob sha256:500 exists in 127.0.0.1:5914/shop: unauthorized: "
        "authentication required",
        "denied: requested access to the resource is denied", "unexpected status: 404 Not Found",
        "Get \"https://r/v2/\": x509: certificate signed by unknown authority",
        "http: server gave HTTP response to HTTPS client", "something new"}) {
    EXPECT_FALSE(failed_push(text).may_pass) << text;
  }
}

TEST(PushFailure, TheReasonIsOnePrintableLine) {
  const std::string reason = failed_push("a\x1b[31m\nb\n").reason;
  EXPECT_EQ(reason.find_first_of("\x1b\n"), std::string::npos) << reason;
}

TEST(PushFailure, WhatIsNotThereIsNoProblemOfACache) {
  EXPECT_TRUE(is_absent("reading manifest x in 127.0.0.1:5000/shop: manifest unknown"));
  EXPECT_TRUE(is_absent("127.0.0.1:5000/shop:hello.web.cache: not found"));
  EXPECT_TRUE(is_absent("name unknown: repository name not known to registry"));
  EXPECT_FALSE(is_absent("unauthorized: authentication required"));
  EXPECT_FALSE(is_absent("connection refused"));
}

}  // namespace
}  // namespace cooper::engine
