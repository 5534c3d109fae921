// A store and its anchor: an old copy of the folder is refused, and a change of anchors that a crash cut short is put right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "crypto/random.h"
#include "device/store_folder.h"
#include "sks/client.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "tests/support/seal_text.h"
#include "tests/support/temporary_folder.h"

namespace airtight::device {
namespace {

using testing::HasSubstr;
using tests::must;

class AnchoredDevice : public testing::Test {
 protected:
  void create(const sealing::AnchorChoice& anchor) {
    const auto certify = [this](const crypto::PublicKey& key) -> Result<std::vector<crypto::Certificate>> {
      return std::vector{maker_.certify(key, "Device")};
    };
    (void)must(
        create_device({.folder = store(), .vendor = "Example Vendor", .model = "Example Model", .anchor = anchor}, certify, {}, random_));
  }
  Result<std::unique_ptr<sks::KeyStore>> open() { return open_device(store(), {}, platform_); }
  // Something that the database remembers.
  void write(const std::string& pin) {
    const auto opened = must(open());
    const auto secret = [](const std::string& text) { return SecretBytes::copy_of(bytes_of(text)); };
    must(opened->set_device_pin(secret(pin), secret("12345678")));
  }
  void keep_copy() { copy(store(), folder_ / "copy"); }
  void put_copy_back() { copy(folder_ / "copy", store()); }
  static void copy(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
    std::filesystem::permissions(to, std::filesystem::perms::owner_all);
  }
  Result<sealing::AnchorChange> change(const sealing::AnchorChoice& anchor) { return change_device_anchor(store(), anchor, {}, platform_); }

  Result<Restoration> restore(PresentStore present) { return restore_device(store(), folder_ / "backup", present, {}, platform_); }

  [[nodiscard]] std::filesystem::path store() const { return folder_ / "store"; }
  [[nodiscard]] sealing::FileAnchor first() const { return {folder_ / "first"}; }
  [[nodiscard]] sealing::FileAnchor second() const { return {folder_ / "second"}; }

  tests::TemporaryFolder folder_;
  sks::testing::TestCa maker_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  sks::SleepingPause pause_;
  sks::Platform platform_{clock_, random_, pause_};
};

TEST_F(AnchoredDevice, OpensAgainAndAgain) {
  create(first());
  write("1234");
  EXPECT_TRUE(open());
  EXPECT_TRUE(open());
  EXPECT_EQ(must(anchor_of_device(store(), {})), sealing::AnchorChoice(first()));
}

TEST_F(AnchoredDevice, IsRefusedAsAnOldCopy) {
  create(first());
  keep_copy();
  write("1234");
  put_copy_back();
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, Fault::kRefused);
  EXPECT_THAT(opened.error().message, HasSubstr("the key store is not the latest"));
}

TEST_F(AnchoredDevice, WithoutItsAnchorOrTheNoteOfItIsRefused) {
  create(first());
  std::filesystem::rename(first().path, folder_ / "away");
  EXPECT_EQ(open().error().fault, Fault::kNotFound);
  std::filesystem::rename(folder_ / "away", first().path);
  std::filesystem::rename(store() / "anchor", folder_ / "away");
  EXPECT_EQ(open().error().fault, Fault::kRefused);
  std::filesystem::rename(folder_ / "away", store() / "anchor");
  EXPECT_TRUE(open());
}

TEST_F(AnchoredDevice, FromBeforeItWasAnchoredIsRefusedWhereTheNoteIsNew) {
  create(sealing::NoAnchor{});
  keep_copy();
  EXPECT_FALSE(must(change(first())).leftover);
  std::filesystem::copy_file(store() / "anchor", folder_ / "copy" / "anchor");
  put_copy_back();
  EXPECT_EQ(open().error().fault, Fault::kRefused);
}

TEST_F(AnchoredDevice, MovesItsAnchorAndOldCopiesStayRefused) {
  create(first());
  keep_copy();
  EXPECT_FALSE(must(change(second())).leftover);
  EXPECT_FALSE(std::filesystem::exists(first().path));
  write("1234");
  EXPECT_TRUE(open());
  put_copy_back();
  EXPECT_FALSE(open()) << "bound to an anchor that is gone";
}

TEST_F(AnchoredDevice, WhoseAnchorIsLostComesBackWithoutOne) {
  create(first());
  must(must(open())->back_up(folder_ / "backup"));
  std::filesystem::remove(first().path);
  EXPECT_FALSE(restore(PresentStore::kWhole));
  const Restoration restored = must(restore(PresentStore::kLost));
  ASSERT_TRUE(restored.lost_anchor);
  EXPECT_EQ(restored.lost_anchor->fault, Fault::kNotFound);
  EXPECT_TRUE(open());
  EXPECT_EQ(must(anchor_of_device(store(), {})), sealing::AnchorChoice(sealing::NoAnchor{}));
}

TEST_F(AnchoredDevice, WhoseNoteOfTheAnchorIsLostComesBackWithoutOne) {
  create(first());
  must(must(open())->back_up(folder_ / "backup"));
  tests::write_text(store() / "anchor", "damaged");
  EXPECT_TRUE(must(restore(PresentStore::kLost)).lost_anchor);
  EXPECT_TRUE(open());
}

TEST_F(AnchoredDevice, ThatIsLostKeepsItsAnchor) {
  create(first());
  must(must(open())->back_up(folder_ / "backup"));
  EXPECT_FALSE(must(restore(PresentStore::kLost)).lost_anchor);
  EXPECT_TRUE(open());
  EXPECT_EQ(must(anchor_of_device(store(), {})), sealing::AnchorChoice(first()));
}

TEST_F(AnchoredDevice, IsForItsOwnerAloneEvenToRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give folders away";
  create(first());
  must(must(open())->back_up(folder_ / "backup"));
  ASSERT_EQ(::chown(store().c_str(), 65534, 65534), 0);
  EXPECT_EQ(open().error().fault, Fault::kRefused) << "the next count would be root's";
  EXPECT_EQ(change(second()).error().fault, Fault::kRefused);
  EXPECT_EQ(restore(PresentStore::kWhole).error().fault, Fault::kRefused);
  EXPECT_EQ(restore(PresentStore::kLost).error().fault, Fault::kRefused);
}

TEST_F(AnchoredDevice, CanBeAnchoredNoMore) {
  create(first());
  EXPECT_FALSE(must(change(sealing::NoAnchor{})).leftover);
  EXPECT_FALSE(std::filesystem::exists(first().path));
  keep_copy();
  write("1234");
  put_copy_back();
  EXPECT_TRUE(open()) << "nobody notices";
}

TEST_F(AnchoredDevice, WhoseChangeStoppedBeforeTheStoreWasBoundKeepsTheOldAnchor) {
  for (const sealing::AnchorChoice& before : {sealing::AnchorChoice(sealing::NoAnchor{}), sealing::AnchorChoice(first())}) {
    std::filesystem::remove_all(store());
    create(before);
    const auto master_key = must(sealing::open_master_key(store(), {}));
    (void)must(sealing::prepare_anchor(store(), second(), master_key, random_));
    EXPECT_TRUE(open());
    EXPECT_FALSE(sealing::has_new_anchor(store()));
    EXPECT_FALSE(std::filesystem::exists(second().path));
    write("1234");
    EXPECT_TRUE(open());
    EXPECT_EQ(must(anchor_of_device(store(), {})), before);
  }
}

TEST_F(AnchoredDevice, WhoseChangeStoppedAfterTheStoreWasBoundHasTheNewAnchor) {
  const std::vector<std::pair<sealing::AnchorChoice, sealing::AnchorChoice>> changes = {
      {sealing::NoAnchor{}, second()}, {first(), second()}, {first(), sealing::NoAnchor{}}};
  for (const auto& [before, after] : changes) {
    std::filesystem::remove_all(store());
    std::filesystem::remove(first().path);
    std::filesystem::remove(second().path);
    create(before);
    // As it was before the last step: the old note and the old counter are there, and the new note is not in its place.
    keep_copy();
    if (std::filesystem::exists(first().path)) std::filesystem::copy_file(first().path, folder_ / "first before");
    EXPECT_FALSE(must(change(after)).leftover);
    std::filesystem::rename(store() / "anchor", store() / "anchor.new");
    if (std::filesystem::exists(folder_ / "copy" / "anchor")) std::filesystem::copy_file(folder_ / "copy" / "anchor", store() / "anchor");
    if (std::filesystem::exists(folder_ / "first before")) std::filesystem::rename(folder_ / "first before", first().path);
    ASSERT_TRUE(open());
    EXPECT_FALSE(sealing::has_new_anchor(store()));
    EXPECT_EQ(must(anchor_of_device(store(), {})), after);
    write("1234");
    EXPECT_TRUE(open());
  }
}

}  // namespace
}  // namespace airtight::device
