// Backup, restore and anchor: handles stay, and nobody gets a PIN guess more (sks.md sections 5 and 6).
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "storage/database.h"
#include "storage/files.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::sks::testing {
namespace {

using tests::must;
using tests::TemporaryFolder;

class CountingAnchor final : public RollbackAnchor {
 public:
  [[nodiscard]] Result<std::uint64_t> read() override { return count; }
  [[nodiscard]] Result<std::uint64_t> advance() override {
    if (broken) return airtight::fail(Fault::kUnavailable, "no anchor today");
    return ++count;
  }
  std::uint64_t count = 0;
  bool broken = false;
};

class StoreWithCopies : public ::testing::Test {
 protected:
  StoreWithCopies() {
    TestIssuer issuer(device);
    const auto puk = must(device.call(issuer.puk_policy()));
    const auto policy = must(device.call(issuer.pin_policy("PIN.1", puk.puk_policy_handle)));
    key = issuer.provision(issuer.key_pair("Key.1", policy.pin_policy_handle, "1357")).key_handle;
    TestIssuer other(device);
    free_key = other.provision(other.key_pair("Key.1")).key_handle;
  }

  [[nodiscard]] Status sign(Channel& store, Handle handle, std::string_view pin) {
    return status(sks::call(store, SignHashedData{handle, std::string(uri::kEcdsaSha256), SecretBytes::copy_of(bytes_of(pin)), Bytes(32)}));
  }
  [[nodiscard]] unsigned pin_errors(Channel& store) { return must(sks::call(store, GetKeyProtectionInfo{key})).pin_error_count; }

  // Restores `backup` as a store beside the first one.
  [[nodiscard]] std::unique_ptr<KeyStore> restore_beside(KeyStore* present) {
    report =
        must(KeyStore::restore(must(storage::open_sqlite(backup, {.exclusive = true})), device.master_key(), present, device.platform()));
    return must(KeyStore::open(must(storage::open_sqlite(backup, {.exclusive = true})), device.master_key(), device.platform()));
  }

  TemporaryFolder folder;
  std::filesystem::path file = folder / "sks.db";
  std::filesystem::path backup = folder / "backup.db";
  TestDevice device{DeviceOptions{.file = file}};
  Handle key = 0;
  Handle free_key = 0;
  RestoreReport report;
};

TEST_F(StoreWithCopies, ABackupIsNoStore) {
  must(device.store().back_up(backup));
  EXPECT_FALSE(KeyStore::open(must(storage::open_sqlite(backup, {.exclusive = true})), device.master_key(), device.platform()));
}

TEST_F(StoreWithCopies, ABackupInThePlaceOfTheStoreIsToldSo) {
  must(device.store().back_up(backup));
  const auto opened = KeyStore::open(must(storage::open_sqlite(backup, {.exclusive = true})), device.master_key(), device.platform());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, "this is a backup of a key store, and no key store");
}

TEST_F(StoreWithCopies, ABackupDoesNotReplaceAFile) {
  must(device.store().back_up(backup));
  EXPECT_FALSE(device.store().back_up(backup));
}

TEST_F(StoreWithCopies, ABackupNeedsAName) {
  EXPECT_FALSE(device.store().back_up(""));
  EXPECT_FALSE(device.store().back_up(folder.path() / ""));
}

TEST_F(StoreWithCopies, ABackupLeavesNothingBesideItselfAndTouchesNothingElse) {
  const auto part = folder / "backup.db.part";
  must(storage::write_new_file(part, bytes_of("mine"), storage::FileMode::kPrivate));
  const auto files = [&] { return std::distance(std::filesystem::directory_iterator(folder.path()), {}); };
  const auto before = files();
  EXPECT_FALSE(device.store().back_up(folder / "no such folder" / "backup.db"));
  EXPECT_EQ(files(), before);
  must(device.store().back_up(backup));
  EXPECT_EQ(files(), before + 1);
  EXPECT_EQ(to_text(must(storage::read_file(part, 100))), "mine");
}

TEST_F(StoreWithCopies, RestoreKeepsHandlesAndKeys) {
  must(device.store().back_up(backup));
  const auto restored = restore_beside(&device.store());
  EXPECT_EQ(sign(*restored, key, "1357"), Status::kOk);
  EXPECT_EQ(sign(*restored, free_key, ""), Status::kOk);
  EXPECT_TRUE(must(restored->verify()).findings.empty());
  EXPECT_EQ(report.keys, 2U);
  EXPECT_EQ(report.locked, 0U);
}

TEST_F(StoreWithCopies, RestoreKeepsErrorsMadeSinceTheBackup) {
  must(device.store().back_up(backup));
  EXPECT_EQ(sign(device.store(), key, "2468"), Status::kAuthorization);
  EXPECT_EQ(sign(device.store(), key, "2468"), Status::kAuthorization);
  const auto restored = restore_beside(&device.store());
  EXPECT_EQ(pin_errors(*restored), 2U);
}

TEST_F(StoreWithCopies, RestoreDoesNotBringErrorsBackThatWereForgiven) {
  EXPECT_EQ(sign(device.store(), key, "2468"), Status::kAuthorization);
  must(device.store().back_up(backup));
  EXPECT_EQ(sign(device.store(), key, "1357"), Status::kOk);
  const auto restored = restore_beside(&device.store());
  EXPECT_EQ(pin_errors(*restored), 1U) << "never less than either of them";
}

TEST_F(StoreWithCopies, WithoutThePresentStoreEveryPinAndPukComesBackLocked) {
  must(device.store().back_up(backup));
  const auto restored = restore_beside(nullptr);
  EXPECT_EQ(sign(*restored, key, "1357"), Status::kAuthorization);
  EXPECT_EQ(status(sks::call(*restored, UnlockKey{key, SecretBytes::copy_of(bytes_of("0123456789"))})), Status::kAuthorization);
  EXPECT_EQ(sign(*restored, free_key, ""), Status::kOk);
  EXPECT_EQ(report.locked, 2U);
}

TEST_F(StoreWithCopies, WithoutThePresentStoreNoHandleComesAgain) {
  must(device.store().back_up(backup));
  TestIssuer later(device);
  const Handle latest = later.provision(later.key_pair("Key.1")).key_handle;
  const auto restored = restore_beside(nullptr);
  TestIssuer issuer(*restored, device.certificate());
  EXPECT_GT(issuer.provision(issuer.key_pair("Key.1")).key_handle, latest);
}

TEST_F(StoreWithCopies, RestoreDropsOpenSessions) {
  TestIssuer open(device);
  must(device.store().back_up(backup));
  const auto restored = restore_beside(&device.store());
  EXPECT_EQ(report.open_sessions_dropped, 1U);
  EXPECT_EQ(status(sks::call(*restored, AbortProvisioningSession{open.handle()})), Status::kNoSession);
}

class AnchoredStore : public StoreWithCopies {
 protected:
  AnchoredStore() { must(device.store().change_anchor(&anchor)); }
  ~AnchoredStore() override { device.close(); }  // while its anchor is there
  [[nodiscard]] Platform anchored() {
    Platform platform = device.platform();
    return Platform{platform.clock, platform.random, platform.pause, nullptr, &anchor};
  }
  [[nodiscard]] Result<std::unique_ptr<KeyStore>> open() {
    return KeyStore::open(TRY(storage::open_sqlite(file, {.exclusive = true})), device.master_key(), anchored());
  }
  void copy_to(const std::filesystem::path& name) {
    std::filesystem::copy_file(file, name, std::filesystem::copy_options::overwrite_existing);
  }
  CountingAnchor anchor;
};

TEST_F(AnchoredStore, OpensAgain) {
  EXPECT_EQ(sign(device.store(), key, "2468"), Status::kAuthorization);
  device.close();
  EXPECT_TRUE(open().has_value());
}

TEST_F(AnchoredStore, DoesNotOpenWithoutItsAnchor) {
  device.close();
  EXPECT_FALSE(device.open());
}

TEST_F(AnchoredStore, DoesNotOpenAnOldCopy) {
  device.close();
  copy_to(folder / "old.db");
  EXPECT_EQ(sign(*must(open()), key, "2468"), Status::kAuthorization);
  std::filesystem::remove(folder / "sks.db-wal");
  std::filesystem::copy_file(folder / "old.db", file, std::filesystem::copy_options::overwrite_existing);
  EXPECT_FALSE(open());
}

TEST_F(AnchoredStore, ComparesNoPinWhileItsAnchorIsBroken) {
  EXPECT_EQ(sign(device.store(), key, "2468"), Status::kAuthorization);
  anchor.broken = true;
  EXPECT_EQ(sign(device.store(), key, "2468"), Status::kStorage);
  EXPECT_EQ(sign(device.store(), key, "1357"), Status::kStorage);
  anchor.broken = false;
  EXPECT_EQ(sign(device.store(), key, "1357"), Status::kOk);
}

TEST_F(AnchoredStore, CatchesUpWithACommitThatTheAnchorHasMissed) {
  anchor.broken = true;
  EXPECT_EQ(sign(device.store(), key, "2468"), Status::kStorage);
  device.close();
  anchor.broken = false;
  EXPECT_TRUE(open().has_value());
}

}  // namespace
}  // namespace airtight::sks::testing
