#include "base/file.h"
#include "base/sha256.h"
#include "store/tokens.h"
#include "unit/test_support.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sys/stat.h>

namespace cooper::store {
namespace {

using namespace std::chrono_literals;

class TokenFiles : public ::testing::Test {
 protected:
  std::filesystem::path file(const TokenId& id) const {
    return folder_.path() / "config/tokens" / (id.str() + ".json");
  }

  TempFolder folder_;
  Tokens tokens_{Layout(folder_.path())};
};

TEST_F(TokenFiles, ATokenIsFoundByItsSecretAlone) {
  EXPECT_FALSE(tokens_.any());
  const MadeToken one = tokens_.create({.name = "ci", .role = TokenRole::build});
  const MadeToken other = tokens_.create({.role = TokenRole::admin});
  EXPECT_TRUE(tokens_.any());
  const auto found = tokens_.find(one.secret, now());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, one.token.id);
  EXPECT_EQ(found->name, "ci");
  EXPECT_EQ(found->role, TokenRole::build);
  EXPECT_EQ(found->created_at, one.token.created_at);

  std::string mixed = other.secret;  // one's id with the other's secret
  mixed.replace(0, 17, one.secret, 0, 17);
  std::string changed = one.secret;
  changed.back() = changed.back() == 'a' ? 'b' : 'a';
  for (const std::string& bad :
       {std::string(), std::string("cooper_"), mixed, changed, one.secret + "x",
        one.secret.substr(1), "cooper_../../../x_" + std::string(50, 'a'), one.token.id.str()}) {
    EXPECT_FALSE(tokens_.find(bad, now())) << bad;
  }
}

TEST_F(TokenFiles, NothingOfTheSecretIsKept) {
  const MadeToken made = tokens_.create({.name = "ci"});
  const std::string text = read_file(file(made.token.id)).value();
  const std::string random = made.secret.substr(made.secret.rfind('_') + 1);
  ASSERT_EQ(random.size(), 50U);
  EXPECT_EQ(text.find(random), std::string::npos);
  EXPECT_NE(text.find(hex(sha256(made.secret))), std::string::npos);
  struct stat info {};
  ASSERT_EQ(::stat(file(made.token.id).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(file(made.token.id).parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(TokenFiles, SecretsAreDifferent) {
  std::set<std::string> secrets;
  for (int i = 0; i < 50; ++i) secrets.insert(tokens_.create({}).secret);
  EXPECT_EQ(secrets.size(), 50U);
  EXPECT_EQ(tokens_.list().tokens.size(), 50U);
}

TEST_F(TokenFiles, OneExpiresAndIsRevoked) {
  const MadeToken made =
      tokens_.create({.role = TokenRole::read, .app = AppName::parse("shop").value(), .lives = 1h});
  EXPECT_EQ(tokens_.find(made.secret, now())->app->str(), "shop");
  EXPECT_TRUE(tokens_.find(made.secret, now() + 59min));
  EXPECT_FALSE(tokens_.find(made.secret, now() + 61min));
  EXPECT_EQ(tokens_.list().tokens.size(), 1U);  // it is there to be seen
  tokens_.revoke(made.token.id);
  EXPECT_FALSE(tokens_.find(made.secret, now()));
  EXPECT_FALSE(tokens_.any());
  EXPECT_THROW(tokens_.revoke(made.token.id), Error);
}

TEST_F(TokenFiles, ADamagedOneLetsNobodyIn) {
  const MadeToken made = tokens_.create({.app = AppName::parse("shop").value(), .lives = 1h});
  const std::string whole = read_file(file(made.token.id)).value();
  const auto put = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    std::ofstream(file(made.token.id)) << text.replace(at, from.size(), to);
    EXPECT_THROW((void)tokens_.find(made.secret, now()), Error) << to;
    EXPECT_EQ(tokens_.list().warnings.size(), 1U) << to;
    EXPECT_TRUE(tokens_.list().tokens.empty()) << to;
  };
  put("\"read\"", "\"root\"");
  put("\"shop\"", "\"../x\"");
  put("\"shop\"", "7");  // would be for all apps
  put("\"expires_at\": \"", "\"expires_at\": \"never");
  put("{", "[");
  EXPECT_TRUE(tokens_.any());  // the server stays closed
}

TEST_F(TokenFiles, ANameIsOneShortLine) {
  for (const std::string& bad :
       {std::string("a\nb"), std::string("\x1b[1m"), std::string(101, 'a')}) {
    EXPECT_THROW(tokens_.create({.name = bad}), Error);
  }
  EXPECT_FALSE(tokens_.any());
}

}  // namespace
}  // namespace cooper::store
