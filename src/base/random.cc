#include "base/random.h"

#include "base/error.h"

#include <cerrno>
#include <cstdint>
#include <sys/random.h>

namespace cooper {

std::string random_base36(std::size_t length) {
  constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string text;
  while (text.size() < length) {
    std::uint8_t bytes[32];
    const ssize_t n = ::getrandom(bytes, sizeof bytes, 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      throw_errno("getrandom");
    }
    for (ssize_t i = 0; i < n && text.size() < length; ++i) {
      if (bytes[i] < 252) text += kDigits[bytes[i] % 36];  // 252 = 7 * 36: no bias
    }
  }
  return text;
}

}  // namespace cooper
