#include "ca/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/ca/test_authority.h"
#include "tests/support/temporary_folder.h"

namespace airtight::ca {
namespace {

using tests::must;

// A log with the rows of a new authority and three more.
struct AuditLog : testing::Test {
  AuditLog() {
    must(world.create());
    auto transaction = must(storage::Transaction::begin(*world.database, storage::Access::kWrite));
    for (const char* event : {"one", "two", "three"}) must(record(*world.database, world.clock, event, "detail"));
    must(transaction.commit());
    last_id = must(verify_audit_log(*world.database)).last_id;
  }
  // Changes the database as someone would who does not ask this program.
  void tamper(std::string_view sql) {
    must(world.database->execute("DROP TRIGGER IF EXISTS audit_log_is_not_changed"));
    must(world.database->execute("DROP TRIGGER IF EXISTS audit_log_is_not_cut"));
    EXPECT_GT(must(world.database->execute(sql)), 0);
  }
  void expect_broken(std::int64_t id) {
    const auto verified = verify_audit_log(*world.database);
    ASSERT_FALSE(verified.has_value());
    EXPECT_EQ(verified.error().fault, Fault::kRefused);
    EXPECT_THAT(verified.error().message, testing::HasSubstr("at row " + std::to_string(id) + ":"));
  }

  TestAuthority world;
  std::int64_t last_id = 0;
};

TEST_F(AuditLog, KeepsEventsInOrder) {
  const std::vector<AuditEntry> entries = must(list_audit_log(*world.database, 100));
  ASSERT_EQ(entries.size(), static_cast<std::size_t>(last_id));
  for (std::size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(entries[i].id, static_cast<std::int64_t>(i + 1));
  EXPECT_EQ(entries[0].event, "ca.created");
  EXPECT_EQ(entries.back().event, "three");
  EXPECT_EQ(entries.back().detail, "detail");
  EXPECT_EQ(entries.back().time, world.clock.now());
}

TEST_F(AuditLog, IsWholeForWhoeverVerifiesItWhileOthersWrite) {
  const tests::TemporaryFolder folder;
  world.database = must(storage::open_sqlite(folder / "ca.db", {.create = true}));
  must(world.create());
  std::atomic<bool> written = false;
  std::thread writer([&] {
    const auto database = must(storage::open_sqlite(folder / "ca.db", {}));
    for (int i = 0; i < 200; ++i) {
      auto transaction = must(storage::Transaction::begin(*database, storage::Access::kWriteEarly));
      must(record(*database, world.clock, "meanwhile", "detail"));
      must(transaction.commit());
    }
    written = true;
  });
  while (!written) {
    const auto head = verify_audit_log(*world.database);
    EXPECT_TRUE(head) << head.error().message;
  }
  writer.join();
}

TEST_F(AuditLog, IsListedPageByPage) {
  EXPECT_EQ(must(list_audit_log(*world.database, 2)).size(), 2U);
  EXPECT_EQ(must(list_audit_log(*world.database, 2, last_id - 1)).size(), 1U);
}

TEST_F(AuditLog, HasAnEndThatMovesWithEveryRow) {
  const AuditHead before = must(verify_audit_log(*world.database));
  must(record(*world.database, world.clock, "four", ""));
  const AuditHead after = must(verify_audit_log(*world.database));
  EXPECT_EQ(after.last_id, before.last_id + 1);
  EXPECT_NE(after.hash, before.hash);
}

TEST_F(AuditLog, RefusesChangesAndDeletions) {
  EXPECT_FALSE(world.database->execute("UPDATE audit_log SET detail = 'other' WHERE id = 1"));
  EXPECT_FALSE(world.database->execute("DELETE FROM audit_log WHERE id = 1"));
  EXPECT_TRUE(verify_audit_log(*world.database));
}

TEST_F(AuditLog, ShowsAChangedDetail) {
  tamper("UPDATE audit_log SET detail = 'other' WHERE id = 2");
  expect_broken(2);
}

TEST_F(AuditLog, ShowsAChangedTime) {
  tamper("UPDATE audit_log SET time = time + 1 WHERE id = 1");
  expect_broken(1);
}

TEST_F(AuditLog, ShowsAByteThatMovedBetweenFields) {
  tamper("UPDATE audit_log SET event = event || substr(detail, 1, 1), detail = substr(detail, 2) WHERE id = 3");
  expect_broken(3);
}

TEST_F(AuditLog, ShowsADeletedRow) {
  tamper("DELETE FROM audit_log WHERE id = 2");
  expect_broken(2);
}

TEST_F(AuditLog, ShowsADeletionWithRowsRenumbered) {
  tamper("DELETE FROM audit_log WHERE id = 2");
  tamper("UPDATE audit_log SET id = id - 1 WHERE id > 2");
  expect_broken(2);
}

TEST_F(AuditLog, ShowsThatItsEndWasCutOff) {
  tamper("DELETE FROM audit_log WHERE id = (SELECT max(id) FROM audit_log)");
  expect_broken(last_id);
}

TEST_F(AuditLog, ShowsAnAddedRow) {
  tamper("INSERT INTO audit_log SELECT id + 1, time, event, detail, hash FROM audit_log WHERE id = (SELECT max(id) FROM audit_log)");
  expect_broken(last_id + 1);
}

TEST_F(AuditLog, ShowsALostHead) {
  tamper("DELETE FROM audit_head");
  EXPECT_EQ(verify_audit_log(*world.database).error().fault, Fault::kRefused);
}

}  // namespace
}  // namespace airtight::ca
