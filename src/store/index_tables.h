#pragma once
// The tables of the index of builds, and the statements on them.

#include "store/build_folder.h"
#include "store/sqlite.h"
#include "store/store.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cooper::store {

/// A folder of records as the index has it.
struct IndexedFolder {
  std::int64_t key = 0;  ///< 0: not in the index yet
  AppName app;
  Stamp stamp;
};

/// A row of a result: which record to read, and where it stands in the order.
struct IndexRow {
  AppName app;
  BuildId id;
  Time started;
  Status status;
  std::int64_t folder;
};

/// All calls may throw sqlite::Failure; what a database says is checked as
/// anybody's bytes are.
class IndexTables {
 public:
  /// Makes the tables in an empty database. Failure{corrupt} if it has others.
  explicit IndexTables(sqlite::Database database);
  IndexTables(const IndexTables&) = delete;
  IndexTables& operator=(const IndexTables&) = delete;

  sqlite::Database& database() { return database_; }

  /// The stamp of the folder of all folders, when its names were last read.
  Stamp all_builds();
  void set_all_builds(const Stamp& stamp);

  std::optional<IndexedFolder> folder(const AppName& app);
  std::vector<IndexedFolder> folders();
  /// Of one folder, by id.
  std::vector<RecordFacts> records(const IndexedFolder& folder);
  /// Makes the rows of a folder those of `facts`; `known` is what they are now.
  void write(const IndexedFolder& folder, std::span<const RecordFacts> known,
             const FolderFacts& facts);
  void remove(const IndexedFolder& folder);

  /// Around the writing of very many rows: what speeds up queries is made afterwards.
  void begin_bulk();
  void end_bulk();

  struct Unreadable {
    IndexedFolder folder;
    RecordFacts record;
  };
  /// Records that can't be read, of one app or all.
  std::vector<Unreadable> unreadable(const std::optional<AppName>& app);

  /// At most `count` rows, newest first, those after `last` if given.
  std::vector<IndexRow> find(const BuildQuery& query, const IndexRow* last, std::size_t count);
  std::vector<AppBuilds> count();
  std::vector<BuildTally> tally();

 private:
  void put_folder(std::string_view app, const Stamp& stamp, const AppBuilds& builds);
  void put_record(std::int64_t folder, const RecordFacts& record);
  void remove_record(std::int64_t folder, const RecordFacts& record);

  /// Prepared once, when first needed: thousands of folders go through each.
  class Prepared {
   public:
    Prepared(sqlite::Database& database, const char* sql) : database_(&database), sql_(sql) {}
    sqlite::Statement& operator*();

   private:
    sqlite::Database* database_;
    const char* sql_;
    std::optional<sqlite::Statement> statement_;
  };

  sqlite::Database database_;
  Prepared put_folder_, put_record_, put_unreadable_, remove_record_, remove_unreadable_,
      records_of_, unreadable_of_, folder_of_;
};

}  // namespace cooper::store
