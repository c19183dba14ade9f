#include "server/token_access.h"

#include "base/error.h"
#include "server/spawn.h"

namespace cooper::server {

namespace {

Role role_of(store::TokenRole role) {
  switch (role) {
    case store::TokenRole::read:
      return Role::read;
    case store::TokenRole::build:
      return Role::build;
    case store::TokenRole::admin:
      return Role::admin;
  }
  return Role::nobody;
}

}  // namespace

std::optional<Principal> TokenAccess::admit(const Credentials& credentials,
                                            std::string_view /*remote*/) {
  try {
    if (const auto token = tokens_.find(credentials.password, now())) {
      return Principal{.name = token->id.str(),
                       .title = token->name,
                       .role = role_of(token->role),
                       .app = token->app};
    }
    if (without_ == WithoutTokens::lets_nobody_in || tokens_.any()) return std::nullopt;
    return Principal{
        .name = "local", .title = credentials.user, .role = Role::admin, .app = std::nullopt};
  } catch (const Error& error) {  // boundary: a request; what can't be read lets nobody in
    log_error(std::string("tokens can't be read: ") + error.what());
    return std::nullopt;
  }
}

}  // namespace cooper::server
