#pragma once
// From what a request shows of itself to who it is.

#include "server/request.h"
#include "server/services.h"

#include <optional>

namespace cooper::server {

/// Fills in the request's principal, or returns the answer: 401, or 429 while too many logins from
/// that address fail. Does not block.
std::optional<Answer> log_in(Services& services, Request& request);

/// The credentials in an Authorization header; nullopt if there are none that we know.
std::optional<Credentials> credentials_in(std::string_view header);

}  // namespace cooper::server
