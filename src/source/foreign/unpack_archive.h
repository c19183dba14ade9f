#pragma once
// What cooper-unpack does: an archive that anybody may have made, as files.

#include "source/import_archive.h"

#include <filesystem>
#include <optional>
#include <stop_token>

namespace cooper::source::foreign {

/// Unpacks the regular file `in` (from its beginning) into the empty folder `target`: a tar,
/// plain or compressed with gzip, zstd, bzip2 or xz, or a zip. Its first bytes tell which,
/// and no other format is tried. Besides what source::unpack_foreign refuses, Error{corrupt}
/// for a symbolic link that leads out of source_folder(target) or to an absolute path, for
/// an archive without any entry, and for one that grows beyond `limits` (its `time` is the
/// caller's); Error{invalid} if `said` is not what it is. Names that a zip has in another
/// encoding than UTF-8 are taken as the bytes that they are.
Imported unpack_archive(int in, const std::filesystem::path& target, const ImportLimits& limits,
                        std::optional<ArchiveType> said, std::stop_token stop = {});

}  // namespace cooper::source::foreign
