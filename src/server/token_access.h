#pragma once
// Who may ask, by the tokens of a data root.

#include "server/principal.h"
#include "store/tokens.h"

#include <cstdint>

namespace cooper::server {

/// What a server does for which no token was ever made, or none is left.
enum class WithoutTokens : std::uint8_t { lets_all_in, lets_nobody_in };

/// A token is the password of Basic credentials, with any user, or a bearer's. Made, revoked and
/// expired ones count at once.
class TokenAccess : public Access {
 public:
  /// `lets_all_in` is for a server that only its own host reaches.
  TokenAccess(store::Tokens tokens, WithoutTokens without)
      : tokens_(std::move(tokens)), without_(without) {}

  std::optional<Principal> admit(const Credentials& credentials, std::string_view remote) override;
  bool is_closed() const override { return tokens_.any(); }

 private:
  store::Tokens tokens_;
  WithoutTokens without_;
};

}  // namespace cooper::server
