// The older interface on purpose: for its first digest in a process the newer one
// (EVP) takes 3 ms and puts 4 MB into the program, and cooper is started often.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/sha256.h"

#include <openssl/sha.h>

#include <new>

namespace cooper {
namespace {

SHA256_CTX* context(void* state) { return std::launder(static_cast<SHA256_CTX*>(state)); }

}  // namespace

Sha256::Sha256() noexcept {
  static_assert(sizeof(SHA256_CTX) <= sizeof(State));
  static_assert(alignof(SHA256_CTX) <= alignof(State));
  SHA256_Init(new (&state_) SHA256_CTX);
}

void Sha256::update(std::string_view bytes) noexcept {
  SHA256_Update(context(&state_), bytes.data(), bytes.size());
}

Sha256Digest Sha256::finish() noexcept {
  Sha256Digest digest;
  SHA256_Final(digest.data(), context(&state_));
  SHA256_Init(context(&state_));
  return digest;
}

Sha256Digest sha256(std::string_view bytes) noexcept {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

std::string hex(const Sha256Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

}  // namespace cooper
