#pragma once
// HMAC with SHA-256 (RFC 2104), and comparing secrets.

#include "base/sha256.h"

#include <string_view>

namespace cooper {

/// Keys of any length.
Sha256Digest hmac_sha256(std::string_view key, std::string_view message) noexcept;

/// Equal, without telling by its time where they differ. (Their lengths may be told.)
bool is_same_secret(std::string_view a, std::string_view b) noexcept;

}  // namespace cooper
