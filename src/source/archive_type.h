#pragma once
// What kind of archive bytes are, told from the bytes themselves.

#include "base/error.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cooper::source {

enum class ArchiveType : std::uint8_t { tar, tar_gz, tar_zst, tar_bz2, tar_xz, zip };

/// "tar.gz"
std::string_view text_of(ArchiveType type);

/// The words that parse_archive_type takes, for a message.
inline constexpr std::string_view kArchiveTypes = "tar, tar.gz, tar.zst, tar.bz2, tar.xz, zip";
/// As a person names it; `tgz` is tar.gz, too.
[[nodiscard]] Result<ArchiveType> parse_archive_type(std::string_view text);

/// Of a file, its first so many bytes tell.
inline constexpr std::size_t kArchiveHead = 512;
/// A compressed file is taken for a tar. Error{corrupt} says what else the bytes look like.
[[nodiscard]] Result<ArchiveType> archive_type_of(std::string_view head);

/// May somebody call it that? As with GNU tar, `tar` is a compressed one, too.
bool is_called(ArchiveType type, ArchiveType name);

}  // namespace cooper::source
