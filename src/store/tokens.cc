#include "store/tokens.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hmac.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/text.h"
#include "model/json.h"
#include "store/folders.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <tuple>

namespace cooper::store {
namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 3> kRoles = {"read", "build", "admin"};
constexpr std::string_view kPrefix = "cooper_";
constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kIdLength = 10;
constexpr std::size_t kSecretLength = 50;  // of 36 letters: 258 bits
constexpr std::size_t kLongestName = 100;
constexpr std::size_t kMostBytes = std::size_t{64} << 10;

struct StoredToken {
  Token token;
  std::string hash;
};

std::string to_text(const StoredToken& stored) {
  const Token& token = stored.token;
  json::object object{{"name", token.name},
                      {"role", to_string(token.role)},
                      {"created_at", to_rfc3339(token.created_at)},
                      {"sha256", stored.hash}};
  if (token.app) object["app"] = token.app->str();
  if (token.expires_at) object["expires_at"] = to_rfc3339(*token.expires_at);
  return pretty(object);
}

/// What can't be understood must not let anybody in, nor for longer or further than was meant.
Result<StoredToken> parse(std::string_view text, const TokenId& id) {
  const auto bad = [&](const char* what) {
    return Error(Errc::corrupt, "token " + id.str() + " " + what,
                 "revoke it: cooper tokens revoke " + id.str());
  };
  boost::system::error_code failure;
  const json::value value = json::parse(text, failure);
  if (failure || !value.is_object()) return bad("is no JSON object");
  const json::object& object = value.get_object();
  const auto text_of = [&](std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  const auto role = parse_token_role(text_of("role"));
  const auto created = parse_rfc3339(text_of("created_at"));
  if (!role || !created || text_of("sha256").size() != 64) return bad("is damaged");
  StoredToken stored{.token = {.id = id,
                               .name = text_of("name"),
                               .role = *role,
                               .app = std::nullopt,
                               .created_at = *created,
                               .expires_at = std::nullopt},
                     .hash = text_of("sha256")};
  if (object.contains("app")) {
    const Result<AppName> app = AppName::parse(text_of("app"));
    if (!app) return bad("is for what is no app");
    stored.token.app = *app;
  }
  if (object.contains("expires_at")) {
    stored.token.expires_at = parse_rfc3339(text_of("expires_at"));
    if (!stored.token.expires_at) return bad("expires at what is no time");
  }
  return stored;
}

std::filesystem::path file_of(const Layout& layout, const TokenId& id) {
  return layout.tokens() / (id.str() + std::string(kSuffix));
}

}  // namespace

bool TokenIdRule::check(std::string_view text) noexcept {
  return text.size() == kIdLength && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         });
}

Error TokenIdRule::refuse(std::string_view text) {
  return {Errc::invalid, "\"" + shorten(printable(text), 60) + "\" is no id of a token",
          "`cooper tokens` lists them"};
}

std::string_view to_string(TokenRole role) noexcept {
  return kRoles[static_cast<std::size_t>(role)];
}

std::optional<TokenRole> parse_token_role(std::string_view text) noexcept {
  const auto found = std::ranges::find(kRoles, text);
  if (found == kRoles.end()) return std::nullopt;
  return static_cast<TokenRole>(found - kRoles.begin());
}

MadeToken Tokens::create(const NewToken& wanted) {
  if (wanted.name.size() > kLongestName || printable(wanted.name) != wanted.name) {
    throw Error(Errc::invalid, "a token can't be called that",
                "a name is one line of at most " + std::to_string(kLongestName) + " bytes");
  }
  const Time made = now();
  Token token{.id = TokenId::parse(random_base36(kIdLength)).value(),
              .name = wanted.name,
              .role = wanted.role,
              .app = wanted.app,
              .created_at = {made},
              .expires_at = std::nullopt};
  if (wanted.lives) token.expires_at = Timestamp{made + *wanted.lives};
  const std::string secret =
      std::string(kPrefix) + token.id.str() + "_" + random_base36(kSecretLength);
  const Fd folder = make_folder(layout_, layout_.tokens(), 0700);
  write_file_durably(folder, token.id.str() + std::string(kSuffix),
                     to_text({.token = token, .hash = hex(sha256(secret))}), 0600, IfExists::fail);
  return {.token = std::move(token), .secret = secret};
}

TokenList Tokens::list() const {
  TokenList list;
  for (const TokenId& id : ids_of<TokenId>(list_folder(layout_.tokens()), kSuffix)) {
    const auto text = read_file(file_of(layout_, id), kMostBytes);
    if (!text) continue;  // revoked meanwhile
    auto stored = parse(*text, id);
    if (stored) {
      list.tokens.push_back(std::move(stored->token));
    } else {
      list.warnings.push_back(stored.error().message());
    }
  }
  std::ranges::sort(list.tokens, [](const Token& a, const Token& b) {
    return std::tie(a.created_at.at, a.id) < std::tie(b.created_at.at, b.id);
  });
  return list;
}

void Tokens::revoke(const TokenId& id) {
  const std::filesystem::path file = file_of(layout_, id);
  if (!remove_file(file)) {
    throw Error(Errc::not_found, "no token " + id.str(), "`cooper tokens` lists them");
  }
  sync_folder(file.parent_path());
}

std::optional<Token> Tokens::find(std::string_view secret, Time when) const {
  const std::size_t length = kPrefix.size() + kIdLength + 1 + kSecretLength;
  if (secret.size() != length || !secret.starts_with(kPrefix)) return std::nullopt;
  const auto id = TokenId::parse(secret.substr(kPrefix.size(), kIdLength));
  if (!id) return std::nullopt;
  const auto text = read_file(file_of(layout_, *id), kMostBytes);
  if (!text) return std::nullopt;
  Result<StoredToken> stored = parse(*text, *id);
  if (!stored) throw Error(stored.error());
  if (!is_same_secret(stored->hash, hex(sha256(secret)))) return std::nullopt;
  if (stored->token.expires_at && stored->token.expires_at->at <= when) return std::nullopt;
  return std::move(stored->token);
}

bool Tokens::any() const {
  return !ids_of<TokenId>(list_folder(layout_.tokens()), kSuffix).empty();
}

}  // namespace cooper::store
