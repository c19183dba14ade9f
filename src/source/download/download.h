#pragma once
// What cooper-fetch does.

#include "source/fetch.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cooper::source::download {

struct Download {
  std::string url;   ///< without credentials
  std::string user;  ///< for the first host alone, not where it redirects to
  std::string password;
  FetchPolicy policy;
};

/// See source::fetch. Error{not_found}, Error{denied}, Error{invalid} for what is too large,
/// Error{unavailable}.
std::uint64_t download(const Download& wanted, int out);

/// See source::resolve.
std::vector<std::string> addresses_of(const std::string& host, Reach reach);

}  // namespace cooper::source::download
