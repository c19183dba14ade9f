#include "bundle/tar_blocks.h"

#include <algorithm>
#include <numeric>

namespace cooper::bundle {

namespace {

constexpr std::size_t kLongestName = 100;

void put(std::string& block, std::size_t at, std::string_view text) {
  block.replace(at, text.size(), text);
}

/// A number field: octal digits and a NUL, or, of what is too large for that, GNU's binary form.
void put_number(std::string& block, std::size_t at, std::size_t width, std::uint64_t number) {
  std::string digits(width, '\0');
  std::uint64_t rest = number;
  for (std::size_t i = width - 1; i-- > 0; rest >>= 3) {
    digits[i] = static_cast<char>('0' + (rest & 7));
  }
  if (rest != 0) {
    rest = number;
    for (std::size_t i = width; i-- > 0; rest >>= 8) digits[i] = static_cast<char>(rest & 0xff);
    digits[0] = static_cast<char>(0x80);
  }
  put(block, at, digits);
}

std::string header_block(const TarFile& file, char type) {
  std::string block(kTarBlock, '\0');
  put(block, 0, file.path.substr(0, kLongestName));
  put_number(block, 100, 8, file.mode);
  put_number(block, 108, 8, 0);
  put_number(block, 116, 8, 0);
  put_number(block, 124, 12, file.size);
  put_number(block, 136, 12, static_cast<std::uint64_t>(std::max<std::int64_t>(file.mtime, 0)));
  put(block, 148, "        ");
  block[156] = type;
  put(block, 257, std::string_view("ustar  \0", 8));
  const unsigned sum = std::accumulate(block.begin(), block.end(), 0U, [](unsigned all, char c) {
    return all + static_cast<unsigned char>(c);
  });
  put_number(block, 148, 7, sum);
  return block;
}

}  // namespace

std::string tar_header(const TarFile& file) {
  std::string header;
  if (file.path.size() > kLongestName) {
    header = header_block({.path = "././@LongLink", .size = file.path.size() + 1}, 'L');
    header += file.path;
    header.resize(2 * kTarBlock);
  }
  return header + header_block(file, '0');
}

}  // namespace cooper::bundle
