#pragma once
// Base64, RFC 4648 section 4, with padding.

#include <optional>
#include <string>
#include <string_view>

namespace cooper {

/// Of any bytes.
std::string to_base64(std::string_view bytes);
/// Padding may be absent; anything else that is not in the alphabet: nullopt.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace cooper
