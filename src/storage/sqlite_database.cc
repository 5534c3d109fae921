#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <unordered_map>

#include "base/c_handle.h"
#include "storage/database.h"
#include "storage/internal/descriptor.h"
#include "storage/internal/sqlite_handles.h"

namespace airtight::storage {
namespace {

using internal::ConnectionHandle;
using internal::sqlite_failure;
using internal::StatementHandle;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

bool is_blank(std::string_view sql) { return sql.find_first_not_of(" \t\r\n;") == std::string_view::npos; }

// Prepares the first statement of `sql` and takes it off its front; null for blank or a comment.
Result<StatementHandle> prepare_next(sqlite3* connection, std::string_view& sql, unsigned flags) {
  if (sql.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) throw std::logic_error("SQL text of 2 GiB");
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(connection, sql.data(), static_cast<int>(sql.size()), flags, &raw, &tail);
  StatementHandle statement(raw);
  if (code != SQLITE_OK) return sqlite_failure("prepare a statement", connection, code);
  sql.remove_prefix(static_cast<std::size_t>(tail - sql.data()));
  return statement;
}

// The prepared statements of one connection by their text. One in use is out of the store, so that a second run of the same text
// gets a statement of its own.
class StatementStore {
 public:
  using Shelf = std::pair<const std::string, StatementHandle>;

  // A statement for as long as it is used.
  class Loan {
   public:
    Loan(Shelf& shelf, StatementHandle statement) : shelf_(&shelf), statement_(std::move(statement)) {}
    Loan(Loan&&) noexcept = default;
    Loan& operator=(Loan&&) = delete;
    ~Loan() {
      if (!statement_) return;
      sqlite3_reset(statement_.get());
      sqlite3_clear_bindings(statement_.get());
      if (!shelf_->second) shelf_->second = std::move(statement_);
    }
    [[nodiscard]] sqlite3_stmt* get() const { return statement_.get(); }

   private:
    Shelf* shelf_;
    StatementHandle statement_;
  };

  [[nodiscard]] Result<Loan> lend(sqlite3* connection, std::string_view sql) {
    const auto found = shelves_.find(sql);
    if (found != shelves_.end() && found->second) return Loan(*found, std::move(found->second));
    std::string_view rest = sql;
    StatementHandle statement = TRY(prepare_next(connection, rest, SQLITE_PREPARE_PERSISTENT));
    if (!statement) throw std::logic_error("an empty SQL text");
    if (!is_blank(rest)) throw std::logic_error("two statements in one SQL text: " + std::string(sql));
    return Loan(found != shelves_.end() ? *found : *shelves_.emplace(sql, nullptr).first, std::move(statement));
  }

 private:
  std::unordered_map<std::string, StatementHandle, TextHash, std::equal_to<>> shelves_;  // its elements stay where they are
};

// A null pointer would bind NULL instead of nothing between two quotes.
template <typename T>
const void* start_of(const T& view) {
  return view.data() != nullptr ? static_cast<const void*>(view.data()) : "";
}

// `lifetime` is SQLITE_STATIC or SQLITE_TRANSIENT.
int bind_one(sqlite3_stmt* statement, int index, const Value& value, sqlite3_destructor_type lifetime) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return sqlite3_bind_int64(statement, index, *integer);
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    return sqlite3_bind_text64(statement, index, static_cast<const char*>(start_of(*text)), text->size(), lifetime, SQLITE_UTF8);
  }
  if (const auto* blob = std::get_if<ByteView>(&value)) {
    return sqlite3_bind_blob64(statement, index, start_of(*blob), blob->size(), lifetime);
  }
  return sqlite3_bind_null(statement, index);
}

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}

  [[nodiscard]] std::int64_t integer(int index) const override {
    require(index, SQLITE_INTEGER, "an integer");
    return sqlite3_column_int64(statement_, index);
  }
  [[nodiscard]] std::string text(int index) const override {
    require(index, SQLITE_TEXT, "text");
    const auto* start = sqlite3_column_text(statement_, index);
    if (start == nullptr) throw std::bad_alloc();
    return {reinterpret_cast<const char*>(start), size_of(index)};
  }
  [[nodiscard]] Bytes blob(int index) const override {
    require(index, SQLITE_BLOB, "a blob");
    const auto* start = static_cast<const std::byte*>(sqlite3_column_blob(statement_, index));
    return to_bytes(ByteView(start, size_of(index)));
  }
  [[nodiscard]] bool is_null(int index) const override {
    require_column(index);
    return sqlite3_column_type(statement_, index) == SQLITE_NULL;
  }

 private:
  void require_column(int index) const {
    if (index < 0 || index >= sqlite3_data_count(statement_))
      throw std::logic_error("column " + std::to_string(index) + " is not in the query");
  }
  void require(int index, int type, std::string_view what) const {
    require_column(index);
    if (sqlite3_column_type(statement_, index) == type) return;
    throw std::logic_error("column " + std::string(sqlite3_column_name(statement_, index)) + " is not " + std::string(what));
  }
  [[nodiscard]] std::size_t size_of(int index) const { return static_cast<std::size_t>(sqlite3_column_bytes(statement_, index)); }

  sqlite3_stmt* statement_;
};

class SqliteCursor final : public Cursor {
 public:
  explicit SqliteCursor(StatementStore::Loan statement) : statement_(std::move(statement)), row_(statement_.get()) {}

  [[nodiscard]] Result<const Row*> next() override {
    if (ended_) return nullptr;
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return &row_;
    ended_ = true;  // stepping on would start again
    if (code != SQLITE_DONE) return sqlite_failure("read", sqlite3_db_handle(statement_.get()), code);
    sqlite3_reset(statement_.get());  // lets go of the snapshot
    return nullptr;
  }

 private:
  StatementStore::Loan statement_;
  SqliteRow row_;
  bool ended_ = false;
};

class SqliteDatabase final : public Database {
 public:
  explicit SqliteDatabase(ConnectionHandle connection) : connection_(std::move(connection)) {}
  [[nodiscard]] sqlite3* connection() const { return connection_.get(); }

  [[nodiscard]] Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Value> values) override {
    const StatementStore::Loan statement = TRY(bound(sql, values, SQLITE_STATIC));
    const auto before = sqlite3_total_changes64(connection_.get());
    const int code = sqlite3_step(statement.get());
    if (code == SQLITE_ROW) throw std::logic_error("a statement run for its effect gave a row: " + std::string(sql));
    if (code != SQLITE_DONE) return sqlite_failure("write", connection_.get(), code);
    // sqlite3_changes64() speaks of the last statement that changes rows, which may be an earlier one.
    return sqlite3_total_changes64(connection_.get()) == before ? 0 : sqlite3_changes64(connection_.get());
  }

  [[nodiscard]] Result<std::unique_ptr<Cursor>> query(std::string_view sql, std::initializer_list<Value> values) override {
    return std::make_unique<SqliteCursor>(TRY(bound(sql, values, SQLITE_TRANSIENT)));
  }

  [[nodiscard]] Result<> execute_script(std::string_view sql) override {
    while (!sql.empty()) {
      const StatementHandle statement = TRY(prepare_next(connection_.get(), sql, 0));
      if (!statement) continue;
      TRY(require_transaction(statement.get()));
      int code = SQLITE_ROW;
      while (code == SQLITE_ROW) code = sqlite3_step(statement.get());
      if (code != SQLITE_DONE) return sqlite_failure("run a script", connection_.get(), code);
      if (state_ != State::kOutside && is_outside()) throw std::logic_error("a script ends the transaction that it runs in");
    }
    return {};
  }

  [[nodiscard]] std::int64_t last_insert_id() const override { return sqlite3_last_insert_rowid(connection_.get()); }

  [[nodiscard]] Result<> begin(Access access) override {
    if (state_ != State::kOutside) throw std::logic_error("a transaction within a transaction");
    if (access == Access::kWrite) TRY(set_synchronous(true));
    if (access == Access::kWriteEarly) TRY(set_synchronous(false));
    TRY(run(access == Access::kRead ? "BEGIN" : "BEGIN IMMEDIATE", "begin a transaction"));
    state_ = access == Access::kRead ? State::kReading : State::kWriting;
    return {};
  }

  [[nodiscard]] Result<> commit() override {
    if (state_ == State::kOutside) throw std::logic_error("a commit outside of a transaction");
    auto result = is_outside() ? undone() : run("COMMIT", "commit");
    if (!result) {
      roll_back();
    } else {
      state_ = State::kOutside;
    }
    return result;
  }

  void roll_back() noexcept override {
    // sqlite3_exec: no statement to prepare may stand between a fault and the way back.
    if (!is_outside()) sqlite3_exec(connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    state_ = State::kOutside;
  }

 private:
  enum class State : std::uint8_t { kOutside, kReading, kWriting };

  // Whether SQLite sees no transaction; it ends one by itself after some faults (a full disk, say).
  [[nodiscard]] bool is_outside() const { return sqlite3_get_autocommit(connection_.get()) != 0; }

  [[nodiscard]] static Result<> undone() {
    return fail(Fault::kStorage, "the transaction was rolled back after an earlier fault", "see the earlier error, then try again");
  }

  // What comes after such a fault must not be written on its own.
  [[nodiscard]] Result<> require_transaction(sqlite3_stmt* statement) const {
    if (state_ != State::kOutside && is_outside()) return undone();
    if (state_ == State::kReading && sqlite3_stmt_readonly(statement) == 0) {
      throw std::logic_error("writing in a transaction begun for reading");
    }
    return {};
  }

  [[nodiscard]] Result<StatementStore::Loan> bound(std::string_view sql, std::initializer_list<Value> values,
                                                   sqlite3_destructor_type lifetime) {
    StatementStore::Loan statement = TRY(statements_.lend(connection_.get(), sql));
    TRY(require_transaction(statement.get()));
    if (sqlite3_bind_parameter_count(statement.get()) != static_cast<int>(values.size())) {
      throw std::logic_error("the values do not match the parameters of: " + std::string(sql));
    }
    int index = 0;
    for (const Value& value : values) {
      const int code = bind_one(statement.get(), ++index, value, lifetime);
      if (code != SQLITE_OK) return sqlite_failure("bind a value", connection_.get(), code);
    }
    return statement;
  }

  // With a write-ahead log, NORMAL leaves out the sync of each commit and nothing else; a later sync of the log has all before it.
  [[nodiscard]] Result<> set_synchronous(bool each_commit) {
    if (synchronous_ == each_commit) return {};
    const char* const sql = each_commit ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
    const int code = sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);  // takes effect when it is prepared: each time anew
    if (code != SQLITE_OK) return sqlite_failure("begin a transaction", connection_.get(), code);
    synchronous_ = each_commit;
    return {};
  }

  [[nodiscard]] Result<> run(std::string_view sql, std::string_view action) {
    const StatementStore::Loan statement = TRY(statements_.lend(connection_.get(), sql));
    const int code = sqlite3_step(statement.get());
    if (code != SQLITE_DONE) return sqlite_failure(action, connection_.get(), code);
    return {};
  }

  ConnectionHandle connection_;  // before the statements: they go first
  StatementStore statements_;
  State state_ = State::kOutside;
  bool synchronous_ = true;  // as harden() has set it
};

Result<> run_settings(sqlite3* connection, const char* sql) {
  const int code = sqlite3_exec(connection, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return sqlite_failure("open", connection, code);
  return {};
}

// Makes an empty database file before SQLite would, because SQLite leaves the mode to the umask.
Result<> create_file(const std::filesystem::path& file) {
  const internal::Descriptor descriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!descriptor.is_open()) {
    if (errno == EEXIST) return {};
    return internal::system_failure("create", file, errno);
  }
  if (::fchmod(descriptor.number(), 0600) != 0) return internal::system_failure("set the mode of", file, errno);
  return internal::sync_folder(internal::folder_of(file));
}

// Looks at the file without opening it: closing any descriptor of it would drop the locks that this process holds on it.
Result<> check_file(const std::filesystem::path& file, bool create) {
  struct stat status{};
  if (create && ::lstat(file.c_str(), &status) != 0 && errno == ENOENT) TRY(create_file(file));
  if (::stat(file.c_str(), &status) != 0) return internal::system_failure("open database", file, errno);
  if (!S_ISREG(status.st_mode)) return fail(Fault::kBadInput, file.native() + " is no file", "name a database file");
  return internal::require_private(file, status.st_mode);
}

// Settings that any database gets. The integrity of what is read is checked, and nothing leaves the database's own files.
Result<> harden(sqlite3* connection) {
  for (const auto& [option, value] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1}, std::pair{SQLITE_DBCONFIG_DQS_DDL, 0},
                                      std::pair{SQLITE_DBCONFIG_DQS_DML, 0}, std::pair{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}}) {
    const int code = sqlite3_db_config(connection, option, value, nullptr);
    if (code != SQLITE_OK) return sqlite_failure("open", connection, code);
  }
  return run_settings(connection,
                      "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
                      "PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;");
}

constexpr int kTurnPauseMs = 2;

// Looks for its turn every other millisecond, `attempts` times. SQLite's own handler sleeps the longer the longer it has waited, so that
// where many write those who came last go first, and those who came first give up.
int wait_for_turn(void* attempts, int done) {
  if (done >= reinterpret_cast<std::intptr_t>(attempts)) return 0;
  sqlite3_sleep(kTurnPauseMs);
  return 1;
}

Result<> try_write_ahead_log(sqlite3* connection) {
  std::string_view sql = "PRAGMA journal_mode = WAL";
  const StatementHandle statement = TRY(prepare_next(connection, sql, 0));
  const int code = sqlite3_step(statement.get());
  if (code != SQLITE_ROW) return sqlite_failure("open", connection, code);
  const auto* mode = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0));
  if (mode == nullptr || std::string_view(mode) != "wal") {
    return fail(Fault::kStorage, "the file system cannot hold a database with a write-ahead log", "put the database on a local disk");
  }
  return {};
}

// Two that open a new database at once both want to change its journal, and SQLite makes neither wait for the other.
Result<> use_write_ahead_log(sqlite3* connection, int patience_ms) {
  constexpr int kPauseMs = 5;
  for (int waited = 0;; waited += kPauseMs) {
    auto result = try_write_ahead_log(connection);
    if (result || result.error().fault != Fault::kUnavailable || waited >= patience_ms) return result;
    sqlite3_sleep(kPauseMs);
  }
}

Result<> set_up(sqlite3* connection, const SqliteOptions& options) {
  const int patience_ms = options.exclusive ? 0 : options.busy_timeout_ms;  // an owner does not wait for another to end
  sqlite3_busy_handler(connection, wait_for_turn, reinterpret_cast<void*>(std::intptr_t{patience_ms / kTurnPauseMs}));
  if (options.exclusive) TRY(run_settings(connection, "PRAGMA locking_mode = EXCLUSIVE"));
  TRY(harden(connection));
  TRY(use_write_ahead_log(connection, patience_ms));
  // The first lock, an owner's or a sharer's, is kept until the connection is closed or its process ends, however it ends.
  return run_settings(connection, options.exclusive ? "BEGIN EXCLUSIVE; COMMIT" : "SELECT 1 FROM sqlite_schema");
}

Result<ConnectionHandle> connect(const std::string& name, const char* vfs) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
  ConnectionHandle connection(raw);  // there is one even after most failures
  if (code != SQLITE_OK) return sqlite_failure("open", raw, code);
  return connection;
}

Result<ConnectionHandle> open_connection(const std::filesystem::path& file, const SqliteOptions& options) {
  // An absolute path is never one of SQLite's special names.
  const std::string name = std::filesystem::absolute(file).native();
  // Several that want to own it at the same instant can all be in each other's way: each steps back, and tries again after a moment of its
  // own.
  constexpr int kAttempts = 12;
  for (int attempt = 1;; ++attempt) {
    ConnectionHandle connection = TRY(connect(name, options.vfs.empty() ? nullptr : options.vfs.c_str()));
    Result<> done = set_up(connection.get(), options);
    if (done) return connection;
    const bool in_the_way = options.exclusive && done.error().fault == Fault::kUnavailable;
    if (!in_the_way || attempt == kAttempts) return Failure(std::move(done.error()));
    connection.reset();
    unsigned char moment = 0;
    sqlite3_randomness(1, &moment);
    sqlite3_sleep(1 + moment % 8);
  }
}

}  // namespace

namespace {

class SqliteCopy final : public OnlineCopy {
 public:
  SqliteCopy(ConnectionHandle target, CHandle<sqlite3_backup, sqlite3_backup_finish> copy)
      : target_(std::move(target)), copy_(std::move(copy)) {}

  [[nodiscard]] Result<bool> step(int pages) override {
    const int code = sqlite3_backup_step(copy_.get(), pages);
    if (code == SQLITE_OK) return false;
    if (code != SQLITE_DONE) return sqlite_failure("copy the database", target_.get(), code);
    copy_.reset();
    // Its header says that it has a write-ahead log, which it has not.
    TRY(run_settings(target_.get(), "PRAGMA journal_mode = DELETE"));
    return true;
  }

 private:
  ConnectionHandle target_;  // before the copy: that goes first
  CHandle<sqlite3_backup, sqlite3_backup_finish> copy_;
};

}  // namespace

Result<std::unique_ptr<OnlineCopy>> copy_sqlite(Database& database, const std::filesystem::path& file) {
  struct stat status{};
  if (::lstat(file.c_str(), &status) == 0) {
    return fail(Fault::kRefused, "there is a file " + file.native() + " already", "name another file, or move this one away");
  }
  TRY(create_file(file));
  const std::string name = std::filesystem::absolute(file).native();
  ConnectionHandle target = TRY(connect(name, nullptr));
  sqlite3* const source = dynamic_cast<SqliteDatabase&>(database).connection();
  CHandle<sqlite3_backup, sqlite3_backup_finish> copy(sqlite3_backup_init(target.get(), "main", source, "main"));
  if (!copy) return sqlite_failure("copy the database", target.get(), sqlite3_errcode(target.get()));
  return std::make_unique<SqliteCopy>(std::move(target), std::move(copy));
}

Result<> remove_sqlite(const std::filesystem::path& file) {
  for (const std::string_view suffix : {"", "-wal", "-shm", "-journal"}) {
    std::error_code error;
    const std::filesystem::path part = file.string() + std::string(suffix);
    std::filesystem::remove(part, error);
    if (error) return fail(Fault::kStorage, "cannot remove " + part.string() + ": " + error.message());
  }
  return {};
}

Result<std::unique_ptr<Database>> open_sqlite(const std::filesystem::path& file, const SqliteOptions& options) {
  TRY(check_file(file, options.create));
  auto connection = open_connection(file, options);
  if (!connection) return Failure(std::move(connection.error()).in("opening " + file.native()));
  return std::make_unique<SqliteDatabase>(*std::move(connection));
}

Result<std::unique_ptr<Database>> open_sqlite_in_memory() {
  ConnectionHandle connection = TRY(connect(":memory:", nullptr));
  TRY(harden(connection.get()));
  return std::make_unique<SqliteDatabase>(std::move(connection));
}

}  // namespace airtight::storage
