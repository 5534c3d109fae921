// Statements, rows and transactions, as storage/database.h promises them.
#include "storage/database.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "tests/support/must.h"

namespace airtight::storage {
namespace {

using tests::must;

class OpenDatabase : public testing::Test {
 protected:
  void SetUp() override {
    database_ = must(open_sqlite_in_memory());
    must(
        database_->execute_script("CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER CHECK(age >= 0),"
                                  "photo BLOB) STRICT;"
                                  "CREATE TABLE pets(id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES people(id)) STRICT;"));
  }

  std::int64_t add(std::string_view name, std::int64_t age = 1) {
    must(database_->execute("INSERT INTO people(name, age) VALUES(?1, ?2)", {name, age}));
    return database_->last_insert_id();
  }

  std::int64_t count() {
    return must(query_one(*database_, "SELECT count(*) FROM people", {}, [](const Row& row) { return row.integer(0); })).value();
  }

  std::vector<std::string> names() {
    return must(query_all(*database_, "SELECT name FROM people ORDER BY name", {}, [](const Row& row) { return row.text(0); }));
  }

  std::unique_ptr<Database> database_;
};

using Statement = OpenDatabase;
using Columns = OpenDatabase;
using Cursors = OpenDatabase;
using Faults = OpenDatabase;
using Transactions = OpenDatabase;
using Migrations = OpenDatabase;

TEST_F(Statement, KeepsEveryTypeOfValue) {
  const Bytes photo = to_bytes(std::string_view("\0\xFF\x01", 3));
  must(database_->execute("INSERT INTO people(name, age, photo) VALUES(?1, ?2, ?3)",
                          {std::string_view("a\0b", 3), std::int64_t{1} << 62, ByteView(photo)}));
  const auto row = must(query_one(*database_, "SELECT name, age, photo FROM people", {},
                                  [](const Row& r) { return std::tuple(r.text(0), r.integer(1), r.blob(2)); }));
  EXPECT_EQ(row, std::tuple(std::string("a\0b", 3), std::int64_t{1} << 62, photo));
}

TEST_F(Statement, KeepsEmptyTextAndBlobApartFromNull) {
  must(database_->execute("INSERT INTO people(name, age, photo) VALUES(?1, ?2, ?3)", {std::string_view(), std::monostate(), ByteView()}));
  const auto row = must(query_one(*database_, "SELECT name, age, photo FROM people", {},
                                  [](const Row& r) { return std::tuple(r.text(0), r.is_null(0), r.is_null(1), r.blob(2), r.is_null(2)); }));
  EXPECT_EQ(row, std::tuple(std::string(), false, true, Bytes(), false));
}

TEST_F(Statement, BindsNothingLeftFromItsLastRun) {
  add("Ann");
  EXPECT_EQ(must(database_->execute("UPDATE people SET age = ?1", {std::int64_t{7}})), 1);
  EXPECT_EQ(must(database_->execute("UPDATE people SET age = ?1", {std::monostate()})), 1);
  EXPECT_TRUE(must(query_one(*database_, "SELECT age FROM people", {}, [](const Row& row) { return row.is_null(0); })).value());
}

TEST_F(Statement, CountsTheRowsThatItChanges) {
  add("Ann");
  add("Bob");
  EXPECT_EQ(must(database_->execute("UPDATE people SET age = 5")), 2);
  EXPECT_EQ(must(database_->execute("DELETE FROM people WHERE name = 'nobody'")), 0);
  EXPECT_EQ(must(database_->execute("CREATE TABLE other(x INTEGER) STRICT")), 0);
}

TEST_F(Statement, GivesTheIdOfTheRowItInserts) {
  const auto first = add("Ann");
  EXPECT_EQ(add("Bob"), first + 1);
}

TEST_F(Statement, IsOneAlone) {
  EXPECT_THROW((void)database_->execute("DELETE FROM people; DELETE FROM pets"), std::logic_error);
  EXPECT_THROW((void)database_->execute(""), std::logic_error);
  EXPECT_TRUE(database_->execute("DELETE FROM people;\n"));
}

TEST_F(Statement, WantsAsManyValuesAsItHasParameters) {
  EXPECT_THROW((void)database_->execute("DELETE FROM people WHERE id = ?1"), std::logic_error);
  EXPECT_THROW((void)database_->execute("DELETE FROM people", {std::int64_t{1}}), std::logic_error);
}

TEST_F(Statement, RunForItsEffectGivesNoRows) { EXPECT_THROW((void)database_->execute("SELECT 1"), std::logic_error); }

TEST_F(Statement, DoesNotTakeTextInDoubleQuotes) {
  const auto result = database_->query("SELECT \"no such column\"");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kInternal);
}

TEST_F(Statement, SurvivesAChangeOfTheSchema) {
  add("Ann");
  EXPECT_EQ(count(), 1);
  must(database_->execute_script("ALTER TABLE people ADD COLUMN email TEXT"));
  EXPECT_EQ(count(), 1);
}

TEST_F(Columns, OfAnotherTypeAreABug) {
  add("Ann");
  auto cursor = must(database_->query("SELECT name, age, photo FROM people"));
  const Row* row = must(cursor->next());
  ASSERT_NE(row, nullptr);
  EXPECT_THROW((void)row->integer(0), std::logic_error);
  EXPECT_THROW((void)row->text(1), std::logic_error);
  EXPECT_THROW((void)row->blob(0), std::logic_error);
  EXPECT_THROW((void)row->blob(2), std::logic_error) << "NULL is no blob";
}

TEST_F(Columns, OutsideOfTheQueryAreABug) {
  add("Ann");
  auto cursor = must(database_->query("SELECT name FROM people"));
  const Row* row = must(cursor->next());
  EXPECT_THROW((void)row->text(1), std::logic_error);
  EXPECT_THROW((void)row->is_null(-1), std::logic_error);
}

TEST_F(Cursors, GiveTheirRowsInOrderAndThenNothing) {
  add("Bob");
  add("Ann");
  auto cursor = must(database_->query("SELECT name FROM people ORDER BY name"));
  EXPECT_EQ(must(cursor->next())->text(0), "Ann");
  EXPECT_EQ(must(cursor->next())->text(0), "Bob");
  EXPECT_EQ(must(cursor->next()), nullptr);
  EXPECT_EQ(must(cursor->next()), nullptr) << "it starts again";
}

TEST_F(Cursors, OnOneStatementDoNotDisturbEachOther) {
  for (const std::string_view name : {"Ann", "Bob", "Cyd"}) add(name);
  constexpr std::string_view kSql = "SELECT name FROM people ORDER BY name";
  std::string seen;
  auto outer = must(database_->query(kSql));
  while (const Row* row = must(outer->next())) {
    seen += row->text(0) + ":";
    auto inner = must(database_->query(kSql));
    while (const Row* other = must(inner->next())) seen += other->text(0)[0];
    seen += ' ';
  }
  EXPECT_EQ(seen, "Ann:ABC Bob:ABC Cyd:ABC ");
}

TEST_F(Cursors, LetTheSameStatementRunAgainWhenLeftInTheMiddle) {
  add("Ann");
  add("Bob");
  for (int i = 0; i < 3; ++i) {
    auto cursor = must(database_->query("SELECT name FROM people ORDER BY name"));
    EXPECT_EQ(must(cursor->next())->text(0), "Ann");
  }
}

TEST_F(Cursors, KeepTheirValuesAfterTheCallersAreGone) {
  add("a name that is too long to be kept inside of a string object");
  std::unique_ptr<Cursor> cursor;
  {
    const std::string name = "a name that is too long to be kept inside of a string object";
    cursor = must(database_->query("SELECT age FROM people WHERE name = ?1", {std::string_view(name)}));
  }
  EXPECT_NE(must(cursor->next()), nullptr);
}

TEST_F(Cursors, OfOneRowTellItFromNone) {
  const auto read = [](const Row& row) { return row.integer(0); };
  EXPECT_EQ(must(query_one(*database_, "SELECT age FROM people", {}, read)), std::nullopt);
  add("Ann", 40);
  EXPECT_EQ(must(query_one(*database_, "SELECT age FROM people", {}, read)), 40);
}

TEST_F(Faults, SayThatAUniqueValueIsThere) {
  add("Ann");
  const auto name = database_->execute("INSERT INTO people(name) VALUES('Ann')");
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().fault, Fault::kRefused);
  const auto id = database_->execute("INSERT INTO people(id, name) VALUES(1, 'Bob')");
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().fault, Fault::kRefused);
}

TEST_F(Faults, InOtherConstraintsAreInternal) {
  for (const std::string_view sql : {"INSERT INTO people(name) VALUES(NULL)", "INSERT INTO people(name, age) VALUES('Ann', -1)",
                                     "INSERT INTO pets(owner) VALUES(99)", "INSERT INTO people(name, age) VALUES('Ann', 'old')"}) {
    const auto result = database_->execute(sql);
    ASSERT_FALSE(result) << sql;
    EXPECT_EQ(result.error().fault, Fault::kInternal) << sql;
  }
}

TEST_F(Faults, DoNotRepeatTheValues) {
  add("secret-name");
  const auto result = database_->execute("INSERT INTO people(name) VALUES(?1)", {"secret-name"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message.find("secret-name"), std::string::npos);
}

TEST_F(Transactions, AreNothingWithoutACommit) {
  {
    const Transaction transaction = must(Transaction::begin(*database_, Access::kWrite));
    add("Ann");
    EXPECT_EQ(count(), 1);
  }
  EXPECT_EQ(count(), 0);
}

TEST_F(Transactions, StayWhenCommitted) {
  {
    Transaction transaction = must(Transaction::begin(*database_, Access::kWrite));
    add("Ann");
    must(transaction.commit());
  }
  EXPECT_EQ(count(), 1);
}

TEST_F(Transactions, CanBeMoved) {
  {
    Transaction first = must(Transaction::begin(*database_, Access::kWrite));
    add("Ann");
    Transaction second(std::move(first));
    must(second.commit());
  }
  EXPECT_EQ(count(), 1);
}

TEST_F(Transactions, ThatFailAtTheirCommitAreRolledBack) {
  must(database_->execute_script("CREATE TABLE toys(pet INTEGER REFERENCES pets(id) DEFERRABLE INITIALLY DEFERRED) STRICT"));
  Transaction transaction = must(Transaction::begin(*database_, Access::kWrite));
  add("Ann");
  must(database_->execute("INSERT INTO toys(pet) VALUES(99)"));
  EXPECT_FALSE(transaction.commit());
  EXPECT_EQ(count(), 0);
  EXPECT_TRUE(Transaction::begin(*database_, Access::kWrite));
}

TEST_F(Transactions, CannotBeNestedNorCommittedTwice) {
  Transaction transaction = must(Transaction::begin(*database_, Access::kWrite));
  EXPECT_THROW((void)Transaction::begin(*database_, Access::kRead), std::logic_error);
  must(transaction.commit());
  EXPECT_THROW((void)transaction.commit(), std::logic_error);
  EXPECT_THROW((void)database_->commit(), std::logic_error);
}

TEST_F(Transactions, BegunForReadingDoNotWrite) {
  Transaction transaction = must(Transaction::begin(*database_, Access::kRead));
  EXPECT_EQ(count(), 0);
  EXPECT_THROW((void)database_->execute("DELETE FROM people"), std::logic_error);
  EXPECT_THROW((void)database_->execute_script("DELETE FROM people"), std::logic_error);
}

TEST_F(Transactions, CanFollowARefusalWithinThem) {
  add("Ann");
  Transaction transaction = must(Transaction::begin(*database_, Access::kWrite));
  EXPECT_FALSE(database_->execute("INSERT INTO people(name) VALUES('Ann')"));
  add("Bob");
  must(transaction.commit());
  EXPECT_EQ(names(), (std::vector<std::string>{"Ann", "Bob"}));
}

constexpr std::string_view kFirstStep = "CREATE TABLE a(x INTEGER) STRICT; CREATE TABLE b(x INTEGER) STRICT; -- two at once\n";
constexpr std::string_view kSecondStep = "INSERT INTO a VALUES(1); INSERT INTO b SELECT x FROM a;";

TEST_F(Migrations, RunEachStatementOfEachStepOnce) {
  const std::vector<Migration> first = {{1, kFirstStep}};
  const std::vector<Migration> both = {{1, kFirstStep}, {2, kSecondStep}};
  must(migrate(*database_, "thing", first));
  must(migrate(*database_, "thing", first));
  must(migrate(*database_, "thing", both));
  must(migrate(*database_, "thing", both));
  const auto count_b = must(query_one(*database_, "SELECT count(*) FROM b", {}, [](const Row& row) { return row.integer(0); }));
  EXPECT_EQ(count_b, 1);
}

TEST_F(Migrations, OfTwoSchemasAreCountedApart) {
  const std::vector<Migration> one = {{1, "CREATE TABLE a(x INTEGER) STRICT"}};
  const std::vector<Migration> other = {{1, "CREATE TABLE b(x INTEGER) STRICT"}};
  must(migrate(*database_, "one", one));
  must(migrate(*database_, "other", other));
  EXPECT_TRUE(database_->execute("DELETE FROM b"));
}

TEST_F(Migrations, ThatFailLeaveNothingOfTheirStep) {
  const std::vector<Migration> broken = {{1, kFirstStep}, {2, "INSERT INTO a VALUES(1); INSERT INTO missing VALUES(1);"}};
  EXPECT_FALSE(migrate(*database_, "thing", broken));
  const std::vector<Migration> repaired = {{1, kFirstStep}, {2, kSecondStep}};
  must(migrate(*database_, "thing", repaired));
  EXPECT_EQ(must(query_one(*database_, "SELECT count(*) FROM a", {}, [](const Row& row) { return row.integer(0); })), 1);
}

TEST_F(Migrations, OfANewerProgramAreRefused) {
  const std::vector<Migration> both = {{1, kFirstStep}, {2, kSecondStep}};
  const std::vector<Migration> first = {{1, kFirstStep}};
  must(migrate(*database_, "thing", both));
  const auto result = migrate(*database_, "thing", first);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_NE(result.error().message.find("version 2 of schema thing"), std::string::npos) << result.error().message;
  EXPECT_NE(result.error().hint.find("upgrade"), std::string::npos);
}

TEST_F(Migrations, AreNumberedWithoutGaps) {
  const std::vector<Migration> gap = {{1, kFirstStep}, {3, kSecondStep}};
  EXPECT_THROW((void)migrate(*database_, "thing", gap), std::logic_error);
}

TEST_F(Migrations, DoNotEndTheirTransaction) {
  const std::vector<Migration> cheat = {{1, "CREATE TABLE a(x INTEGER) STRICT; COMMIT; CREATE TABLE b(x INTEGER) STRICT;"}};
  EXPECT_THROW((void)migrate(*database_, "thing", cheat), std::logic_error);
}

}  // namespace
}  // namespace airtight::storage
