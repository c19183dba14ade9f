// Which server is meant, and where its token is kept.

#include "base/file.h"
#include "remote/server.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sys/stat.h>

namespace cooper::remote {
namespace {

TEST(Server, IsAnUrlWithOrWithoutCredentials) {
  const Server plain = parse_server("https://Build.example.com").value();
  EXPECT_EQ(plain.token, "");
  EXPECT_EQ(plain.user, "cooper");
  const Server with = parse_server("http://me:s%40cret@127.0.0.1:5000/").value();
  EXPECT_EQ(with.url, "http://127.0.0.1:5000");
  EXPECT_EQ(with.user, "me");
  EXPECT_EQ(with.token, "s@cret");
  EXPECT_EQ(parse_server("https://[::1]:5443").value().url, "https://[::1]:5443");
  for (const char* text : {"", "build.example.com", "ftp://a", "ssh://a", "https://a/path",
                           "https://a/?x=secret", "https://:1", "https://u:secret@"}) {
    const auto refused = parse_server(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code(), Errc::invalid);
    EXPECT_EQ(refused.error().message().find("secret"), std::string::npos);
  }
}

TEST(Fingerprint, IsReadAsServersPrintIt) {
  const std::string digits(64, 'a');
  std::string shown;
  for (int i = 0; i < 32; ++i) shown += i == 0 ? "AA" : ":AA";
  EXPECT_EQ(parse_fingerprint(shown).value(), digits);
  EXPECT_EQ(parse_fingerprint(digits).value(), digits);
  for (const char* text : {"", "AA:BB", "zz"}) EXPECT_FALSE(parse_fingerprint(text));
  EXPECT_FALSE(parse_fingerprint(digits + "a"));
}

class LoginsTest : public testing::Test {
 protected:
  TempFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "config/cooper/logins.json";
  std::map<std::string, std::string> variables_{{"XDG_CONFIG_HOME", folder_.path() / "config"},
                                                {"COOPER_ROOT", folder_.path() / "root"}};
  Variables variable_ = [this](const char* name) {
    const auto found = variables_.find(name);
    return found == variables_.end() ? std::string() : found->second;
  };
};

TEST_F(LoginsTest, AreKeptForTheirOwnerAlone) {
  const Logins logins(file_);
  EXPECT_TRUE(logins.all().empty());
  EXPECT_FALSE(logins.current());
  logins.add(
      {.url = "https://a", .user = "me", .token = "one", .fingerprint = std::string(64, 'b')});
  logins.add({.url = "https://b:5443", .token = "two"});
  struct stat info {};
  ASSERT_EQ(::stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(logins.current()->url, "https://b:5443");
  EXPECT_EQ(logins.all().at("https://a").token, "one");
  EXPECT_EQ(logins.all().at("https://a").fingerprint, std::string(64, 'b'));
  EXPECT_TRUE(logins.remove("https://b:5443"));
  EXPECT_FALSE(logins.remove("https://b:5443"));
  EXPECT_FALSE(logins.current());
  ::chmod(file_.c_str(), 0640);
  EXPECT_THROW(logins.all(), Error);
}

TEST_F(LoginsTest, WhatIsNoFileOfThemIsSaid) {
  make_folders(file_.parent_path());
  for (const char* text : {"", "{", "[]", "{}", R"({"servers":{"x":{}}})"}) {
    write_file_durably(file_, text, 0600);
    EXPECT_THROW(Logins(file_).all(), Error) << text;
  }
}

TEST_F(LoginsTest, TheUrlSaysWhereAndALoginAloneDoesNotWhereThereIsARoot) {
  Logins(file_).add({.url = "https://a", .user = "me", .token = "one"});
  EXPECT_FALSE(choose_server(variable_));
  variables_["COOPER_URL"] = "https://a";
  EXPECT_EQ(choose_server(variable_)->server.token, "one");
  EXPECT_TRUE(choose_server(variable_)->by_url);
  variables_["COOPER_URL"] = "https://you:two@a";
  EXPECT_EQ(choose_server(variable_)->server.token, "two");
  variables_["COOPER_URL"] = "https://other";
  EXPECT_EQ(choose_server(variable_)->server.token, "");
  variables_["COOPER_URL"] = "nonsense";
  EXPECT_THROW(choose_server(variable_), Error);
}

}  // namespace
}  // namespace cooper::remote
