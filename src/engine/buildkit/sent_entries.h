#pragma once
// What a file sync has listed so far: from a number to a path.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine::buildkit {

/// The entries that were sent, by their numbers. Names only, each with its
/// folder's number: paths of a million files would not fit the memory that a
/// client may take.
class SentEntries {
 public:
  enum class Kind : std::uint8_t {
    folder,
    file,   ///< may be asked for
    other,  ///< never asked for: links
  };

  /// In the order of the walk: after the folder that holds it. Throws
  /// Error{invalid} beyond 2^32 entries or 4 GiB of names.
  std::uint32_t add(std::string_view path, Kind kind, std::int64_t size, std::int64_t mod_time);

  std::uint32_t count() const { return static_cast<std::uint32_t>(entries_.size()); }
  std::string path(std::uint32_t id) const;
  std::int64_t size(std::uint32_t id) const { return entries_[id].size; }
  std::int64_t mod_time(std::uint32_t id) const { return entries_[id].mod_time; }

  /// False unless it is a file that nobody asked for yet.
  bool take(std::uint32_t id);

 private:
  static constexpr std::uint32_t kRoot = UINT32_MAX;

  struct Entry {
    std::int64_t size;
    std::int64_t mod_time;
    std::uint32_t folder;
    std::uint32_t name;  ///< where it begins in names_
  };

  std::vector<Entry> entries_;
  std::vector<bool> askable_;
  std::string names_;                   ///< each ended with NUL
  std::vector<std::uint32_t> folders_;  ///< on the way to the entry that was added last
};

}  // namespace cooper::engine::buildkit
