#pragma once
// Who asks, and what they may do.

#include "model/names.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::server {

/// Each may do all that those before it may. `nobody`: needs no credentials.
enum class Role : std::uint8_t { nobody, read, build, admin };

/// Somebody whose credentials were good.
struct Principal {
  std::string name;            ///< a token's id; "local" where nobody needs one
  std::string title = {};      ///< what they call themselves: a token's name, or a user
  Role role = Role::nobody;    ///< the highest one
  std::optional<AppName> app;  ///< may do it with this app alone; absent: with all
};

/// What a request shows of itself: Basic credentials, or a bearer token as the password.
struct Credentials {
  std::string user;
  std::string password;
};

/// Decides who somebody is. Called on a loop's thread for every request, by several at once.
class Access {
 public:
  virtual ~Access() = default;
  /// nullopt: credentials that are not good. `remote`: the peer's address, without port.
  virtual std::optional<Principal> admit(const Credentials& credentials,
                                         std::string_view remote) = 0;
  /// May the server be reached from other hosts? Not as long as anybody is let in.
  virtual bool is_closed() const = 0;
};

}  // namespace cooper::server
