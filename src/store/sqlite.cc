#include "store/sqlite.h"

#include <sqlite3.h>

namespace cooper::store::sqlite {

namespace {

constexpr int kBusyMilliseconds = 60'000;  // a rebuild by another process may take half of it

[[noreturn]] void fail(int code, sqlite3* handle) {
  const int primary = code & 0xFF;
  const bool damaged = primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB ||
                       primary == SQLITE_ERROR || primary == SQLITE_SCHEMA ||
                       primary == SQLITE_MISMATCH || primary == SQLITE_CONSTRAINT;
  throw Failure(damaged ? Errc::corrupt : Errc::unavailable,
                std::string("the index of builds: ") +
                    (handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code)));
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }

Database::Database(const char* name, int flags) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      name, &handle, flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
      nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail(code, handle);
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  // Whoever ends is not to wait for the disk: the log is bounded by its size alone.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // The file may be another's writing: its schema shall call nothing of ours.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
}

Database Database::open(const std::filesystem::path& path) {
  return Database(path.c_str(), SQLITE_OPEN_NOFOLLOW);
}

Database Database::in_memory() { return Database(":memory:", 0); }

void Database::run(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, handle_.get());
}

void Database::run_at_once(const std::string& sql) {
  sqlite3_busy_timeout(handle_.get(), 0);
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  sqlite3_busy_timeout(handle_.get(), kBusyMilliseconds);
  if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY && (code & 0xFF) != SQLITE_LOCKED) {
    fail(code, handle_.get());
  }
}

std::int64_t Database::number(const std::string& sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.number(0) : 0;
}

std::string Database::text(const std::string& sql) {
  Statement statement(*this, sql);
  return statement.step() ? std::string(statement.text(0)) : std::string();
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Statement::Statement(Database& database, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database.handle_.get(), sql.data(),
                                      static_cast<int>(sql.size()), &statement, nullptr);
  statement_.reset(statement);
  if (code != SQLITE_OK) fail(code, database.handle_.get());
}

void Statement::begin() {
  if (!stepped_) return;
  sqlite3_reset(statement_.get());
  stepped_ = false;
  bound_ = 0;
}

Statement& Statement::bind(std::int64_t value) {
  begin();
  const int code = sqlite3_bind_int64(statement_.get(), ++bound_, value);
  if (code != SQLITE_OK) fail(code, sqlite3_db_handle(statement_.get()));
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  begin();
  const int code = sqlite3_bind_text(statement_.get(), ++bound_, text.data(),
                                     static_cast<int>(text.size()), SQLITE_STATIC);
  if (code != SQLITE_OK) fail(code, sqlite3_db_handle(statement_.get()));
  return *this;
}

bool Statement::step() {
  stepped_ = true;
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(code, sqlite3_db_handle(statement_.get()));
  sqlite3_reset(statement_.get());  // holds no lock from here on
  return false;
}

void Statement::run() { step(); }

std::int64_t Statement::number(int column) const noexcept {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const noexcept {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  if (!text) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const Failure&) {  // adapter: SQLite has undone it already
  }
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace cooper::store::sqlite
