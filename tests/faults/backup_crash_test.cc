// Backup and restore, killed and without power at every write: the store is untouched, and a copy can only be restored until it is
// complete.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "crypto/random.h"
#include "device/store_folder.h"
#include "sealing/seal.h"
#include "tests/faults/device_life.h"
#include "tests/faults/faulty_vfs.h"
#include "tests/faults/store_picture.h"
#include "tests/faults/store_process.h"
#include "tests/support/child_process.h"
#include "tests/support/must.h"

namespace airtight::faults {
namespace {

using sks::Status;
using sks::testing::status;
using tests::must;

// A store with errors at its PINs, and a backup from before they were made.
class Copies : public testing::TestWithParam<FaultyVfs::Fault> {
 protected:
  Copies() {
    const crypto::Certificate device = make_device(folder / "store");
    const auto store = must(open_store(folder / "store"));
    const ProvisionedKeys keys = provision(*store, device);
    first = keys.first;
    imported = keys.imported;
    must(store->back_up(folder / "old.db"));
    for (int i = 0; i < 2; ++i) EXPECT_EQ(try_pin(*store, kWrongPin), Status::kAuthorization);
  }

  // Does `work` with the fault at its operation `operations`; whether it struck.
  template <typename Work>
  bool struck(int operations, Work&& work) {
    if (GetParam() == FaultyVfs::Fault::kKilled) {
      tests::ChildProcess process([&](const std::function<void()>&) {
        FaultyVfs vfs(FaultyVfs::Use::kEverywhere);
        vfs.fail_after(operations, FaultyVfs::Fault::kKilled);
        return work() ? 0 : 1;
      });
      const int exit_status = process.wait();
      EXPECT_TRUE(exit_status == 0 || exit_status == -SIGKILL) << exit_status;
      return exit_status != 0;
    }
    FaultyVfs vfs(FaultyVfs::Use::kEverywhere);
    vfs.fail_after(operations, GetParam(), static_cast<unsigned>(operations));
    const Result<> done = work();
    EXPECT_TRUE(done || vfs.struck()) << done.error().message;
    return vfs.struck();
  }

  [[nodiscard]] Status try_pin(sks::Channel& store, std::string_view pin) {
    return status(sign(store, first.handle, first.public_key, pin));
  }
  [[nodiscard]] unsigned errors(sks::Channel& store) {
    return must(sks::call(store, sks::GetKeyProtectionInfo{first.handle})).pin_error_count;
  }
  // A store's database, which is `file`, with the seal of the first one.
  [[nodiscard]] Result<std::unique_ptr<sks::KeyStore>> open_copy(const std::filesystem::path& file) {
    auto database = TRY(storage::open_sqlite(file, {.exclusive = true}));
    auto master_key = TRY(sealing::open_master_key(folder / "store", {}));
    return sks::KeyStore::open(std::move(database), std::move(master_key), platform());
  }
  [[nodiscard]] Result<> restore(const std::filesystem::path& file, sks::KeyStore* present) {
    auto database = TRY(storage::open_sqlite(file, {.exclusive = true}));
    const auto master_key = TRY(sealing::open_master_key(folder / "store", {}));
    TRY(sks::KeyStore::restore(std::move(database), master_key, present, platform()));
    return {};
  }
  [[nodiscard]] sks::Platform platform() { return {clock, random, pause}; }

  void expect_complete(sks::KeyStore& store, unsigned least_errors) {
    EXPECT_TRUE(must(store.verify()).findings.empty());
    EXPECT_GE(errors(store), least_errors);
    EXPECT_EQ(status(sign(store, imported.handle, imported.public_key, "")), Status::kOk);
  }

  tests::TemporaryFolder folder;
  sks::testing::FakeClock clock;
  crypto::SystemRandom random;
  sks::testing::FakePause pause;
  sks::testing::CertifiedKey first;
  sks::testing::CertifiedKey imported;
};

TEST_P(Copies, ABackupIsCompleteOrNotThereAndItsStoreUntouched) {
  const StorePicture before = picture_of(folder / "store");
  const std::filesystem::path backup = folder / "backup.db";
  int operations = 0;
  for (bool more = true; more && !HasFailure(); ++operations) {
    SCOPED_TRACE("at operation " + std::to_string(operations));
    std::filesystem::remove(backup);
    more = struck(operations, [&]() -> Result<> { return TRY(open_store(folder / "store"))->back_up(backup); });
    const StorePicture after = picture_of(folder / "store");
    EXPECT_EQ(after.rows, before.rows);
    EXPECT_EQ(after.errors, before.errors);
    if (!std::filesystem::exists(backup)) {
      EXPECT_TRUE(more);
      continue;
    }
    EXPECT_FALSE(open_copy(backup)) << "it can only be restored";
    must(restore(backup, must(open_store(folder / "store")).get()));
    expect_complete(*must(open_copy(backup)), 2);
  }
  EXPECT_GT(operations, 10) << "the loop did not reach the copy";
}

TEST_P(Copies, ARestoredCopyIsCompleteOrCanStillOnlyBeRestored) {
  const StorePicture before = picture_of(folder / "store");
  for (const bool has_present : {true, false}) {
    int operations = 0;
    for (bool more = true; more && !HasFailure(); ++operations) {
      SCOPED_TRACE(std::string(has_present ? "with" : "without") + " the present store, at operation " + std::to_string(operations));
      const std::filesystem::path copy = folder / "copy" / "sks.db";
      std::filesystem::remove_all(folder / "copy");
      std::filesystem::create_directory(folder / "copy");
      std::filesystem::copy_file(folder / "old.db", copy);
      const auto restore_it = [&]() -> Result<> {
        const auto present = has_present ? TRY(open_store(folder / "store")) : nullptr;
        return restore(copy, present.get());
      };
      more = struck(operations, restore_it);
      if (!open_copy(copy)) {
        EXPECT_TRUE(more) << "nothing was in the way, and it is no store";
        must(restore_it());
      }
      expect_complete(*must(open_copy(copy)), has_present ? 2 : 3);
      EXPECT_EQ(picture_of(folder / "store").rows, before.rows);
      EXPECT_EQ(picture_of(folder / "store").errors, before.errors);
    }
    EXPECT_GT(operations, 5) << "the loop did not reach the copy";
  }
}

TEST_P(Copies, ADeviceIsRestoredOrStillWhatItWas) {
  int operations = 0;
  for (bool more = true; more && !HasFailure(); ++operations) {
    SCOPED_TRACE("at operation " + std::to_string(operations));
    const std::filesystem::path device = folder / "device";
    std::filesystem::remove_all(device);
    copy_store(folder / "store", device);
    more = struck(operations, [&]() -> Result<> {
      TRY(device::restore_device(device, folder / "old.db", device::PresentStore::kWhole, {}, platform()));
      return {};
    });
    expect_complete(*must(device::open_device(device, {}, platform())), 2);
  }
  EXPECT_GT(operations, 10) << "the loop did not reach the copy";
}

INSTANTIATE_TEST_SUITE_P(EachWay, Copies,
                         testing::Values(FaultyVfs::Fault::kKilled, FaultyVfs::Fault::kPowerCut, FaultyVfs::Fault::kTornWrite,
                                         FaultyVfs::Fault::kReordered, FaultyVfs::Fault::kDiskFull, FaultyVfs::Fault::kBrokenWrite),
                         [](const testing::TestParamInfo<FaultyVfs::Fault>& one) {
                           switch (one.param) {
                             case FaultyVfs::Fault::kKilled: return "Killed";
                             case FaultyVfs::Fault::kPowerCut: return "PowerCut";
                             case FaultyVfs::Fault::kTornWrite: return "TornWrite";
                             case FaultyVfs::Fault::kReordered: return "ReorderedWrites";
                             case FaultyVfs::Fault::kDiskFull: return "FullDisk";
                             default: return "BrokenWrite";
                           }
                         });

}  // namespace
}  // namespace airtight::faults
