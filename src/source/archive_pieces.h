#pragma once
// An archive of ours as pieces that another archive of the same folder has, too.

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::source {

/// A run of an archive's bytes.
struct ArchivePiece {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::string digest;  ///< SHA-256, 64 hex digits
};

/// No piece is larger.
inline constexpr std::uint64_t kMostPieceBytes = std::uint64_t{8} << 20;

/// All of an open archive, in order: each segment (archive_table.h) by itself, and what comes
/// behind them; what is larger than a piece may be is cut. Where there is no table, all is. Reads
/// the whole file. Throws Error; Error{canceled} on a stop request.
std::vector<ArchivePiece> archive_pieces(int archive, const std::stop_token& stop = {});

/// SHA-256 of so many bytes of a file from there on, 64 hex digits; of fewer if it ends before.
/// Throws Error.
std::string digest_of_range(int file, std::uint64_t offset, std::uint64_t bytes);

}  // namespace cooper::source
