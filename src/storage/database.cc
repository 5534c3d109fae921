#include "storage/database.h"

#include <stdexcept>

namespace airtight::storage {

Result<Transaction> Transaction::begin(Database& database, Access access) {
  TRY(database.begin(access));
  return Transaction(&database);
}

Transaction::Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  if (database_ != nullptr) database_->roll_back();
}

Result<> Transaction::commit() {
  if (database_ == nullptr) throw std::logic_error("a transaction is committed twice");
  return std::exchange(database_, nullptr)->commit();
}

namespace {

void require_history(std::span<const Migration> migrations) {
  int version = 0;
  for (const Migration& migration : migrations) {
    if (migration.version != ++version) throw std::logic_error("migrations are not numbered 1, 2, 3 ...");
  }
}

Result<std::int64_t> current_version(Database& database, std::string_view schema) {
  TRY(database.execute("CREATE TABLE IF NOT EXISTS schema_versions(schema TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL) STRICT"));
  const auto version = TRY(query_one(database, "SELECT version FROM schema_versions WHERE schema = ?1", {schema},
                                     [](const Row& row) { return row.integer(0); }));
  return version.value_or(0);
}

// Takes one step, if one is left; whether it did. The version is read in the transaction that changes it, so that two processes
// which open the database at once do not both take the step.
Result<bool> step(Database& database, std::string_view schema, std::span<const Migration> migrations) {
  Transaction transaction = TRY(Transaction::begin(database, Access::kWrite));
  const std::int64_t version = TRY(current_version(database, schema));
  const auto latest = static_cast<std::int64_t>(migrations.size());
  if (version > latest) {
    return fail(Fault::kRefused,
                "the database has version " + std::to_string(version) + " of schema " + std::string(schema) +
                    ", and this program knows versions up to " + std::to_string(latest),
                "upgrade the program to the one that wrote the database, or a newer one");
  }
  if (version < 0) return fail(Fault::kInternal, "the database has a negative schema version", "restore it from a backup");
  if (version < latest) {
    TRY(database.execute_script(migrations[static_cast<std::size_t>(version)].sql));
    TRY(
        database.execute("INSERT INTO schema_versions(schema, version) VALUES(?1, ?2) "
                         "ON CONFLICT(schema) DO UPDATE SET version = excluded.version",
                         {schema, version + 1}));
  }
  TRY(transaction.commit());
  return version < latest;
}

}  // namespace

Result<> migrate(Database& database, std::string_view schema, std::span<const Migration> migrations) {
  require_history(migrations);
  while (TRY(step(database, schema, migrations))) {
  }
  return {};
}

}  // namespace airtight::storage
