#pragma once
// Whole files: read, and written so that a crash leaves the old or the new one.

#include "base/fd.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cooper {

/// The file's bytes; nullopt if it does not exist. Throws Error on anything
/// else, Error{corrupt} if it is larger than `max_bytes`.
std::optional<std::string> read_file(const std::filesystem::path& path,
                                     std::size_t max_bytes = std::size_t{16} << 20);

/// Names of temporary files begin so: what a crash left can be told and removed.
inline constexpr std::string_view kTemporaryPrefix = ".tmp-";

enum class IfExists { replace, fail };

/// Durable first, then visible: writes a unique temporary name in the same
/// folder, fsyncs, renames (or links, for `fail`), fsyncs the folder. A reader
/// sees the old file or the new one. What root writes belongs to the owner of the
/// folder (base/owner.h). Throws Error{conflict} if `fail` and the
/// name is taken; Error otherwise; then nothing of it is left.
void write_file_durably(const std::filesystem::path& path, std::string_view bytes, mode_t mode,
                        IfExists if_exists = IfExists::replace);

/// The same in an open folder; `name` has no `/`.
void write_file_durably(const Fd& folder, const std::string& name, std::string_view bytes,
                        mode_t mode, IfExists if_exists = IfExists::replace);

/// What read_file does, for an open file.
std::string read_open_file(const Fd& fd, std::string_view shown_name, std::size_t max_bytes);

/// fsync(2) of a folder, so that its entries are durable. Throws Error.
void sync_folder(const std::filesystem::path& folder);

/// mkdir -p, durably; a folder that it makes gets `mode`, whatever the umask, and
/// the owner of the folder that it is in, if root makes it. Throws Error.
void make_folders(const std::filesystem::path& folder, mode_t mode = 0755);

/// Names in a folder (no `.`/`..`), unsorted; empty if it does not exist.
std::vector<std::string> list_folder(const std::filesystem::path& folder);
/// The same, at most `most` of them.
std::vector<std::string> list_folder(const Fd& folder, std::size_t most = SIZE_MAX);

/// Removes a file; true if there was one. Throws Error.
bool remove_file(const std::filesystem::path& path);

/// Removes a tree without ever following a symbolic link out of it, folders
/// without write permission included, of any depth. Absent is fine. Throws Error.
void remove_tree(const std::filesystem::path& path);

}  // namespace cooper
