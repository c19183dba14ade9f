#pragma once
// SHA-256.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace cooper {

using Sha256Digest = std::array<unsigned char, 32>;

/// Hashes what it is given piece by piece.
class Sha256 {
 public:
  Sha256() noexcept;
  void update(std::string_view bytes) noexcept;
  /// Of all that came before; then it begins anew.
  Sha256Digest finish() noexcept;

 private:
  // libcrypto's SHA256_CTX, so that its header stays in one file.
  struct alignas(8) State {
    std::array<unsigned char, 128> bytes;
  };
  State state_;
};

/// Of these bytes alone.
Sha256Digest sha256(std::string_view bytes) noexcept;

/// 64 lower-case digits.
std::string hex(const Sha256Digest& digest);

}  // namespace cooper
