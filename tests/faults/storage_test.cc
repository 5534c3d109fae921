// Fault loops over storage: a series of transactions is cut at its first write, its second, and so on to its last. What is left must be
// what the last successful commit left, or that and the one transaction that failed at its commit; never a part of one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "storage/database.h"
#include "tests/faults/faulty_vfs.h"
#include "tests/support/temporary_folder.h"

namespace airtight::storage {
namespace {

using faults::FaultyVfs;
using tests::TemporaryFolder;

constexpr int kTransactions = 6;
constexpr int kRowsEach = 3;

std::unique_ptr<Database> open_or_null(const std::filesystem::path& file, bool exclusive, const std::string& vfs) {
  auto database = open_sqlite(file, {.exclusive = exclusive, .create = true, .vfs = vfs});
  return database ? *std::move(database) : nullptr;
}

// Transaction `number` adds rows with pages of content, changes the rows of the one before, and removes those of the one before that.
Result<> run_transaction(Database& database, std::int64_t number, Access access = Access::kWrite) {
  Transaction transaction = TRY(Transaction::begin(database, access));
  const Bytes content(5000, static_cast<std::byte>(number));
  for (int i = 0; i < kRowsEach; ++i) {
    TRY(database.execute("INSERT INTO records(made_by, changed_by, content) VALUES(?1, ?1, ?2)", {number, ByteView(content)}));
  }
  TRY(database.execute("UPDATE records SET changed_by = ?1, content = ?2 WHERE made_by = ?1 - 1", {number, ByteView(content)}));
  TRY(database.execute("DELETE FROM records WHERE made_by = ?1 - 2", {number}));
  return transaction.commit();
}

constexpr Migration kSchema[] = {{1,
                                  "CREATE TABLE records(id INTEGER PRIMARY KEY, made_by INTEGER NOT NULL) STRICT;"
                                  "CREATE INDEX records_by_maker ON records(made_by);"},
                                 {2, "ALTER TABLE records ADD COLUMN changed_by INTEGER; ALTER TABLE records ADD COLUMN content BLOB;"}};

// The number of transactions that a database shows to be whole, 0 for an empty one; nothing if it shows a part of one.
std::optional<std::int64_t> whole_transactions(Database& database) {
  const auto tables =
      query_one(database, "SELECT count(*) FROM sqlite_schema WHERE name = 'records'", {}, [](const Row& row) { return row.integer(0); });
  if (!tables) return std::nullopt;
  if (**tables == 0) return 0;
  if (!migrate(database, "records", kSchema)) return std::nullopt;  // from version 1 on, as a restart would
  const auto rows = query_all(database, "SELECT made_by, changed_by, content FROM records ORDER BY id", {},
                              [](const Row& row) { return std::tuple(row.integer(0), row.integer(1), row.blob(2)); });
  if (!rows) return std::nullopt;
  const std::int64_t last = rows->empty() ? 0 : std::get<0>(rows->back());
  std::vector<std::tuple<std::int64_t, std::int64_t, Bytes>> expected;
  for (std::int64_t maker = std::max<std::int64_t>(1, last - 1); maker <= last; ++maker) {
    expected.insert(expected.end(), kRowsEach, {maker, last, Bytes(5000, static_cast<std::byte>(last))});
  }
  return *rows == expected ? std::optional(last) : std::nullopt;
}

struct Outcome {
  std::int64_t committed = 0;  // transactions whose commit succeeded
  std::int64_t tried = 0;
  std::optional<Error> error;
};

Outcome run_series(const std::filesystem::path& file, bool exclusive, const std::string& vfs) {
  Outcome outcome;
  auto database = open_sqlite(file, {.exclusive = exclusive, .create = true, .vfs = vfs});
  if (!database) return {0, 0, database.error()};
  if (auto migrated = migrate(**database, "records", kSchema); !migrated) return {0, 0, migrated.error()};
  while (outcome.tried < kTransactions) {
    const auto result = run_transaction(**database, ++outcome.tried);
    if (!result) {
      outcome.error = result.error();
      break;
    }
    outcome.committed = outcome.tried;
  }
  return outcome;
}

class StorageUnderFaults : public testing::TestWithParam<std::tuple<FaultyVfs::Fault, bool>> {};

TEST_P(StorageUnderFaults, KeepsWholeTransactionsWhereverTheFaultStrikes) {
  const auto [fault, exclusive] = GetParam();
  FaultyVfs vfs;
  int operations = 0;
  for (;; ++operations) {
    const TemporaryFolder folder;
    vfs.fail_after(operations, fault);
    const Outcome outcome = run_series(folder / "store.db", exclusive, vfs.name());
    const bool struck = vfs.struck();
    vfs.heal();
    SCOPED_TRACE("operation " + std::to_string(operations));
    const auto database = open_or_null(folder / "store.db", exclusive, vfs.name());
    ASSERT_NE(database, nullptr);
    const auto found = whole_transactions(*database);
    ASSERT_TRUE(found.has_value()) << "a part of a transaction is there";
    ASSERT_GE(*found, outcome.committed) << "a committed transaction is gone";
    ASSERT_LE(*found, outcome.tried);
    if (outcome.error) {
      ASSERT_EQ(outcome.error->fault, Fault::kStorage) << outcome.error->message;
      ASSERT_FALSE(outcome.error->hint.empty());
    }
    if (!struck) {
      ASSERT_EQ(outcome.committed, kTransactions);
      break;
    }
  }
  EXPECT_GT(operations, 2 * kTransactions) << "the loop did not reach the transactions";
}

class StorageAfterFaults : public StorageUnderFaults {};

TEST_P(StorageAfterFaults, WorksOnWithTheSameConnection) {
  const auto [fault, exclusive] = GetParam();
  FaultyVfs vfs;
  for (int operations = 0;; ++operations) {
    const TemporaryFolder folder;
    const auto database = open_or_null(folder / "store.db", exclusive, vfs.name());
    ASSERT_NE(database, nullptr);
    ASSERT_TRUE(migrate(*database, "records", kSchema));
    ASSERT_TRUE(run_transaction(*database, 1));
    vfs.fail_after(operations, fault);
    const bool failed = !run_transaction(*database, 2);
    const bool struck = vfs.struck();
    vfs.heal();
    SCOPED_TRACE("operation " + std::to_string(operations));
    ASSERT_EQ(whole_transactions(*database), failed ? 1 : 2);
    if (failed) {
      const auto again = run_transaction(*database, 2);
      ASSERT_TRUE(again) << again.error().message;
    }
    ASSERT_EQ(whole_transactions(*database), 2);
    if (!struck) break;
  }
}

// Every third one is durable at once.
Access early_mostly(std::int64_t number) { return number % 3 == 0 ? Access::kWrite : Access::kWriteEarly; }

TEST(EarlyWrites, AreLostFromTheEndAloneAndNoneBeforeADurableOne) {
  FaultyVfs vfs;
  bool lost = false;
  int operations = 0;
  for (;; ++operations) {
    const TemporaryFolder folder;
    vfs.fail_after(operations, FaultyVfs::Fault::kPowerCut);
    std::int64_t committed = 0;
    std::int64_t durable = 0;
    {
      const auto database = open_sqlite(folder / "store.db", {.create = true, .vfs = vfs.name()});
      if (database && migrate(**database, "records", kSchema)) {
        while (committed < kTransactions && run_transaction(**database, committed + 1, early_mostly(committed + 1))) {
          if (early_mostly(++committed) == Access::kWrite) durable = committed;
        }
      }
    }
    const bool struck = vfs.struck();
    vfs.heal();
    SCOPED_TRACE("operation " + std::to_string(operations));
    const auto database = open_or_null(folder / "store.db", false, vfs.name());
    ASSERT_NE(database, nullptr);
    const auto found = whole_transactions(*database);
    ASSERT_TRUE(found.has_value()) << "a part of a transaction is there";
    ASSERT_GE(*found, durable);
    ASSERT_LE(*found, committed + 1);
    lost = lost || *found < committed;
    if (!struck) break;
  }
  EXPECT_TRUE(lost) << "early writes were synced all the same";
  EXPECT_GT(operations, 2 * kTransactions);
}

TEST(EarlyWrites, MakeNoSyncAndTheNextDurableOneMakesItsOwn) {
  FaultyVfs vfs;
  const TemporaryFolder folder;
  const auto database = open_or_null(folder / "store.db", false, vfs.name());
  ASSERT_NE(database, nullptr);
  ASSERT_TRUE(migrate(*database, "records", kSchema));
  ASSERT_TRUE(run_transaction(*database, 1));
  const int before = vfs.syncs();
  ASSERT_TRUE(run_transaction(*database, 2, Access::kWriteEarly));
  EXPECT_EQ(vfs.syncs(), before);
  ASSERT_TRUE(run_transaction(*database, 3));
  EXPECT_EQ(vfs.syncs(), before + 1);
}

std::string name_of_case(const testing::TestParamInfo<std::tuple<FaultyVfs::Fault, bool>>& info) {
  const auto [fault, exclusive] = info.param;
  const std::string name = fault == FaultyVfs::Fault::kDiskFull      ? "DiskFull"
                           : fault == FaultyVfs::Fault::kBrokenWrite ? "BrokenWrite"
                                                                     : "PowerCut";
  return name + (exclusive ? "WithOneOwner" : "Shared");
}

INSTANTIATE_TEST_SUITE_P(EachFault, StorageUnderFaults,
                         testing::Combine(testing::Values(FaultyVfs::Fault::kDiskFull, FaultyVfs::Fault::kBrokenWrite,
                                                          FaultyVfs::Fault::kPowerCut),
                                          testing::Bool()),
                         name_of_case);

// No connection outlives a power cut.
INSTANTIATE_TEST_SUITE_P(EachPassingFault, StorageAfterFaults,
                         testing::Combine(testing::Values(FaultyVfs::Fault::kDiskFull, FaultyVfs::Fault::kBrokenWrite), testing::Bool()),
                         name_of_case);

TEST(FaultyTransaction, IsUndoneAsAWholeThoughItsCallerGoesOn) {
  FaultyVfs vfs;
  const TemporaryFolder folder;
  const auto database = open_or_null(folder / "store.db", true, vfs.name());
  ASSERT_NE(database, nullptr);
  ASSERT_TRUE(database->execute_script("CREATE TABLE t(x BLOB) STRICT; PRAGMA cache_size = 1; PRAGMA cache_spill = 1"));
  vfs.fail_after(0, FaultyVfs::Fault::kDiskFull);
  ASSERT_TRUE(database->begin(Access::kWrite));
  bool spilled = false;  // a transaction larger than the page cache is written before its commit
  const Bytes content(100000, std::byte{1});
  for (int i = 0; i < 50 && !spilled; ++i) spilled = !database->execute("INSERT INTO t VALUES(?1)", {ByteView(content)});
  ASSERT_TRUE(spilled);
  vfs.heal();
  const auto more = database->execute("INSERT INTO t VALUES(x'00')");
  const auto commit = database->commit();
  ASSERT_FALSE(commit);
  EXPECT_EQ(commit.error().fault, Fault::kStorage);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().fault, Fault::kStorage);
  const auto count = query_one(*database, "SELECT count(*) FROM t", {}, [](const Row& row) { return row.integer(0); });
  ASSERT_TRUE(count);
  EXPECT_EQ(**count, 0);
}

}  // namespace
}  // namespace airtight::storage
