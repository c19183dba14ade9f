#pragma once
// Tokens: who may ask a server of this data root, and for what.

#include "base/time.h"
#include "model/names.h"
#include "store/layout.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::store {

struct TokenIdRule {
  static bool check(std::string_view text) noexcept;
  static Error refuse(std::string_view text);
};
/// Ten lower-case letters and digits. It is no secret.
using TokenId = CheckedName<TokenIdRule>;

/// Each may do all that those before it may.
enum class TokenRole : std::uint8_t { read, build, admin };

std::string_view to_string(TokenRole role) noexcept;
std::optional<TokenRole> parse_token_role(std::string_view text) noexcept;

/// What is known of a token: not the token itself, of which a hash is kept.
struct Token {
  TokenId id;
  std::string name;  ///< what its maker calls it; may be empty
  TokenRole role = TokenRole::read;
  std::optional<AppName> app;  ///< for this app alone; absent: for all
  Timestamp created_at;
  std::optional<Timestamp> expires_at;  ///< good until then
};

struct NewToken {
  std::string name;
  TokenRole role = TokenRole::read;
  std::optional<AppName> app;
  std::optional<std::chrono::seconds> lives;  ///< absent: until it is revoked
};

struct MadeToken {
  Token token;
  std::string secret;  ///< "cooper_<id>_<50 letters and digits>": kept nowhere
};

struct TokenList {
  std::vector<Token> tokens;          ///< oldest first
  std::vector<std::string> warnings;  ///< files that can't be read, one line each
};

/// Files of `config/tokens`, each 0600 and written once. Safe to use from several threads and
/// processes at once. All may throw Error.
class Tokens {
 public:
  explicit Tokens(Layout layout) : layout_(std::move(layout)) {}

  /// Throws Error{invalid} for a name with control characters or of more than 100 bytes.
  MadeToken create(const NewToken& wanted);
  TokenList list() const;
  /// Throws Error{not_found}.
  void revoke(const TokenId& id);
  /// Whose token that is, if it is good at `when`. Takes as long whatever it is wrong by, once
  /// its id is known.
  std::optional<Token> find(std::string_view secret, Time when) const;
  /// Is there any, good or not?
  bool any() const;

 private:
  Layout layout_;
};

}  // namespace cooper::store
