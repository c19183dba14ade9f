#pragma once
// The parts of a tar that come before and after a file's content, for whoever has the contents
// compressed already, or learns their names last.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cooper::bundle {

inline constexpr std::size_t kTarBlock = 512;

struct TarFile {
  std::string_view path;  ///< relative; ASCII
  std::uint64_t size = 0;
  unsigned mode = 0644;
  std::int64_t mtime = 0;  ///< seconds since 1970
};

/// What stands before a file's content, in GNU's dialect: one block, or three if the path has more
/// than 100 bytes.
std::string tar_header(const TarFile& file);

/// Zero bytes that come after a content of this size.
constexpr std::size_t tar_padding(std::uint64_t size) {
  return static_cast<std::size_t>((kTarBlock - size % kTarBlock) % kTarBlock);
}

/// The end of an archive: zero bytes.
inline constexpr std::size_t kTarEnd = 2 * kTarBlock;

}  // namespace cooper::bundle
