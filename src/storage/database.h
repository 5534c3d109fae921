// Transactions over a relational database, the same for SQLite and for what comes after it. A Database is one connection, used by
// one thread at a time; a Transaction commits when told to and rolls back otherwise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace airtight::storage {

// What can be bound to a statement. Text and blobs are borrowed until the statement has run.
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

// A prepared statement's run: rows one by one.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // The next row, valid until the next call; null at the end.
  [[nodiscard]] virtual Result<const Row*> next() = 0;
};

class Database {
 public:
  virtual ~Database() = default;

  // Runs a statement (kept prepared by its text) that gives no rows; the number of rows changed.
  // Fault::kStorage when the disk is full or fails, Fault::kUnavailable when another process holds the lock too long,
  // Fault::kInternal for the rest.
  [[nodiscard]] virtual Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Value> values = {}) = 0;

  // Runs a query.
  [[nodiscard]] virtual Result<std::unique_ptr<Cursor>> query(std::string_view sql, std::initializer_list<Value> values = {}) = 0;

  // The rowid of the last insert of this connection.
  [[nodiscard]] virtual std::int64_t last_insert_id() const = 0;

  [[nodiscard]] virtual Result<> begin(bool writing) = 0;
  [[nodiscard]] virtual Result<> commit() = 0;
  virtual void roll_back() noexcept = 0;
};

enum class Access : std::uint8_t { kRead, kWrite };

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
  bool exclusive = false;  // one owner process at a time: a second open fails with Fault::kUnavailable at once
  bool create = false;     // make the file (0600) if it is not there
  int busy_timeout_ms = 5000;
};

// Opens an SQLite database with WAL journal, synchronous=FULL (a commit survives a power cut), foreign keys on, secure_delete on.
[[nodiscard]] Result<std::unique_ptr<Database>> open_sqlite(const std::filesystem::path& file, const SqliteOptions& options);

// A database in memory, for tests.
[[nodiscard]] Result<std::unique_ptr<Database>> open_sqlite_in_memory();

// One step of a schema's history: `sql` takes version-1 to version (from 1 on).
struct Migration {
  int version;
  std::string_view sql;
};

// Brings the schema named `schema` up to the last of `migrations`, each in one transaction. Fails with Fault::kRefused and says so if the
// database was written by a newer version.
[[nodiscard]] Result<> migrate(Database& database, std::string_view schema, std::span<const Migration> migrations);

}  // namespace airtight::storage
