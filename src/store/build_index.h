#pragma once
// Finds builds among any number of records.

#include "base/fd.h"
#include "store/index_file.h"
#include "store/index_tables.h"
#include "store/layout.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cooper::store {

/// An SQLite database, `cache/builds.sqlite`, with what queries ask for, one row
/// a record. The index finds, the files tell: it says which records to read, and
/// is never believed beyond that. Opening it brings it up to date: folders whose
/// inode or ctime is another than when they were read are read again, and of
/// their records those alone that have changed. So records that others add,
/// replace (rename into place) or remove are noticed at the next query. A record
/// that is rewritten in place changes no folder: it is noticed when it is a row of
/// a result, when it was unreadable, or when its folder changes otherwise.
///
/// The database may be deleted or damaged at any time: then it is made anew. Where
/// it can't be used (read-only, another user's, disk full) one in memory takes its
/// place for this one query. Several processes may use it at once. Not for use by
/// two threads at once: each opens its own.
class BuildIndex {
 public:
  /// Brings the rows of one app, or of all, up to date. `all_builds` is the open
  /// folder `data/builds`; it and `layout` must outlive the index. Throws Error.
  BuildIndex(const Layout& layout, const Fd& all_builds, std::optional<AppName> app);

  /// At most `count` rows of the query, newest first, those after `last` if given.
  std::vector<IndexRow> find(const BuildQuery& query, const IndexRow* last, std::size_t count);
  /// The app's records are other than the index says: reads those that have changed.
  void reread(const AppName& app);
  std::vector<AppBuilds> count();
  std::vector<BuildTally> tally();
  /// Records and folders that can't be read, one line each.
  std::vector<std::string> warnings();

 private:
  /// What has changed since the index was brought up to date.
  struct Changes {
    std::optional<Stamp> all_builds;   ///< of the folder of folders
    std::vector<IndexedFolder> stale;  ///< to be read again
    std::vector<IndexedFolder> gone;
    bool none() const { return !all_builds && stale.empty() && gone.empty(); }
  };

  /// Opens the database that `place_` tells, or, if it fails, the next one.
  void open();
  /// The database has failed: opens the next one, or throws.
  void give_up(const sqlite::Failure& failure);
  /// Calls `action`; when the database fails, again with the next one.
  template <class Action>
  auto robustly(Action action) -> decltype(action());

  void bring_up_to_date();
  void refresh();
  Changes find_changes();
  void compare_all(std::span<const IndexedFolder> folders, Changes& changes) const;
  void compare(const IndexedFolder& folder, Changes& changes) const;
  void find_new_folders(const std::vector<IndexedFolder>& known, Changes& changes);
  void find_mended_records(Changes& changes);
  void apply(const Changes& changes);
  void read_folders(const std::vector<IndexedFolder>& folders);

  const Layout& layout_;
  const Fd& all_builds_;
  const std::optional<AppName> app_;
  enum class Place { file, new_file, memory } place_ = Place::file;
  std::optional<IndexFile> file_;
  std::optional<IndexTables> tables_;
  std::vector<std::string> folder_warnings_;
};

}  // namespace cooper::store
