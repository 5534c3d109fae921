// airtight device verify, status, backup, restore and pin, as a program, with and without a daemon.
#include <gmock/gmock.h>

#include <filesystem>
#include <optional>

#include "storage/database.h"
#include "storage/files.h"
#include "tests/cli/program.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli::testing {
namespace {

using ::testing::HasSubstr;
using tests::must;

class DeviceCare : public ::testing::TestWithParam<bool> {
 protected:
  DeviceCare() {
    EXPECT_EQ(run({"device", "create", "--store", store, "--maker", folder / "maker"}).status, 0);
    if (GetParam()) daemon.emplace(std::vector<std::string>{"device", "serve", "--store", store});
  }
  [[nodiscard]] Outcome device(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "device");
    arguments.insert(arguments.end(), {"--store", store});
    return run(arguments);
  }
  [[nodiscard]] std::string file_with(const std::string& name, std::string_view content) const {
    must(storage::write_file(folder / name, bytes_of(content), storage::FileMode::kPrivate));
    return folder / name;
  }
  void set_pin() const {
    ASSERT_EQ(device({"pin", "set", "--new-pin-file", file_with("pin", "1234\n"), "--puk-file", file_with("puk", "12345678\n")}).status, 0);
  }

  tests::TemporaryFolder folder;
  std::string store = folder / "card";
  std::optional<BackgroundProgram> daemon;
};

TEST_P(DeviceCare, FindsAWholeStoreWhole) {
  EXPECT_THAT(device({"verify"}).out, HasSubstr("The key store is whole"));
  const boost::json::object report = device({"verify", "--json"}).json();
  EXPECT_EQ(report.at("whole"), true);
  EXPECT_TRUE(report.at("findings").as_array().empty());
}

TEST_P(DeviceCare, ShowsWhoHasTheStore) {
  const boost::json::object status = device({"status", "--json"}).json();
  EXPECT_EQ(status.at("seal"), "file");
  EXPECT_EQ(status.at("served"), GetParam());
}

TEST_P(DeviceCare, SetsChangesAndUnlocksThePinOfTheDevice) {
  EXPECT_EQ(device({"pin", "status"}).out, "The device has no PIN\n");
  set_pin();
  const std::string old_pin = folder / "pin";
  const std::string new_pin = file_with("new", "4321\n");
  EXPECT_EQ(device({"pin", "change", "--pin-file", old_pin, "--new-pin-file", new_pin}).status, 0);
  EXPECT_THAT(device({"pin", "change", "--pin-file", old_pin, "--new-pin-file", new_pin}).err,
              HasSubstr("the PIN of the device is wrong\nhint: 4 attempts are left"));
  EXPECT_THAT(device({"pin", "status"}).out, HasSubstr("PIN  4 of 5 attempts left"));
  EXPECT_EQ(device({"pin", "unlock", "--puk-file", folder / "puk"}).status, 0);
  EXPECT_THAT(device({"pin", "status"}).out, HasSubstr("PIN  5 of 5 attempts left"));
}

TEST_P(DeviceCare, CopiesTheStoreToANewFileAlone) {
  EXPECT_EQ(device({"backup", "--out", folder / "copy"}).status, 0);
  EXPECT_EQ(device({"backup", "--out", folder / "copy"}).status, 1);
}

TEST_P(DeviceCare, RestoresACopyWithoutForgettingErrors) {
  set_pin();
  ASSERT_EQ(device({"backup", "--out", folder / "copy"}).status, 0);
  const std::string wrong = file_with("wrong", "0000\n");
  EXPECT_EQ(device({"pin", "change", "--pin-file", wrong, "--new-pin-file", wrong}).status, 1);
  if (daemon) {
    EXPECT_EQ(device({"restore", "--from", folder / "copy", "--yes"}).status, 1) << "not while a daemon has the store";
    daemon->stop();
    daemon.reset();
  }
  const Outcome restored = device({"restore", "--from", folder / "copy", "--yes"});
  EXPECT_EQ(restored.status, 0) << restored.err;
  EXPECT_THAT(device({"pin", "status"}).out, HasSubstr("PIN  4 of 5 attempts left"));
  EXPECT_EQ(device({"verify"}).status, 0);
}

TEST_P(DeviceCare, ThatADaemonHasIsNotReplacedEvenIfItIsLost) {
  ASSERT_EQ(device({"backup", "--out", folder / "copy"}).status, 0);
  if (!daemon) return;
  EXPECT_EQ(device({"restore", "--from", folder / "copy", "--lost", "--yes"}).status, 1);
  std::filesystem::remove(std::filesystem::path(store) / "sks.db");
  EXPECT_EQ(device({"restore", "--from", folder / "copy", "--lost", "--yes"}).status, 1) << "the daemon would not know";
  daemon->stop();
  daemon.reset();
  EXPECT_EQ(device({"restore", "--from", folder / "copy", "--lost", "--yes"}).status, 0);
}

INSTANTIATE_TEST_SUITE_P(EitherWay, DeviceCare, ::testing::Bool(), [](const auto& way) { return way.param ? "ByDaemon" : "InProcess"; });

class DamagedStore : public DeviceCare {};
INSTANTIATE_TEST_SUITE_P(InProcess, DamagedStore, ::testing::Values(false));

TEST_P(DamagedStore, ThatIsLostComesBackWithItsPinsLocked) {
  set_pin();
  ASSERT_EQ(device({"backup", "--out", folder / "copy"}).status, 0);
  std::filesystem::remove(std::filesystem::path(store) / "sks.db");
  EXPECT_EQ(device({"restore", "--from", folder / "copy", "--yes"}).status, 1) << "only if it is said to be lost";
  EXPECT_EQ(device({"restore", "--from", folder / "copy", "--lost", "--yes"}).status, 0);
  EXPECT_THAT(device({"pin", "status"}).out, HasSubstr("PIN  0 of 5 attempts left"));
}

TEST_P(DamagedStore, ThatHasLostItsAnchorTooIsAnchoredNoMore) {
  const std::string anchor = folder / "anchor";
  ASSERT_EQ(device({"anchor", "--anchor", "file:" + anchor}).status, 0);
  ASSERT_EQ(device({"backup", "--out", folder / "copy"}).status, 0);
  std::filesystem::remove(anchor);
  EXPECT_THAT(device({"verify"}).err, HasSubstr("device restore --lost"));
  const Outcome restored = device({"restore", "--from", folder / "copy", "--lost", "--yes"});
  EXPECT_EQ(restored.status, 0);
  EXPECT_THAT(restored.err, HasSubstr("anchored no more: the anchor " + anchor + " is missing"));
  EXPECT_THAT(device({"anchor"}).out, HasSubstr("Anchor  none"));
  EXPECT_EQ(device({"anchor", "--anchor", "file:" + anchor}).status, 0);
}

TEST_P(DamagedStore, IsNotReplacedByAnythingElse) {
  EXPECT_EQ(device({"restore", "--from", file_with("letter", "a letter"), "--yes"}).status, 1);
  EXPECT_EQ(device({"verify"}).status, 0);
}

}  // namespace
}  // namespace airtight::cli::testing
