// SQLite databases as files: their modes, their settings, their one owner, and what damage looks like.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>

#include "storage/database.h"
#include "tests/support/child_process.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::storage {
namespace {

using tests::ChildProcess;
using tests::must;
using tests::TemporaryFolder;

const SqliteOptions kShared = {.create = true};
const SqliteOptions kOwner = {.exclusive = true, .create = true};

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

std::unique_ptr<Database> open(const std::filesystem::path& file, const SqliteOptions& options) { return must(open_sqlite(file, options)); }

std::int64_t number(Database& database, std::string_view sql) {
  return must(query_one(database, sql, {}, [](const Row& row) { return row.integer(0); })).value();
}

class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  ~Umask() { ::umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

TEST(DatabaseFile, IsItsOwnersAloneWhateverTheUmask) {
  for (const mode_t mask : {0U, 022U, 0777U}) {
    const TemporaryFolder folder;
    const Umask umask(mask);
    const auto database = open(folder / "store.db", kShared);
    ASSERT_TRUE(database->execute_script("CREATE TABLE t(x INTEGER) STRICT"));
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      EXPECT_EQ(mode_of(entry.path()), 0600U) << entry.path();
    }
    EXPECT_EQ(mode_of(folder / "store.db-wal"), 0600U);
  }
}

TEST(DatabaseFile, ThatOthersCanReadIsRefused) {
  const TemporaryFolder folder;
  {
    (void)open(folder / "store.db", kShared);
  }
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U}) {
    ::chmod((folder / "store.db").c_str(), mode);
    const auto result = open_sqlite(folder / "store.db", kShared);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault, Fault::kRefused);
    EXPECT_NE(result.error().hint.find("chmod 600 " + (folder / "store.db").native()), std::string::npos) << result.error().hint;
  }
}

TEST(DatabaseFile, IsMadeOnlyWhenAskedFor) {
  const TemporaryFolder folder;
  const auto result = open_sqlite(folder / "store.db", {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kNotFound);
  EXPECT_NE(result.error().message.find((folder / "store.db").native()), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder / "store.db"));
}

TEST(DatabaseFile, IsNotMadeThroughALink) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(folder / "elsewhere", folder / "store.db");
  EXPECT_FALSE(open_sqlite(folder / "store.db", kShared));
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

TEST(DatabaseFile, IsNoFolder) {
  const TemporaryFolder folder;
  const auto result = open_sqlite(folder.path(), kShared);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kBadInput);
}

TEST(DatabaseFile, MayHaveANameThatSqliteWouldReadAsAnAddress) {
  const TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  {
    (void)open("file:store.db?mode=memory", kShared);
  }
  std::filesystem::current_path(before);
  EXPECT_TRUE(std::filesystem::exists(folder / "file:store.db?mode=memory"));
}

TEST(DatabaseFile, ThatIsNoDatabaseIsToldApart) {
  const TemporaryFolder folder;
  std::ofstream(folder / "store.db") << std::string(10000, 'x');
  ::chmod((folder / "store.db").c_str(), 0600);
  for (const SqliteOptions& options : {kShared, kOwner}) {
    const auto result = open_sqlite(folder / "store.db", options);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault, Fault::kInternal);
    EXPECT_NE(result.error().hint.find("no database"), std::string::npos) << result.error().hint;
  }
}

TEST(DatabaseFile, ThatIsDamagedIsToldSo) {
  const TemporaryFolder folder;
  {
    const auto database = open(folder / "store.db", kOwner);
    ASSERT_TRUE(database->execute_script("CREATE TABLE t(x BLOB) STRICT; INSERT INTO t VALUES(randomblob(20000)), (randomblob(50))"));
  }
  std::fstream file(folder / "store.db", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  file << std::string(4096, '\x55');
  file.close();
  const auto database = open(folder / "store.db", kOwner);
  const auto result = query_all(*database, "SELECT x FROM t", {}, [](const Row& row) { return row.blob(0); });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kInternal);
  EXPECT_NE(result.error().hint.find("restore it from a backup"), std::string::npos) << result.error().hint;
}

TEST(DatabaseSettings, AreThoseThatSurviveAPowerCutAndKeepNoTraces) {
  const TemporaryFolder folder;
  for (const SqliteOptions& options : {kShared, kOwner}) {
    const auto database = open(folder / "store.db", options);
    EXPECT_EQ(number(*database, "PRAGMA synchronous"), 2);
    EXPECT_EQ(number(*database, "PRAGMA foreign_keys"), 1);
    EXPECT_EQ(number(*database, "PRAGMA secure_delete"), 1);
    EXPECT_EQ(number(*database, "PRAGMA trusted_schema"), 0);
    EXPECT_EQ(number(*database, "PRAGMA temp_store"), 2);
    EXPECT_EQ(number(*database, "PRAGMA cell_size_check"), 1);
    const auto mode = query_one(*database, "PRAGMA journal_mode", {}, [](const Row& row) { return row.text(0); });
    ASSERT_TRUE(mode);
    EXPECT_EQ(*mode, "wal");
  }
}

TEST(DatabaseSettings, DoNotLetSqlDamageTheSchema) {
  const TemporaryFolder folder;
  const auto database = open(folder / "store.db", kShared);
  ASSERT_TRUE(database->execute_script("PRAGMA writable_schema = ON"));
  EXPECT_FALSE(database->execute("DELETE FROM sqlite_schema"));
}

TEST(OneOwner, IsToldAtOnceThatThereIsAnother) {
  const TemporaryFolder folder;
  const auto owner = open(folder / "store.db", kOwner);
  for (const SqliteOptions& options : {kOwner, SqliteOptions{.busy_timeout_ms = 0}}) {
    const auto second = open_sqlite(folder / "store.db", options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().fault, Fault::kUnavailable);
    EXPECT_NE(second.error().hint.find("another process"), std::string::npos) << second.error().hint;
  }
}

TEST(OneOwner, DoesNotComeBesideSharers) {
  const TemporaryFolder folder;
  const auto sharer = open(folder / "store.db", kShared);
  const auto owner = open_sqlite(folder / "store.db", kOwner);
  ASSERT_FALSE(owner);
  EXPECT_EQ(owner.error().fault, Fault::kUnavailable);
}

TEST(OneOwner, LetsGoWhenItCloses) {
  const TemporaryFolder folder;
  {
    (void)open(folder / "store.db", kOwner);
  }
  EXPECT_TRUE(open_sqlite(folder / "store.db", kOwner));
}

TEST(OneOwner, StaysTheOwnerAfterARefusedSecondOpenInItsProcess) {
  const TemporaryFolder folder;
  const auto owner = open(folder / "store.db", kOwner);
  EXPECT_FALSE(open_sqlite(folder / "store.db", kOwner));
  ChildProcess other([&](const auto&) {  // another process sees the locks, this one its own bookkeeping
    const auto second = open_sqlite(folder / "store.db", kOwner);
    return !second && second.error().fault == Fault::kUnavailable ? 0 : 1;
  });
  EXPECT_EQ(other.wait(), 0);
}

// Opens the store in a process of its own, commits one row, writes another without a commit, and waits.
int own_store(const std::filesystem::path& file, const std::function<void()>& ready) {
  const auto database = open(file, kOwner);
  if (!database->execute_script("CREATE TABLE t(x INTEGER) STRICT; INSERT INTO t VALUES(1); BEGIN; INSERT INTO t VALUES(2)")) return 1;
  ready();
  tests::wait_to_be_killed();
}

TEST(OneOwner, KeepsOtherProcessesOutAndLeavesAllThatItCommittedWhenKilled) {
  const TemporaryFolder folder;
  const auto file = folder / "store.db";
  ChildProcess owner([&](const auto& ready) { return own_store(file, ready); });
  ASSERT_TRUE(owner.wait_until_ready());
  const auto refused = open_sqlite(file, kOwner);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::kUnavailable);
  owner.kill();
  const auto database = open(file, kOwner);
  EXPECT_EQ(number(*database, "SELECT sum(x) FROM t"), 1);
}

TEST(OneOwner, IsExactlyOneOfManyWhoTry) {
  const TemporaryFolder folder;
  const auto file = folder / "store.db";
  {
    (void)open(file, kOwner);
  }
  int begin[2];
  ASSERT_EQ(::pipe(begin), 0);
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 8; ++i) {
    children.push_back(std::make_unique<ChildProcess>([&](const auto& ready) {
      ::close(begin[1]);
      char byte = 0;
      if (::read(begin[0], &byte, 1) != 0) return 3;  // the test closes its end for all at once
      const auto database = open_sqlite(file, kOwner);
      if (!database) return database.error().fault == Fault::kUnavailable ? 1 : 2;
      ready();
      tests::wait_to_be_killed();
    }));
  }
  ::close(begin[1]);
  ::close(begin[0]);
  int owners = 0;
  for (const auto& child : children) owners += child->wait_until_ready() ? 1 : 0;  // the others have ended
  EXPECT_EQ(owners, 1);
}

TEST(SharedDatabase, LetsOneWriteAndTheOthersWait) {
  const TemporaryFolder folder;
  const auto first = open(folder / "store.db", kShared);
  const auto second = open(folder / "store.db", {.busy_timeout_ms = 0});
  ASSERT_TRUE(first->execute_script("CREATE TABLE t(x INTEGER) STRICT"));
  auto transaction = Transaction::begin(*first, Access::kWrite);
  ASSERT_TRUE(transaction);
  const auto refused = Transaction::begin(*second, Access::kWrite);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::kUnavailable);
  ASSERT_TRUE(transaction->commit());
  EXPECT_TRUE(Transaction::begin(*second, Access::kWrite));
}

TEST(SharedDatabase, GivesEachOfManyWritersItsTurn) {
  constexpr int kWriters = 16;
  constexpr int kRows = 25;
  const TemporaryFolder folder;
  const auto file = folder / "store.db";
  ASSERT_TRUE(open(file, kShared)->execute_script("CREATE TABLE t(x INTEGER) STRICT"));
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < kWriters; ++i) {
    children.push_back(std::make_unique<ChildProcess>([&](const auto&) {
      const auto database = open(file, kShared);
      for (int row = 0; row < kRows; ++row) {
        auto transaction = Transaction::begin(*database, Access::kWrite);
        if (!transaction || !database->execute("INSERT INTO t VALUES(1)") || !transaction->commit()) return 1;
      }
      return 0;
    }));
  }
  for (const auto& child : children) EXPECT_EQ(child->wait(), 0);
  EXPECT_EQ(number(*open(file, kShared), "SELECT count(*) FROM t"), kWriters * kRows);
}

TEST(SharedDatabase, ShowsAReaderOneSnapshot) {
  const TemporaryFolder folder;
  const auto writer = open(folder / "store.db", kShared);
  const auto reader = open(folder / "store.db", kShared);
  ASSERT_TRUE(writer->execute_script("CREATE TABLE t(x INTEGER) STRICT"));
  auto transaction = Transaction::begin(*reader, Access::kRead);
  ASSERT_TRUE(transaction);
  EXPECT_EQ(number(*reader, "SELECT count(*) FROM t"), 0);
  ASSERT_TRUE(writer->execute("INSERT INTO t VALUES(1)"));
  EXPECT_EQ(number(*reader, "SELECT count(*) FROM t"), 0);
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(number(*reader, "SELECT count(*) FROM t"), 1);
}

TEST(SharedDatabase, MadeByManyProcessesAtOnceIsMadeOnce) {
  const TemporaryFolder folder;
  const auto file = folder / "store.db";
  {
    (void)open(file, kShared);
  }
  constexpr Migration kSteps[] = {{1, "CREATE TABLE t(x INTEGER) STRICT"}, {2, "INSERT INTO t VALUES(1)"}, {3, "INSERT INTO t VALUES(1)"}};
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(std::make_unique<ChildProcess>([&](const auto&) { return migrate(*open(file, kShared), "t", kSteps) ? 0 : 1; }));
  }
  for (const auto& child : children) EXPECT_EQ(child->wait(), 0);
  EXPECT_EQ(number(*open(file, kShared), "SELECT count(*) FROM t"), 2);
}

// The kernel refuses to let the process's files grow, as a full disk does.
TEST(FullDisk, FailsTheTransactionAndKeepsTheRest) {
  const TemporaryFolder folder;
  const auto file = folder / "store.db";
  ChildProcess writer([&](const auto&) {
    std::signal(SIGXFSZ, SIG_IGN);
    const auto database = open(file, kOwner);
    if (!database->execute_script("CREATE TABLE t(x BLOB) STRICT; INSERT INTO t VALUES(x'01')")) return 1;
    const rlimit limit{256 * 1024, 256 * 1024};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto transaction = Transaction::begin(*database, Access::kWrite);
    if (!transaction) return 2;
    const Bytes large(1024 * 1024);
    auto result = database->execute("INSERT INTO t VALUES(?1)", {ByteView(large)});
    const auto committed = result ? transaction->commit() : Result<>(Failure(result.error()));
    if (committed) return 3;
    return committed.error().fault == Fault::kStorage ? 0 : 4;
  });
  EXPECT_EQ(writer.wait(), 0);
  EXPECT_EQ(number(*open(file, kOwner), "SELECT count(*) FROM t"), 1);
}

// A transaction of many pages in a process whose files cannot be longer than `room`; how it ends.
Result<> write_much(const std::filesystem::path& file, const SqliteOptions& options, rlim_t room) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{room, room};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const auto database = TRY(open_sqlite(file, options));
  auto transaction = TRY(Transaction::begin(*database, Access::kWrite));
  for (int i = 0; i < 50; ++i) TRY(database->execute("INSERT INTO t VALUES(zeroblob(9000))", {}));
  return transaction.commit();
}

// SQLite has another word for it where the index of the write-ahead log has no room, and where it is a quota that leaves none.
TEST(FullDisk, IsCalledFullWhateverHasNoRoom) {
  for (const SqliteOptions& options : {kOwner, kShared}) {
    for (const rlim_t room : {8U, 40U, 100U, 200U, 300U, 400U}) {
      SCOPED_TRACE(std::to_string(room) + " KiB");
      const TemporaryFolder folder;
      const auto file = folder / "store.db";
      ASSERT_TRUE(open(file, kOwner)->execute_script("CREATE TABLE t(x BLOB) STRICT"));
      ChildProcess writer([&](const auto&) {
        const Result<> written = write_much(file, options, room * 1024);
        if (written) return 1;
        return written.error().message.ends_with("full") && written.error().hint.starts_with("free some space") ? 0 : 2;
      });
      EXPECT_EQ(writer.wait(), 0);
    }
  }
}

}  // namespace
}  // namespace airtight::storage
