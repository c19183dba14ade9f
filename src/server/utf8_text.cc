#include "server/utf8_text.h"

#include "base/utf8.h"

#include <algorithm>

namespace cooper::server {

namespace {

/// Length of the character that such a byte begins; 0 if it begins none of several bytes.
std::size_t announced(unsigned char byte) noexcept {
  if (byte >= 0xc2 && byte <= 0xdf) return 2;
  if (byte >= 0xe0 && byte <= 0xef) return 3;
  if (byte >= 0xf0 && byte <= 0xf4) return 4;
  return 0;
}

}  // namespace

std::size_t unfinished_tail(std::string_view bytes) noexcept {
  for (std::size_t length = 1; length <= std::min<std::size_t>(3, bytes.size()); ++length) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - length]);
    if ((byte & 0xc0) == 0x80) continue;  // goes on
    return announced(byte) > length ? length : 0;
  }
  return 0;
}

bool is_utf8(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    if (static_cast<unsigned char>(bytes.front()) < 0x80) {
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t length = utf8_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace cooper::server
