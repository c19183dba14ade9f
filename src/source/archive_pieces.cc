#include "source/archive_pieces.h"

#include "base/error.h"
#include "base/sha256.h"
#include "source/archive_table.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::source {

namespace {

void add_run(std::vector<ArchivePiece>& pieces, std::uint64_t bytes) {
  std::uint64_t offset = pieces.empty() ? 0 : pieces.back().offset + pieces.back().bytes;
  while (bytes > 0) {
    const std::uint64_t part = std::min(bytes, kMostPieceBytes);
    pieces.push_back({.offset = offset, .bytes = part, .digest = {}});
    offset += part;
    bytes -= part;
  }
}

}  // namespace

std::string digest_of_range(int file, std::uint64_t offset, std::uint64_t bytes) {
  constexpr std::size_t kBlock = std::size_t{256} << 10;
  Sha256 hash;
  std::string block(std::min<std::uint64_t>(bytes, kBlock), '\0');
  while (bytes > 0) {
    const ssize_t n = ::pread(file, block.data(), std::min<std::uint64_t>(bytes, block.size()),
                              static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read the source's archive");
    if (n == 0) break;
    hash.update({block.data(), static_cast<std::size_t>(n)});
    offset += static_cast<std::uint64_t>(n);
    bytes -= static_cast<std::uint64_t>(n);
  }
  return hex(hash.finish());
}

std::vector<ArchivePiece> archive_pieces(int archive, const std::stop_token& stop) {
  struct stat info {};
  if (::fstat(archive, &info) != 0) throw_errno("read the source's archive");
  auto left = static_cast<std::uint64_t>(info.st_size);
  std::vector<ArchivePiece> pieces;
  if (const auto table = read_table(archive)) {
    for (const Segment& segment : table->segments) {
      add_run(pieces, segment.bytes);
      left -= segment.bytes;
    }
  }
  add_run(pieces, left);
  for (ArchivePiece& piece : pieces) {
    if (stop.stop_requested()) throw Error(Errc::canceled, "reading the source was canceled");
    piece.digest = digest_of_range(archive, piece.offset, piece.bytes);
  }
  return pieces;
}

}  // namespace cooper::source
