// Key stores as folders: made completely or recognisably not.
#include "device/store_folder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <stdexcept>

#include "crypto/random.h"
#include "device/internal/store_lock.h"
#include "sks/client.h"
#include "storage/files.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::device {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::must;

class Device : public ::testing::Test {
 protected:
  Result<std::vector<crypto::Certificate>> create() {
    return create_device(
        {.folder = store, .vendor = "Example Vendor", .model = "Example Model", .attestation_key = AttestationKeyKind::kP256, .seal = seal},
        [this](const crypto::PublicKey& key) -> Result<std::vector<crypto::Certificate>> {
          if (maker_refuses) return fail(Fault::kRefused, "no");
          return std::vector{maker.certify(key, "Device")};
        },
        passphrase, random);
  }
  Result<std::unique_ptr<sks::KeyStore>> open() { return open_device(store, passphrase, sks::Platform{clock, random, pause}); }

  Result<Restoration> restore(PresentStore present) {
    return restore_device(store, folder / "backup", present, passphrase, sks::Platform{clock, random, pause});
  }

  tests::TemporaryFolder folder;
  std::filesystem::path store = folder / "store";
  sks::testing::TestCa maker;
  SystemClock clock;
  crypto::SystemRandom random;
  sks::SleepingPause pause;
  sealing::NewSeal seal = {};
  sealing::PassphrasePrompt passphrase = [](const sealing::SecretQuestion&) { return SecretBytes::copy_of(bytes_of("correct horse")); };
  bool maker_refuses = false;
};

TEST_F(Device, IsWhatItWasMadeAs) {
  const auto path = must(create());
  const auto device = must(sks::call(*must(open()), sks::GetDeviceInfo{}));
  EXPECT_EQ(device.vendor_name, "Example Vendor");
  EXPECT_EQ(device.vendor_description, "Example Model");
  EXPECT_EQ(device.x509_certificates.at(0), path.at(0).der());
}

TEST_F(Device, IsNeverOverwritten) {
  must(create());
  const auto again = create();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::kRefused);
  EXPECT_TRUE(open());
}

TEST_F(Device, ThatWasNotFinishedDoesNotOpen) {
  maker_refuses = true;
  EXPECT_FALSE(create());
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("never finished"));
}

TEST_F(Device, ThatWasNotFinishedCanBeMadeAgain) {
  maker_refuses = true;
  EXPECT_FALSE(create());
  maker_refuses = false;
  must(create());
  EXPECT_TRUE(open());
}

TEST_F(Device, CutShortWithAllItsFilesCanBeMadeAgain) {
  must(create());
  // As a crash just before the last step leaves it.
  must(storage::write_file(store / "store.state", bytes_of("airtight key store 1: being made\n"), storage::FileMode::kPrivate));
  EXPECT_FALSE(open());
  must(create());
  EXPECT_TRUE(open());
}

TEST_F(Device, DoesNotReplaceFilesThatItDoesNotKnow) {
  must(storage::make_private_folder(store));
  std::ofstream(store / "seal.key") << "somebody's";
  EXPECT_FALSE(create());
  EXPECT_TRUE(std::filesystem::exists(store / "seal.key"));
}

TEST_F(Device, ThatIsNotThereIsNotFound) {
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, Fault::kNotFound);
  EXPECT_THAT(opened.error().hint, HasSubstr("airtight device create"));
}

TEST_F(Device, IsNotOpenedWhereOthersMayWrite) {
  must(create());
  for (const auto permission : {std::filesystem::perms::group_write, std::filesystem::perms::others_write}) {
    std::filesystem::permissions(store, std::filesystem::perms::owner_all | permission);
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().fault, Fault::kRefused);
    EXPECT_THAT(opened.error().hint, HasSubstr("chmod go-w"));
  }
}

TEST_F(Device, IsNotMadeWhereOthersMayWrite) {
  std::filesystem::create_directory(store);
  std::filesystem::permissions(store, std::filesystem::perms::all);
  const auto created = create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().fault, Fault::kRefused);
}

TEST_F(Device, HasOneOwnerAtATime) {
  must(create());
  const auto first = must(open());
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::kUnavailable);
}

TEST_F(Device, IsNotOpenedWhileItIsExchanged) {
  must(create());
  {
    const auto alone = must(internal::StoreLock::take(store));
    EXPECT_EQ(open().error().fault, Fault::kUnavailable);
  }
  EXPECT_TRUE(open());
}

TEST_F(Device, IsNotExchangedWhileSomebodyOpensItOrHasIt) {
  must(create());
  {
    const auto opening = must(internal::StoreLock::share(store));
    for (const PresentStore present : {PresentStore::kWhole, PresentStore::kLost}) {
      EXPECT_EQ(restore(present).error().fault, Fault::kUnavailable);
    }
  }
  const auto owner = must(open());
  must(owner->back_up(folder / "backup"));
  for (const PresentStore present : {PresentStore::kWhole, PresentStore::kLost}) {
    EXPECT_EQ(restore(present).error().fault, Fault::kUnavailable);
  }
}

TEST_F(Device, LeavesNothingOfARestorationThatFailed) {
  must(create());
  std::ofstream(store / ".sks.db.restored.abc123") << "of one that was killed";
  std::ofstream(folder / "backup") << "a letter";
  EXPECT_FALSE(restore(PresentStore::kWhole));
  for (const auto& entry : std::filesystem::directory_iterator(store)) {
    EXPECT_THAT(entry.path().filename().native(), Not(HasSubstr("restored")));
  }
  EXPECT_TRUE(open());
}

TEST_F(Device, IsNotRestoredFromAnythingWithoutAnEnd) {
  must(create());
  const auto restored = restore_device(store, "/dev/zero", PresentStore::kWhole, passphrase, sks::Platform{clock, random, pause});
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().fault, Fault::kRefused);
}

TEST_F(Device, DoesNotWaitForAPipeInThePlaceOfItsState) {
  must(create());
  std::filesystem::remove(store / "store.state");
  ASSERT_EQ(::mkfifo((store / "store.state").c_str(), 0600), 0);
  EXPECT_EQ(open().error().fault, Fault::kRefused);
}

TEST_F(Device, HasNamesOfOneLine) {
  for (const char* const model : {"a\nb", "\x1B[31mred", "a\x7F"}) {
    const auto created = create_device(
        {.folder = store, .vendor = "Example Vendor", .model = model},
        [](const crypto::PublicKey&) -> Result<std::vector<crypto::Certificate>> { throw std::logic_error("too late"); }, passphrase,
        random);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().fault, Fault::kBadInput);
    EXPECT_FALSE(std::filesystem::exists(store));
  }
}

TEST_F(Device, OpensWithItsPassphraseAlone) {
  seal = sealing::PassphraseSeal{};
  must(create());
  EXPECT_TRUE(open());
  passphrase = [](const sealing::SecretQuestion&) { return SecretBytes::copy_of(bytes_of("wrong")); };
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, Fault::kRefused);
}

}  // namespace
}  // namespace airtight::device
