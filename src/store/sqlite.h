#pragma once
// The little of SQLite that the index needs, with its failures as Error.

#include "base/error.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace cooper::store::sqlite {

/// A database that can't be used. Error{corrupt}: it is no database, damaged, or
/// of another shape, and a new one would do; Error{unavailable}: this one can't
/// be read or written now (disk full, no permission, locked for too long).
class Failure : public Error {
 public:
  using Error::Error;
};

/// One connection. Not for use by two threads at once.
class Database {
 public:
  /// Makes the file if there is none; follows no symbolic link. Waits up to a
  /// minute for other processes' locks. Throws Failure.
  static Database open(const std::filesystem::path& path);
  static Database in_memory();

  /// Runs statements without results. Throws Failure.
  void run(const std::string& sql);
  /// The same, but waits for nobody's lock: then it may be left undone.
  void run_at_once(const std::string& sql);
  /// The first column of the first row, a number; 0 without rows. Throws Failure.
  std::int64_t number(const std::string& sql);
  /// The same, a text; empty without rows.
  std::string text(const std::string& sql);

 private:
  friend class Statement;
  struct Close {
    void operator()(sqlite3* handle) const noexcept;
  };
  explicit Database(const char* name, int flags);
  std::unique_ptr<sqlite3, Close> handle_;
};

/// A prepared statement. Parameters are bound in their order; the first bind
/// after a step begins anew.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);  ///< Throws Failure.

  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);  ///< `text` must outlive the steps
  /// True: there is a row; its columns are valid until the next step. Throws Failure.
  bool step();
  /// For a statement without rows: one step.
  void run();

  std::int64_t number(int column) const noexcept;
  std::string_view text(int column) const noexcept;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  void begin();
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
  bool stepped_ = false;
};

/// A transaction that may write, from its first moment; undone unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {
    database_.run("BEGIN IMMEDIATE");
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();  ///< Throws Failure.

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace cooper::store::sqlite
