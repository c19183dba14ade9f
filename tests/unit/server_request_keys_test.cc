// Idempotency keys, where processes are forked while one is answered.

#include "server/request_keys.h"
#include "test_support.h"

#include <gtest/gtest.h>

#include <array>
#include <sys/wait.h>
#include <unistd.h>

namespace cooper::server {
namespace {

TEST(RequestKeysTest, AreNotHeldByAProcessThatWasForkedMeanwhile) {
  TempFolder folder;
  RequestKeys keys(store::Layout(folder.path()));
  Request request;
  request.method = Method::post;
  request.target = parse_target("/v1/apps/web/builds").value();
  std::array<int, 2> gate{};
  ASSERT_EQ(::pipe(gate.data()), 0);
  pid_t child = -1;
  const Answer first = keys.answer(request, "one", [&] {
    child = ::fork();
    if (child == 0) {  // as one that has not yet run its program
      ::close(gate[1]);
      char end = 0;
      while (::read(gate[0], &end, 1) > 0) continue;
      ::_exit(0);
    }
    Answer answer;
    answer.status = 201;
    answer.body = "made";
    return answer;
  });
  const Answer second = keys.answer(request, "one", [] { return Answer{.status = 500}; });
  EXPECT_EQ(first.status, 201U);
  EXPECT_EQ(second.status, 201U);
  EXPECT_EQ(second.body, "made");
  ::close(gate[0]);
  ::close(gate[1]);
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace cooper::server
