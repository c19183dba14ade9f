#pragma once
// The names in one folder.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::source {

/// A folder's entries by the bytes of their names. One buffer for all names: a
/// folder may hold a million of them.
class FolderListing {
 public:
  struct Entry {
    std::uint32_t begin;
    std::uint16_t length;
    unsigned char type;  ///< DT_*
  };

  /// `folder` is borrowed; `shown` names it in the Error that this throws if it
  /// can't be read.
  FolderListing(int folder, const std::string& shown);

  const std::vector<Entry>& entries() const { return entries_; }
  /// NUL-terminated.
  std::string_view name(const Entry& entry) const {
    return std::string_view(names_).substr(entry.begin, entry.length);
  }

 private:
  std::string names_;
  std::vector<Entry> entries_;
};

/// After a call that opens or reads an entry of a listing failed with this errno:
/// what lies there now is not what was listed, it was removed or replaced.
bool is_gone(int error_number) noexcept;

}  // namespace cooper::source
