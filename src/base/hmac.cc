#include "base/hmac.h"

#include <array>
#include <cstddef>

namespace cooper {

namespace {

constexpr std::size_t kBlock = 64;

std::string_view text_of(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

Sha256Digest hmac_sha256(std::string_view key, std::string_view message) noexcept {
  Sha256Digest short_key{};
  if (key.size() > kBlock) {
    short_key = sha256(key);
    key = text_of(short_key);
  }
  std::array<char, kBlock> inner{};
  std::array<char, kBlock> outer{};
  for (std::size_t i = 0; i < kBlock; ++i) {
    const int byte = i < key.size() ? static_cast<unsigned char>(key[i]) : 0;
    inner[i] = static_cast<char>(byte ^ 0x36);
    outer[i] = static_cast<char>(byte ^ 0x5c);
  }
  Sha256 hash;
  hash.update({inner.data(), inner.size()});
  hash.update(message);
  const Sha256Digest within = hash.finish();
  hash.update({outer.data(), outer.size()});
  hash.update(text_of(within));
  return hash.finish();
}

bool is_same_secret(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

}  // namespace cooper
