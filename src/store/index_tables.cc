#include "store/index_tables.h"

#include <algorithm>
#include <iterator>

namespace cooper::store {

namespace {

constexpr std::int64_t kVersion = 2;

// The folder without a name is that of all folders. Statuses and kinds are their
// enumerators' numbers, times nanoseconds.
constexpr const char* kTables = R"(
CREATE TABLE folder (key INTEGER PRIMARY KEY, app TEXT NOT NULL UNIQUE,
  inode INTEGER NOT NULL, changed INTEGER NOT NULL, newest TEXT NOT NULL, live INTEGER NOT NULL,
  finished INTEGER NOT NULL, unreadable INTEGER NOT NULL, leftovers INTEGER NOT NULL);
CREATE TABLE record (folder INTEGER NOT NULL, started INTEGER NOT NULL, id TEXT NOT NULL,
  status INTEGER NOT NULL, kind INTEGER NOT NULL, source TEXT NOT NULL, inode INTEGER NOT NULL,
  size INTEGER NOT NULL, changed INTEGER NOT NULL,
  PRIMARY KEY (folder, started, id)) WITHOUT ROWID;
CREATE TABLE unreadable (folder INTEGER NOT NULL, id TEXT NOT NULL, inode INTEGER NOT NULL,
  size INTEGER NOT NULL, changed INTEGER NOT NULL, warning TEXT NOT NULL,
  PRIMARY KEY (folder, id)) WITHOUT ROWID;
)";

// by_start has all that a query may ask for; by_status leaves out what most builds
// are. 2 is Status::succeeded.
constexpr const char* kMakeIndices = R"(
CREATE INDEX by_start ON record (started, id, status, kind, source);
CREATE INDEX by_status ON record (status, started, id) WHERE status <> 2;
CREATE INDEX by_id ON record (id);
)";
static_assert(static_cast<int>(Status::succeeded) == 2);
constexpr const char* kDropIndices = "DROP INDEX by_start; DROP INDEX by_status; DROP INDEX by_id";

[[noreturn]] void unexpected() {
  throw sqlite::Failure(Errc::corrupt, "the index of builds holds what cooper never writes");
}

template <class Name>
Name checked(std::string_view text) {
  auto name = Name::parse(text);
  if (!name) unexpected();
  return std::move(*name);
}

/// The enumerator of that number, which must not be beyond `last`.
template <class Enum>
Enum checked(std::int64_t number, Enum last) {
  if (number < 0 || number > static_cast<std::int64_t>(last)) unexpected();
  return static_cast<Enum>(number);
}

Time time_of(std::int64_t ns) { return Time(std::chrono::nanoseconds{ns}); }
std::int64_t number_of(Time time) { return time.time_since_epoch().count(); }

/// Columns inode, size and changed, from `first` on.
Stamp stamp_in(const sqlite::Statement& row, int first) {
  return {.inode = static_cast<std::uint64_t>(row.number(first)),
          .size = row.number(first + 1),
          .changed = row.number(first + 2)};
}

/// Columns key, app, inode and changed.
IndexedFolder folder_in(const sqlite::Statement& row) {
  return {.key = row.number(0),
          .app = checked<AppName>(row.text(1)),
          .stamp = {.inode = static_cast<std::uint64_t>(row.number(2)), .changed = row.number(3)}};
}

AppBuilds summary_of(const AppName& app, const FolderFacts& facts) {
  AppBuilds builds{.app = app, .leftovers = facts.leftovers};
  const RecordFacts* newest = nullptr;
  for (const RecordFacts& record : facts.records) {
    if (!record.warning.empty()) {
      ++builds.unreadable;
      continue;
    }
    ++(is_terminal(record.status) ? builds.finished : builds.live);
    if (!newest || record.started >= newest->started) newest = &record;  // they come by id
  }
  if (newest) builds.newest = newest->id;
  return builds;
}

}  // namespace

sqlite::Statement& IndexTables::Prepared::operator*() {
  if (!statement_) statement_.emplace(*database_, sql_);
  return *statement_;
}

IndexTables::IndexTables(sqlite::Database database)
    : database_(std::move(database)),
      put_folder_(database_,
                  "INSERT INTO folder (app, inode, changed, newest, live, finished, unreadable, "
                  "leftovers) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (app) DO UPDATE SET "
                  "inode = excluded.inode, changed = excluded.changed, newest = excluded.newest, "
                  "live = excluded.live, finished = excluded.finished, "
                  "unreadable = excluded.unreadable, leftovers = excluded.leftovers"),
      put_record_(database_, "REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      put_unreadable_(database_, "REPLACE INTO unreadable VALUES (?, ?, ?, ?, ?, ?)"),
      remove_record_(database_, "DELETE FROM record WHERE folder = ? AND started = ? AND id = ?"),
      remove_unreadable_(database_, "DELETE FROM unreadable WHERE folder = ? AND id = ?"),
      records_of_(database_,
                  "SELECT inode, size, changed, id, started, status, kind, source FROM record "
                  "NOT INDEXED WHERE folder = ?"),
      unreadable_of_(database_,
                     "SELECT inode, size, changed, id, warning FROM unreadable WHERE folder = ?"),
      folder_of_(database_, "SELECT key, app, inode, changed FROM folder WHERE app = ?") {
  const auto version = [&] { return database_.number("PRAGMA user_version"); };
  if (version() == kVersion) return;
  sqlite::Transaction transaction(database_);
  if (version() == kVersion) return;  // another process was quicker
  if (database_.number("SELECT count(*) FROM sqlite_schema") != 0) {
    throw sqlite::Failure(Errc::corrupt, "the index of builds is another version's");
  }
  database_.run(kTables);
  database_.run(kMakeIndices);
  database_.run("PRAGMA user_version = " + std::to_string(kVersion));
  transaction.commit();
}

Stamp IndexTables::all_builds() {
  sqlite::Statement& row = (*folder_of_).bind("");
  Stamp stamp;
  if (row.step()) {
    stamp = {.inode = static_cast<std::uint64_t>(row.number(2)), .changed = row.number(3)};
    row.step();
  }
  return stamp;
}

void IndexTables::set_all_builds(const Stamp& stamp) {
  put_folder("", stamp, {.app = checked<AppName>("all")});
}

std::optional<IndexedFolder> IndexTables::folder(const AppName& app) {
  sqlite::Statement& row = (*folder_of_).bind(app.str());
  if (!row.step()) return std::nullopt;
  IndexedFolder folder = folder_in(row);
  row.step();
  return folder;
}

std::vector<IndexedFolder> IndexTables::folders() {
  std::vector<IndexedFolder> folders;
  sqlite::Statement row(database_, "SELECT key, app, inode, changed FROM folder WHERE app <> ''");
  while (row.step()) folders.push_back(folder_in(row));
  return folders;
}

std::vector<RecordFacts> IndexTables::records(const IndexedFolder& folder) {
  std::vector<RecordFacts> records;
  sqlite::Statement& row = (*records_of_).bind(folder.key);
  while (row.step()) {
    records.push_back({.id = checked<BuildId>(row.text(3)),
                       .stamp = stamp_in(row, 0),
                       .started = time_of(row.number(4)),
                       .status = checked(row.number(5), Status::canceled),
                       .kind = checked(row.number(6), Kind::deploy),
                       .source = std::string(row.text(7))});
  }
  sqlite::Statement& bad = (*unreadable_of_).bind(folder.key);
  while (bad.step()) {
    records.push_back({.id = checked<BuildId>(bad.text(3)),
                       .stamp = stamp_in(bad, 0),
                       .warning = std::string(bad.text(4))});
  }
  std::ranges::sort(records, {}, &RecordFacts::id);
  return records;
}

void IndexTables::put_folder(std::string_view app, const Stamp& stamp, const AppBuilds& builds) {
  const std::string newest = builds.newest ? builds.newest->str() : "";
  const auto number = [](std::size_t size) { return static_cast<std::int64_t>(size); };
  (*put_folder_)
      .bind(app)
      .bind(static_cast<std::int64_t>(stamp.inode))
      .bind(stamp.changed)
      .bind(newest)
      .bind(number(builds.live))
      .bind(number(builds.finished))
      .bind(number(builds.unreadable))
      .bind(number(builds.leftovers))
      .run();
}

void IndexTables::put_record(std::int64_t folder, const RecordFacts& record) {
  const auto inode = static_cast<std::int64_t>(record.stamp.inode);
  if (!record.warning.empty()) {
    (*put_unreadable_)
        .bind(folder)
        .bind(record.id.str())
        .bind(inode)
        .bind(record.stamp.size)
        .bind(record.stamp.changed)
        .bind(record.warning)
        .run();
    return;
  }
  (*put_record_)
      .bind(folder)
      .bind(number_of(record.started))
      .bind(record.id.str())
      .bind(static_cast<std::int64_t>(record.status))
      .bind(static_cast<std::int64_t>(record.kind))
      .bind(record.source)
      .bind(inode)
      .bind(record.stamp.size)
      .bind(record.stamp.changed)
      .run();
}

void IndexTables::remove_record(std::int64_t folder, const RecordFacts& record) {
  if (!record.warning.empty()) {
    (*remove_unreadable_).bind(folder).bind(record.id.str()).run();
  } else {
    (*remove_record_).bind(folder).bind(number_of(record.started)).bind(record.id.str()).run();
  }
}

void IndexTables::write(const IndexedFolder& folder, std::span<const RecordFacts> known,
                        const FolderFacts& facts) {
  put_folder(folder.app.str(), facts.stamp, summary_of(folder.app, facts));
  std::int64_t key = folder.key;
  if (key == 0) {
    const auto made = this->folder(folder.app);
    if (!made) unexpected();
    key = made->key;
  }
  // Both are sorted by id.
  auto old = known.begin();
  for (const RecordFacts& record : facts.records) {
    for (; old != known.end() && old->id < record.id; ++old) remove_record(key, *old);
    const bool is_known = old != known.end() && old->id == record.id;
    if (!is_known || *old != record) {
      if (is_known) remove_record(key, *old);
      put_record(key, record);
    }
    if (is_known) ++old;
  }
  for (; old != known.end(); ++old) remove_record(key, *old);
}

void IndexTables::remove(const IndexedFolder& folder) {
  for (const char* table :
       {"record WHERE folder = ", "unreadable WHERE folder = ", "folder WHERE key = "}) {
    database_.run(std::string("DELETE FROM ") + table + std::to_string(folder.key));
  }
}

void IndexTables::begin_bulk() { database_.run(kDropIndices); }
void IndexTables::end_bulk() { database_.run(kMakeIndices); }

std::vector<IndexTables::Unreadable> IndexTables::unreadable(const std::optional<AppName>& app) {
  std::vector<Unreadable> all;
  sqlite::Statement row(
      database_,
      std::string("SELECT f.key, f.app, f.inode, f.changed, u.inode, u.size, u.changed, "
                  "u.id, u.warning FROM unreadable u JOIN folder f ON f.key = u.folder") +
          (app ? " WHERE f.app = ?" : "") + " ORDER BY f.app, u.id");
  if (app) row.bind(app->str());
  while (row.step()) {
    all.push_back({.folder = folder_in(row),
                   .record = {.id = checked<BuildId>(row.text(7)),
                              .stamp = stamp_in(row, 4),
                              .warning = std::string(row.text(8))}});
  }
  return all;
}

namespace {

/// The WHERE clause and the index that serves it. All that is not a number is a
/// parameter, to be bound in this order: id, source, before's id, last's id.
std::string rows_sql(const BuildQuery& query, std::optional<std::int64_t> folder,
                     const IndexRow* last) {
  std::string where = " WHERE 1";
  const auto add = [&](const std::string& condition) { where += " AND " + condition; };
  bool leaves_out_successes = !query.statuses.empty();
  std::string statuses;
  for (const Status status : query.statuses) {
    leaves_out_successes &= status != Status::succeeded;
    statuses += (statuses.empty() ? "" : ", ") + std::to_string(static_cast<int>(status));
  }
  if (query.id) add("id = ?");
  if (!query.source.empty()) add("source = ?");
  if (folder) add("r.folder = " + std::to_string(*folder));
  if (!statuses.empty()) add("status IN (" + statuses + ")");
  if (query.kind) add("kind = " + std::to_string(static_cast<int>(*query.kind)));
  if (query.since) add("started >= " + std::to_string(number_of(*query.since)));
  if (query.until) add("started < " + std::to_string(number_of(*query.until)));
  if (query.before) {
    add("(started, id) < (" + std::to_string(number_of(query.before->started)) + ", ?)");
  }
  if (last) {
    add("(started, id, r.folder) < (" + std::to_string(number_of(last->started)) + ", ?, " +
        std::to_string(last->folder) + ")");
  }
  std::string index = " INDEXED BY by_start";
  if (folder) {
    index = " NOT INDEXED";  // the table itself is in this order
  } else if (query.id) {
    index = " INDEXED BY by_id";
  } else if (leaves_out_successes) {
    index = " INDEXED BY by_status";
    add("status <> 2");
  }
  return "SELECT (SELECT app FROM folder WHERE key = r.folder), id, started, status, r.folder "
         "FROM record r" +
         index + where + " ORDER BY started DESC, id DESC, r.folder DESC LIMIT ";
}

}  // namespace

std::vector<IndexRow> IndexTables::find(const BuildQuery& query, const IndexRow* last,
                                        std::size_t count) {
  std::optional<std::int64_t> key;
  if (query.app) {
    const auto of_app = folder(*query.app);
    if (!of_app) return {};
    key = of_app->key;
  }
  sqlite::Statement row(database_, rows_sql(query, key, last) + std::to_string(count));
  if (query.id) row.bind(query.id->str());
  if (!query.source.empty()) row.bind(query.source);
  if (query.before) row.bind(query.before->id.str());
  if (last) row.bind(last->id.str());
  std::vector<IndexRow> rows;
  while (row.step()) {
    rows.push_back({.app = checked<AppName>(row.text(0)),
                    .id = checked<BuildId>(row.text(1)),
                    .started = time_of(row.number(2)),
                    .status = checked(row.number(3), Status::canceled),
                    .folder = row.number(4)});
  }
  return rows;
}

std::vector<BuildTally> IndexTables::tally() {
  std::vector<BuildTally> tallies;
  sqlite::Statement row(database_,
                        "SELECT kind, status, count(*) FROM record GROUP BY kind, status");
  while (row.step()) {
    tallies.push_back({.kind = checked(row.number(0), Kind::deploy),
                       .status = checked(row.number(1), Status::canceled),
                       .builds = static_cast<std::size_t>(row.number(2))});
  }
  return tallies;
}

std::vector<AppBuilds> IndexTables::count() {
  std::vector<AppBuilds> apps;
  sqlite::Statement row(database_,
                        "SELECT app, newest, live, finished, unreadable, leftovers FROM folder "
                        "WHERE app <> '' ORDER BY app");
  const auto size = [&](int column) { return static_cast<std::size_t>(row.number(column)); };
  while (row.step()) {
    AppBuilds builds{.app = checked<AppName>(row.text(0)),
                     .live = size(2),
                     .finished = size(3),
                     .unreadable = size(4),
                     .leftovers = size(5)};
    if (!row.text(1).empty()) builds.newest = checked<BuildId>(row.text(1));
    apps.push_back(std::move(builds));
  }
  return apps;
}

}  // namespace cooper::store
