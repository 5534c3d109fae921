// Transactions over a relational database, the same for SQLite and for what comes after it. A Database is one connection, used by
// one thread at a time; a Transaction commits when told to and rolls back otherwise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace airtight::storage {

// What can be bound to a statement. Text and blobs are borrowed for the call of execute() or query() alone.
using Value = std::variant<std::monostate, std::int64_t, std::string_view, ByteView>;

class Row {
 public:
  virtual ~Row() = default;
  // Column `index`, from 0. The types are the schema's; a wrong one is a bug and throws std::logic_error.
  [[nodiscard]] virtual std::int64_t integer(int index) const = 0;
  [[nodiscard]] virtual std::string text(int index) const = 0;
  [[nodiscard]] virtual Bytes blob(int index) const = 0;
  [[nodiscard]] virtual bool is_null(int index) const = 0;
};

// A prepared statement's run: rows one by one. It ends with its destructor and must not outlive its database; several may be open
// at once, on the same statement too.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // The next row, valid until the next call; null at the end.
  [[nodiscard]] virtual Result<const Row*> next() = 0;
};

// What a transaction does. To write it takes the write lock at once; to read it is one consistent snapshot.
enum class Access : std::uint8_t {
  kRead,
  kWrite,       // durable when commit() returns
  kWriteEarly,  // for what promises nothing yet: a power cut, though no crash of the program, may undo the last of these. It never leaves
                // a part of one, nor one without those before it, and the next durable commit makes them durable.
};

class Database {
 public:
  virtual ~Database() = default;

  // Every call fails with
  //   Fault::kRefused      when a UNIQUE or PRIMARY KEY rule of the schema would be broken, and for nothing else;
  //   Fault::kStorage      when the disk is full or fails, and for all that follows in a transaction that such a fault has undone;
  //   Fault::kUnavailable  when another connection holds the lock too long;
  //   Fault::kInternal     for the rest: other constraints, SQL that does not fit the schema, a damaged database.
  // Misuse is a bug and throws std::logic_error: values that do not match the statement's parameters, two statements in one text,
  // rows from execute(), writing in a transaction begun for reading, begin() in a transaction, commit() outside of one.

  // Runs one statement that gives no rows; the number of rows changed. The text is the key under which it stays prepared: SQL is a
  // constant of the program, what varies is bound.
  [[nodiscard]] virtual Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Value> values = {}) = 0;

  // Starts one query.
  [[nodiscard]] virtual Result<std::unique_ptr<Cursor>> query(std::string_view sql, std::initializer_list<Value> values = {}) = 0;

  // Runs any number of statements without parameters, as a migration has them; rows are dropped.
  [[nodiscard]] virtual Result<> execute_script(std::string_view sql) = 0;

  // The rowid of the last insert of this connection.
  [[nodiscard]] virtual std::int64_t last_insert_id() const = 0;

  // What Transaction is made of. A failed commit has rolled back.
  [[nodiscard]] virtual Result<> begin(Access access) = 0;
  [[nodiscard]] virtual Result<> commit() = 0;
  virtual void roll_back() noexcept = 0;
};

// The first row of a query as `read(const Row&)` returns it; nothing if there is none.
template <typename Read>
[[nodiscard]] auto query_one(Database& database, std::string_view sql, std::initializer_list<Value> values, Read&& read)
    -> Result<std::optional<std::invoke_result_t<Read, const Row&>>> {
  const std::unique_ptr<Cursor> cursor = TRY(database.query(sql, values));
  const Row* const row = TRY(cursor->next());
  if (row == nullptr) return std::nullopt;
  return std::forward<Read>(read)(*row);
}

// All rows of a query as `read(const Row&)` returns them.
template <typename Read>
[[nodiscard]] auto query_all(Database& database, std::string_view sql, std::initializer_list<Value> values, Read&& read)
    -> Result<std::vector<std::invoke_result_t<Read, const Row&>>> {
  const std::unique_ptr<Cursor> cursor = TRY(database.query(sql, values));
  std::vector<std::invoke_result_t<Read, const Row&>> rows;
  while (const Row* const row = TRY(cursor->next())) rows.push_back(read(*row));
  return rows;
}

// RAII: rolls back unless commit() succeeded.
class Transaction {
 public:
  [[nodiscard]] static Result<Transaction> begin(Database& database, Access access);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  [[nodiscard]] Result<> commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}
  Database* database_;
};

struct SqliteOptions {
  bool exclusive = false;  // one owner process at a time: a second open fails with Fault::kUnavailable within a tenth of a second
  bool create = false;     // make the file (0600) if it is not there
  int busy_timeout_ms = 5000;
  std::string vfs = {};  // SQLite's file layer by name; empty for the system's. Fault tests name theirs (tests/faults/faulty_vfs.h)
};

// Opens an SQLite database with WAL journal, synchronous=FULL (a commit survives a power cut), foreign keys on, secure_delete on.
// What SQLite puts beside the file gets its mode. Besides the faults above: Fault::kNotFound if there is no such file and `create`
// is false, Fault::kRefused if others than its owner can read or write it.
[[nodiscard]] Result<std::unique_ptr<Database>> open_sqlite(const std::filesystem::path& file, const SqliteOptions& options);

// A database in memory, for tests.
[[nodiscard]] Result<std::unique_ptr<Database>> open_sqlite_in_memory();

// A copy of an SQLite database, made page by page while the database is used between the steps. It ends with its destructor and must not
// outlive the database.
class OnlineCopy {
 public:
  virtual ~OnlineCopy() = default;
  // Copies about `pages` pages more. True when the copy is whole: the database as it is at that moment. Faults as Database's.
  [[nodiscard]] virtual Result<bool> step(int pages) = 0;
};

// Begins a copy of `database`, which open_sqlite() has made, into the new file `file` (0600). Fault::kRefused if there is such a file.
[[nodiscard]] Result<std::unique_ptr<OnlineCopy>> copy_sqlite(Database& database, const std::filesystem::path& file);

// Removes an SQLite database that nobody has open, with what SQLite puts beside it; also if there is none. Fault::kStorage at the first
// file that cannot be removed.
[[nodiscard]] Result<> remove_sqlite(const std::filesystem::path& file);

// One step of a schema's history: `sql`, one or more statements, takes version-1 to version (from 1 on, without gaps).
struct Migration {
  int version;
  std::string_view sql;
};

// Brings the schema named `schema` up to the last of `migrations`, each in one transaction. Fails with Fault::kRefused and says so if the
// database was written by a newer version.
[[nodiscard]] Result<> migrate(Database& database, std::string_view schema, std::span<const Migration> migrations);

}  // namespace airtight::storage
