#pragma once
// What the fuzz targets share.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// The entry point that libFuzzer calls, and run_corpus.cc where there is none.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace cooper::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the program, so that the fuzzer keeps the input, if `holds` is false.
inline void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

/// Calls `take` with pieces of `text`, cut at places that depend on `text`
/// alone, and among them many single bytes.
template <class Take>
void in_pieces(std::string_view text, const Take& take) {
  std::uint32_t state = 1;
  while (!text.empty()) {
    state = state * 1664525U + static_cast<unsigned char>(text[0]) + 1013904223U;
    const std::string_view piece = text.substr(0, 1 + (state >> 28) % 9);
    take(piece);
    text.remove_prefix(piece.size());
  }
}

}  // namespace cooper::fuzz
