#pragma once
// What a folder of build records holds, read with as few reads as possible.

#include "base/fd.h"
#include "model/build.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::store {

/// Tells whether a file or folder is as it was. `changed` is the inode's ctime,
/// which nobody can set back: a restored backup or a rewrite that keeps the mtime
/// shows.
struct Stamp {
  std::uint64_t inode = 0;
  std::int64_t size = 0;     ///< of a file; 0 for a folder
  std::int64_t changed = 0;  ///< ns; 0: seen too soon after a change to be trusted

  bool trusted() const { return changed != 0; }
  bool operator==(const Stamp&) const = default;
};

enum class StampOf { nothing, file, folder, other };

struct Stamped {
  StampOf what = StampOf::nothing;
  Stamp stamp;
};

/// The stamp of `name` in the open folder, which is not followed if it is a link.
/// Throws Error.
Stamped stamp_of(const Fd& folder, const std::string& name);
/// Of an open folder itself.
Stamp stamp_of(const Fd& folder);

/// What the index knows of one record.
struct RecordFacts {
  BuildId id;
  Stamp stamp;
  Time started{};
  Status status = Status::running;
  Kind kind = Kind::build;
  std::string source;
  std::string warning;  ///< not empty: it can't be read, and this is why

  bool operator==(const RecordFacts&) const = default;
};

struct FolderFacts {
  Stamp stamp;
  std::vector<RecordFacts> records;  ///< by id
  std::size_t leftovers = 0;         ///< temporary files, and logs and steps without a record
};

/// The app's folder in the open folder of all apps' builds. Records that `known`
/// (by id) has with the same stamp are not read again. Empty if there is no such
/// folder. Throws Error.
FolderFacts read_build_folder(const Fd& all_builds, const AppName& app,
                              const std::vector<RecordFacts>& known);

/// The name of a file that is being written: by us, or by Dokku's own plugin.
bool is_temporary(std::string_view name);

/// Of what follows a build's id in a file's name: is it a log, steps or a statement, which
/// nobody needs without the record?
bool is_beside_record(std::string_view suffix);

/// One line that says that a record can't be read.
std::string unreadable_record(const AppName& app, const BuildId& id, const Error& error);

inline constexpr std::size_t kMaxRecordBytes = std::size_t{4} << 20;

}  // namespace cooper::store
