// A store whose database was changed behind its back: nothing that was moved, edited or put back from an older copy is believed.
#include <gtest/gtest.h>

#include <filesystem>

#include "storage/database.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::sks::testing {
namespace {

using tests::must;
using tests::TemporaryFolder;

class DamagedStore : public ::testing::Test {
 protected:
  DamagedStore() {
    TestIssuer issuer(device);
    const auto policy = must(device.call(issuer.pin_policy()));
    key = issuer.provision(issuer.key_pair("Key.1", policy.pin_policy_handle, "1357")).key_handle;
    TestIssuer other(device);
    other_key = other.provision(other.key_pair("Key.1")).key_handle;
  }

  // Changes the database while nobody has it open.
  void change(std::string_view sql) {
    device.close();
    const auto database = must(storage::open_sqlite(file, {.exclusive = true}));
    must(database->execute_script(sql));
  }
  [[nodiscard]] Result<SignHashedData::Response> sign(KeyStore& store, Handle handle, std::string_view pin) {
    return sks::call(store, SignHashedData{handle, std::string(uri::kEcdsaSha256), SecretBytes::copy_of(bytes_of(pin)), Bytes(32)});
  }
  [[nodiscard]] std::vector<std::string> findings(KeyStore& store) {
    std::vector<std::string> ids;
    for (const Finding& finding : must(store.verify()).findings) ids.push_back(finding.id);
    return ids;
  }
  void expect_refused_but_the_other_session_whole() {
    const auto store = device.open();
    if (!store) return;  // refused as a whole
    EXPECT_FALSE(sign(**store, key, "1357")) << "the damaged key was used";
    EXPECT_TRUE(sign(**store, other_key, "").has_value()) << "the other session's key was not touched";
    EXPECT_FALSE(findings(**store).empty());
  }

  TemporaryFolder folder;
  std::filesystem::path file = folder / "sks.db";
  TestDevice device{DeviceOptions{.file = file}};
  Handle key = 0;
  Handle other_key = 0;
};

TEST_F(DamagedStore, IsWholeAtFirst) {
  EXPECT_TRUE(findings(device.store()).empty());
  const auto report = must(device.store().verify());
  EXPECT_EQ(report.keys, 2U);
  EXPECT_EQ(report.sessions, 2U);
}

TEST_F(DamagedStore, RefusesAByteChangedInARecord) {
  change("UPDATE sks_records SET sealed = CAST(substr(sealed, 1, 20) || X'00' || substr(sealed, 22) AS BLOB) WHERE kind = 4 AND id = 1");
  expect_refused_but_the_other_session_whole();
}

TEST_F(DamagedStore, RefusesARecordOfAnotherKey) {
  change(
      "UPDATE sks_records SET sealed = (SELECT sealed FROM sks_records WHERE kind = 6 AND id = 2),"
      " version = (SELECT version FROM sks_records WHERE kind = 6 AND id = 2) WHERE kind = 6 AND id = 1");
  expect_refused_but_the_other_session_whole();
}

TEST_F(DamagedStore, RefusesASessionWithoutItsPin) {
  change("DELETE FROM sks_records WHERE kind = 3");
  expect_refused_but_the_other_session_whole();
}

TEST_F(DamagedStore, RefusesAnOlderErrorCounter) {
  change("CREATE TABLE kept AS SELECT * FROM sks_records WHERE kind = 3");
  {
    const auto store = must(device.open());
    EXPECT_FALSE(sign(*store, key, "2468"));
  }
  change("UPDATE sks_records SET version = (SELECT version FROM kept), sealed = (SELECT sealed FROM kept) WHERE kind = 3");
  expect_refused_but_the_other_session_whole();
}

TEST_F(DamagedStore, RefusesAnOlderSessionWithAllThatIsIts) {
  change(
      "CREATE TABLE kept AS SELECT * FROM sks_records WHERE session = 1; CREATE TABLE kept_session AS SELECT * FROM sks_sessions WHERE "
      "handle = 1");
  {
    const auto store = must(device.open());
    EXPECT_FALSE(sign(*store, key, "2468"));
  }
  change(
      "DELETE FROM sks_records WHERE session = 1; INSERT INTO sks_records SELECT * FROM kept;"
      "DELETE FROM sks_sessions WHERE handle = 1; INSERT INTO sks_sessions SELECT * FROM kept_session");
  EXPECT_FALSE(device.open()) << "its group is the device's, without which there is no store";
}

TEST_F(DamagedStore, RefusesAnOlderGroupOfSessions) {
  change("CREATE TABLE kept AS SELECT * FROM sks_roots WHERE id = 1");
  {
    const auto store = must(device.open());
    EXPECT_FALSE(sign(*store, key, "2468"));
  }
  change("UPDATE sks_roots SET version = (SELECT version FROM kept), sealed = (SELECT sealed FROM kept) WHERE id = 1");
  EXPECT_FALSE(device.open());
}

TEST_F(DamagedStore, RefusesASessionThatWasTakenAway) {
  change("DELETE FROM sks_sessions WHERE handle = 1; DELETE FROM sks_records WHERE session = 1");
  EXPECT_FALSE(device.open()) << "its group is the device's, without which there is no store";
}

TEST_F(DamagedStore, FindsRecordsThatBelongToNobody) {
  change("INSERT INTO sks_records (session, kind, id, part, version, sealed) VALUES (99, 5, 99, 0, 1, X'00')");
  EXPECT_EQ(findings(*must(device.open())), std::vector<std::string>{"stray-records"});
}

TEST_F(DamagedStore, IsNotOpenedWithoutItsRoot) {
  change("DELETE FROM sks_roots WHERE id = 0");
  EXPECT_FALSE(device.open());
}

TEST_F(DamagedStore, IsNotOpenedUnderAnotherMasterKey) {
  device.close();
  crypto::SystemRandom random;
  auto database = must(storage::open_sqlite(file, {.exclusive = true}));
  EXPECT_FALSE(KeyStore::open(std::move(database), sealing::MasterKey(random.secret(32)), device.platform()));
}

}  // namespace
}  // namespace airtight::sks::testing
