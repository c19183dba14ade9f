#pragma once
// Unpacking an archive that somebody may have made to do harm.

#include "source/archive_reader.h"
#include "source/content_digests.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

namespace cooper::source {

struct UnpackLimits {
  std::uint64_t entries = 1'000'000;
  std::uint64_t bytes = std::uint64_t{20} << 30;  ///< content of all files together
  std::string bytes_because;                      ///< added to what is said if there are more
  std::size_t depth = 512;  ///< of folders: what removes the tree holds a descriptor a level
};

struct UnpackResult {
  std::uint64_t files = 0;
  std::uint64_t folders = 0;
  std::uint64_t links = 0;  ///< symbolic and hard links
  std::uint64_t bytes = 0;
};

/// Unpacks a tar, plain or compressed with zstd, read from `in` to its end,
/// into the existing folder `target`. Gives files, folders and links their
/// permission bits (never setuid, setgid or sticky ones) and times; owners are
/// the caller's.
///
/// Nothing outside of `target` is made, changed or removed: an absolute name or
/// one with `..`, a name that leads through a symbolic link, a hard link to
/// something outside, a device, fifo or socket, and whatever exceeds `limits`
/// throws Error{corrupt} that names the entry; so does a damaged or cut archive.
/// Symbolic links are made as they are and may point anywhere. An entry replaces
/// an earlier file or link of its name, but never a folder.
///
/// `digests`, if given, gets those of all files: hashing what passes by costs
/// less than to read the files again. (Files that got hard links are not among
/// them: a link changes what tells that nobody touched the file since.)
///
/// Throws Error{canceled} on a stop request. After an Error `target` holds what
/// had been unpacked so far.
UnpackResult unpack(int in, const std::filesystem::path& target, const UnpackLimits& limits = {},
                    std::stop_token stop = {}, ContentDigests* digests = nullptr);

/// Makes a folder that an earlier archive was unpacked into hold what this one holds,
/// and nothing else; `digests` are those of its files, and then those of the new ones.
/// A file that is known to have the same content, permission bits and time is not
/// written again. Throws as unpack(); what it can't bring about (a folder that became a
/// file) is Error, too: then `target` is of no use any more. So is
/// a target that is a symbolic link.
UnpackResult unpack_over(int in, const std::filesystem::path& target, ContentDigests& digests,
                         const UnpackLimits& limits = {}, std::stop_token stop = {});

/// Unpacks some of an archive's entries over what is there, as unpack_over() does, but removes
/// nothing else; `digests` are those of the files that are there, and then those of the files
/// that the archive holds. `expect` may throw for each entry, before anything is done for it.
UnpackResult unpack_some(ArchiveReader& archive, const std::filesystem::path& target,
                         ContentDigests& digests,
                         const std::function<void(const ArchiveEntry&)>& expect,
                         std::stop_token stop = {});

/// unpack() from any archive, made by somebody else: besides, a name that is taken is
/// refused (where the file system has only one case, also one that differs in that), what
/// is no file gets no hard link, a hard link counts with the bytes of its file, as packing
/// would make it one, and everything can be read and removed by its owner.
UnpackResult unpack_foreign(ArchiveReader& archive, const std::filesystem::path& target,
                            const UnpackLimits& limits, std::stop_token stop);

}  // namespace cooper::source
