#pragma once
// Remembers the digests of a user's files from one command to the next, so that
// files that nobody touched need not be read again.

#include "base/sha256.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <unordered_map>
#include <vector>

namespace cooper::source {

/// Digests by path and what stat(2) says: inode, size, modification and change
/// time. Nobody can change a file and leave all of these as they were, except
/// within the grain of the file system's clock: so a file that was touched less
/// than kSettled before it was read is not remembered (git calls these racy).
///
/// One file on disk, which anybody may delete: see docs/formats.md. Not for two
/// threads at once; of two processes the one that saves last wins.
class StatCache {
 public:
  static constexpr std::chrono::seconds kSettled{2};
  /// How long a file that nobody asked for stays in the cache.
  static constexpr std::chrono::days kKept{14};

  /// Empty if there is no such file, or it is damaged, cut or of another format.
  explicit StatCache(std::filesystem::path file);

  /// `path` is absolute.
  std::optional<Sha256Digest> find(std::string_view path, const struct stat& file);

  /// `file` is what fstat(2) said before the content was read, `read_at` the
  /// clock before that.
  void add(std::string_view path, const struct stat& file,
           std::chrono::sys_time<std::chrono::nanoseconds> read_at, const Sha256Digest& digest);

  /// Writes what changed, if anything did; visible whole or not at all. Not
  /// durable: a crash costs the cache at most. Throws Error.
  void save();

 private:
  struct Entry {
    std::uint64_t path;  ///< first bytes of its SHA-256
    std::uint64_t inode;
    std::int64_t size;
    std::int64_t modified_ns;
    std::int64_t changed_ns;
    std::uint64_t used_day;  ///< days since 1970, of the last find() or add()
    Sha256Digest digest;
  };

  static Entry entry_of(std::string_view path, const struct stat& file);
  void load();
  Entry* saved(std::uint64_t path);

  std::filesystem::path file_;
  std::uint64_t today_;
  std::vector<Entry> entries_;                      ///< by path
  std::unordered_map<std::uint64_t, Entry> added_;  ///< by path; they replace those above
  bool changed_ = false;
};

}  // namespace cooper::source
