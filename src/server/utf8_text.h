#pragma once
// Bytes of a log as text: WebSocket text frames and JSON hold UTF-8 alone.

#include <cstddef>
#include <string_view>

namespace cooper::server {

/// How many of the last bytes may be the beginning of a character whose rest is still to come: 0
/// to 3. What is cut before them is well-formed if the whole is.
std::size_t unfinished_tail(std::string_view bytes) noexcept;

/// All of it is well-formed.
bool is_utf8(std::string_view bytes) noexcept;

}  // namespace cooper::server
