#pragma once
// Archives for tests, made byte by byte so that they can be anything.

#include "process/child.h"
#include "unit/source_test_support.h"

#include <zstd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::source {

/// The end mark of a tar.
inline const std::string kTarEnd(1024, '\0');

inline std::string zstd_of(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
  return out;
}

/// A pax header with one record.
inline std::string pax(std::string_view key, std::string_view value) {
  std::string body = " " + std::string(key) + "=" + std::string(value) + "\n";
  std::size_t length = body.size() + 1;
  while (std::to_string(length).size() + body.size() != length) ++length;
  return raw_tar_entry({.name = "pax", .type = 'x', .content = std::to_string(length) + body});
}

/// What `program` (gzip, xz, bzip2) makes of the bytes.
inline std::string compressed_by(const char* program, std::string_view bytes) {
  const Fd in = memory_file(bytes);
  process::Captured done = process::run(
      {.argv = {program, "-c"}, .environment = process::own_environment(), .in = in.get()},
      std::chrono::seconds(60), {}, std::size_t{256} << 20);
  EXPECT_TRUE(done.status.ok()) << program << ": " << done.err;
  return std::move(done.out);
}

/// One file of a zip (PKWARE's APPNOTE 4.3).
struct RawZipEntry {
  std::string name;
  std::string content = {};
  unsigned mode = 0100644;  ///< with the type's bits; 0: made by DOS
  unsigned flags = 0;       ///< 1: encrypted
  std::int64_t lie = 0;     ///< added to the size that is said
  std::uint32_t spoil = 0;  ///< added to the checksum
};

inline std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i)
    text += static_cast<char>(value >> (8U * static_cast<unsigned>(i)) & 0xffU);
  return text;
}

inline std::uint32_t crc32_of(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

/// Not compressed.
inline std::string raw_zip(const std::vector<RawZipEntry>& entries) {
  std::string files, list;
  for (const RawZipEntry& entry : entries) {
    const std::uint64_t size = entry.content.size() + static_cast<std::uint64_t>(entry.lie);
    const std::string facts = little(20, 2) + little(entry.flags, 2) + little(0, 2) + little(0, 4) +
                              little(crc32_of(entry.content) + entry.spoil, 4) + little(size, 4) +
                              little(size, 4) + little(entry.name.size(), 2) + little(0, 2);
    const unsigned system = entry.mode != 0 ? 3 : 0;
    list += "PK\x01\x02" + little(20 | system << 8U, 2) + facts + little(0, 2) + little(0, 2) +
            little(0, 2) + little(std::uint64_t{entry.mode} << 16U, 4) + little(files.size(), 4) +
            entry.name;
    files += "PK\x03\x04" + facts + entry.name + entry.content;
  }
  return files + list + "PK\x05\x06" + little(0, 4) + little(entries.size(), 2) +
         little(entries.size(), 2) + little(list.size(), 4) + little(files.size(), 4) +
         little(0, 2);
}

}  // namespace cooper::source
