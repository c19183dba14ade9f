#include "source/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>

namespace cooper::source {
namespace {

using Bytes6 = std::array<std::uint8_t, 16>;

struct Range4 {
  std::uint32_t first;
  unsigned bits;
};

constexpr std::uint32_t v4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24U | b << 16U | c << 8U | d;
}

// https://www.iana.org/assignments/iana-ipv4-special-registry, and groups (224/4).
constexpr std::array kNotPublic4 = {
    Range4{v4(0, 0, 0, 0), 8},      Range4{v4(10, 0, 0, 0), 8},     Range4{v4(100, 64, 0, 0), 10},
    Range4{v4(127, 0, 0, 0), 8},    Range4{v4(169, 254, 0, 0), 16}, Range4{v4(172, 16, 0, 0), 12},
    Range4{v4(192, 0, 0, 0), 24},   Range4{v4(192, 0, 2, 0), 24},   Range4{v4(192, 88, 99, 0), 24},
    Range4{v4(192, 168, 0, 0), 16}, Range4{v4(198, 18, 0, 0), 15},  Range4{v4(198, 51, 100, 0), 24},
    Range4{v4(203, 0, 113, 0), 24}, Range4{v4(224, 0, 0, 0), 4},    Range4{v4(240, 0, 0, 0), 4}};

bool is_public4(std::uint32_t address) {
  return std::ranges::none_of(kNotPublic4, [&](const Range4& range) {
    return (address ^ range.first) >> (32U - range.bits) == 0;
  });
}

std::uint32_t v4_at(const Bytes6& address, std::size_t at) {
  return v4(address[at], address[at + 1], address[at + 2], address[at + 3]);
}

struct Range6 {
  std::array<std::uint16_t, 8> first;
  unsigned bits;

  bool has(const Bytes6& address) const {
    for (unsigned bit = 0; bit < bits; ++bit) {
      const unsigned ours = unsigned{first[bit / 16]} >> (15U - bit % 16) & 1U;
      const unsigned theirs = static_cast<unsigned>(address[bit / 8]) >> (7U - bit % 8) & 1U;
      if (ours != theirs) return false;
    }
    return true;
  }
};

// https://www.iana.org/assignments/iana-ipv6-special-registry. All that is in use is in 2000::/3.
constexpr Range6 kInUse{{0x2000}, 3};
constexpr Range6 kMapped{{0, 0, 0, 0, 0, 0xffff}, 96};
constexpr Range6 kNat64{{0x64, 0xff9b}, 96};
constexpr Range6 k6to4{{0x2002}, 16};
constexpr std::array kNotPublic6 = {
    Range6{{0x2001, 0}, 23},      // Teredo, benchmarks, ORCHID and other protocols' own
    Range6{{0x2001, 0xdb8}, 32},  // documentation
    Range6{{0x3fff}, 20},         // documentation
};

bool is_public6(const Bytes6& address) {
  if (kMapped.has(address) || kNat64.has(address)) return is_public4(v4_at(address, 12));
  if (k6to4.has(address)) return is_public4(v4_at(address, 2));
  return kInUse.has(address) &&
         std::ranges::none_of(kNotPublic6, [&](const Range6& range) { return range.has(address); });
}

}  // namespace

bool is_public(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return is_public4(ntohl(in.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    Bytes6 bytes{};
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return is_public6(bytes);
  }
  return false;  // a Unix socket, or what nobody has heard of
}

std::string text_of(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  sockaddr_in in{};
  sockaddr_in6 in6{};
  if (address.sa_family == AF_INET) {
    std::memcpy(&in, &address, sizeof in);
    bytes = &in.sin_addr;
  } else if (address.sa_family == AF_INET6) {
    std::memcpy(&in6, &address, sizeof in6);
    bytes = &in6.sin6_addr;
  }
  if (!bytes || !::inet_ntop(address.sa_family, bytes, text.data(), text.size())) return "?";
  return text.data();
}

}  // namespace cooper::source
