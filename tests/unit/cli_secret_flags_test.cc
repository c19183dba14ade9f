// The words of --secret and --ssh.
#include "cli/secret_flags.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <sys/socket.h>
#include <sys/un.h>

namespace cooper::cli {
namespace {

std::string refusal(const std::vector<std::string>& secrets,
                    const std::vector<std::string>& agents = {}) {
  const auto read = read_build_secrets(secrets, agents);
  return read ? "" : read.error().message();
}

TEST(SecretFlags, ReadFilesAndVariables) {
  const TempFolder folder;
  write_text(folder / "npmrc", "token\n");
  ::setenv("COOPER_TEST_SECRET", "of the variable", 1);
  const auto read = read_build_secrets(
      {"id=npm,src=" + (folder / "npmrc").string(), "type=env,env=COOPER_TEST_SECRET,id=v"}, {});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->secrets, (std::vector<engine::Secret>{{.id = "npm", .value = "token\n"},
                                                        {.id = "v", .value = "of the variable"}}));
  ::unsetenv("COOPER_TEST_SECRET");
  EXPECT_EQ(refusal({"id=v,env=COOPER_TEST_SECRET"}),
            "--secret v: the variable COOPER_TEST_SECRET is not set");
}

TEST(SecretFlags, AreRefusedWithoutRepeatingAValue) {
  const TempFolder folder;
  write_text(folder / "large", std::string(500 * 1024 + 1, 'x'));
  EXPECT_EQ(refusal({"hunter2"}), "a value of --secret is neither id=, src= nor env=");
  EXPECT_EQ(refusal({"id=a b,env=HOME"}), "a --secret has no id of letters, digits, -, _ and .");
  EXPECT_EQ(refusal({"env=HOME"}), "a --secret has no id of letters, digits, -, _ and .");
  EXPECT_EQ(refusal({"id=a"}), "--secret a needs either src=FILE or env=NAME");
  EXPECT_EQ(refusal({"id=a,env=HOME,src=x"}), "--secret a needs either src=FILE or env=NAME");
  EXPECT_EQ(refusal({"id=a,src=/no/such"}), "--secret a: there is no file /no/such");
  EXPECT_EQ(refusal({"id=a,env=HOME", "id=a,env=PATH"}), "--secret a is given twice");
  EXPECT_THAT(refusal({"id=a,src=" + (folder / "large").string()}), testing::HasSubstr("larger"));
}

TEST(SshFlags, TakeTheSocketOfAnAgent) {
  const TempFolder folder;
  const std::string path = (folder / "agent").string();
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::setenv("SSH_AUTH_SOCK", path.c_str(), 1);
  const auto read = read_build_secrets({}, {"default", "deploy=" + path});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->agents, (std::vector<engine::SshAgent>{{.id = "default", .socket = path},
                                                         {.id = "deploy", .socket = path}}));
  ::unsetenv("SSH_AUTH_SOCK");
  EXPECT_EQ(refusal({}, {"default"}), "--ssh default: no agent: SSH_AUTH_SOCK is not set");
  EXPECT_EQ(refusal({}, {"a=/etc/passwd"}), "--ssh a: /etc/passwd is not the socket of an agent");
  EXPECT_EQ(refusal({}, {"=x"}), "a --ssh has no id of letters, digits, -, _ and .");
}

}  // namespace
}  // namespace cooper::cli
