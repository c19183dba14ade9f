#pragma once
// Source that arrives as an archive, made by anybody.

#include "source/archive_type.h"
#include "source/unpack.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace cooper::source {

/// What unpacking one may cost.
struct ImportLimits {
  std::uint64_t entries = 200'000;
  std::uint64_t bytes = std::uint64_t{4} << 30;  ///< content of all files together
  std::size_t depth = 128;                       ///< of folders
  /// Beyond kUnsuspicious, so many bytes may come of each byte of the archive. Sources shrink
  /// to a fifth, texts that repeat themselves to a fiftieth.
  std::uint64_t ratio = 250;
  std::chrono::seconds time{600};

  static constexpr std::uint64_t kUnsuspicious = std::uint64_t{64} << 20;
};

struct Imported {
  ArchiveType type{};
  UnpackResult unpacked;
};

/// Base name of the program that unpacks.
inline constexpr std::string_view kUnpackName = "cooper-unpack";

/// Unpacks the open regular file `archive` into the empty folder `target`, by a process of
/// its own (cooper-unpack) whose memory and time are limited: what an archive can do to a
/// decompressor does not happen to us. See foreign/unpack_archive.h for what is refused;
/// besides, Error{invalid} if `said` is not what it is, Error{corrupt} if it takes too long,
/// and Error{canceled} on a stop request. After an Error `target` holds what had been
/// unpacked so far.
Imported import_archive(int archive, const std::filesystem::path& target,
                        const ImportLimits& limits, std::optional<ArchiveType> said,
                        std::stop_token stop);

/// Where in an unpacked archive the source is: the folder itself, or, if that holds
/// nothing but one folder (as GitHub's archives do), that one.
std::filesystem::path source_folder(const std::filesystem::path& unpacked);

}  // namespace cooper::source
