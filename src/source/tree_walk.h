#pragma once
// Walks the part of a folder that patterns select.

#include "base/fd.h"
#include "source/ignore.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

namespace cooper::source {

/// Which entries of a folder are meant.
struct TreeFilter {
  IgnoreRules exclude;
  /// Only what these rules match, themselves or by a folder above; nullopt: everything.
  std::optional<IgnoreRules> include;
  /// Relative paths that `exclude` does not exclude, with all beneath them. `./a//b`
  /// means `a/b`; a path that leads out (`../x`, absolute) is ignored.
  std::vector<std::string> always;
};

/// One entry, valid during the call that gets it.
struct TreeEntry {
  std::string_view path;    ///< relative, `/`-separated, any bytes but NUL
  int folder;               ///< open, the folder that holds it; -1 for a folder entry
  const char* name;         ///< in that folder
  const struct stat& info;  ///< as lstat(2) tells it: a folder, file or symbolic link
};

/// Where a symbolic link leads, as it is written there; nullopt if it is none any more.
std::optional<std::string> link_target(const TreeEntry& link);

/// Why a selected entry is no part of the tree.
enum class LeftOut : std::uint8_t {
  socket,
  fifo,
  device,
  changed,  ///< it vanished or became something else after it was listed
};

/// "was left out: it is a socket".
std::string_view text_of(LeftOut why);

/// What a walk meets.
class TreeVisitor {
 public:
  virtual ~TreeVisitor() = default;
  /// Folders before what they hold, an entry's subtree before its next sibling,
  /// siblings by the bytes of their names. A folder that the filter does not
  /// select comes just before the first entry in it that is selected.
  virtual void entry(const TreeEntry& entry) = 0;
  virtual void left_out(std::string_view path, LeftOut why) = 0;
};

/// Opens no file and follows no link; keeps one descriptor and one list of names
/// for each folder on the way. Throws Error: naming the folder that can't be read;
/// not_found or invalid if `root` is no folder; canceled on a stop request; what
/// the visitor throws.
void walk_tree(const std::filesystem::path& root, const TreeFilter& filter, TreeVisitor& visitor,
               std::stop_token stop = {});

}  // namespace cooper::source
