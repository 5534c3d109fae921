// PINs out of files.
#include "cli/pin_file.h"

#include <gmock/gmock.h>

#include <fstream>

#include "storage/files.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::must;

class PinFiles : public ::testing::Test {
 protected:
  std::string file_with(std::string_view content) {
    must(storage::write_file(folder / "pins", bytes_of(content), storage::FileMode::kPrivate));
    return folder / "pins";
  }
  Result<std::string> find(std::string_view content, const std::string& policy, const std::vector<std::string>& keys) {
    const PinFile file = TRY(PinFile::read(file_with(content)));
    return to_text(TRY(file.find(policy, keys)).expose_secret());
  }

  tests::TemporaryFolder folder;
};

TEST_F(PinFiles, GiveThePinOfPolicyAndKey) { EXPECT_EQ(must(find("PIN.1 Key.1 1234\nPIN.1 Key.2 5678\n", "PIN.1", {"Key.2"})), "5678"); }

TEST_F(PinFiles, TakeAnyKeyOfASharedPin) { EXPECT_EQ(must(find("PIN.1 Key.2 5678\n", "PIN.1", {"Key.1", "Key.2"})), "5678"); }

TEST_F(PinFiles, KeepSpacesInThePin) { EXPECT_EQ(must(find("PIN.1 Key.1 a b  c", "PIN.1", {"Key.1"})), "a b  c"); }

TEST_F(PinFiles, MayHaveCommentsAndWindowsLineEnds) {
  EXPECT_EQ(must(find("# mine\r\n\r\nPIN.1 Key.1 1234\r\n", "PIN.1", {"Key.1"})), "1234");
}

TEST_F(PinFiles, SayWhichLineIsMissing) {
  const auto pin = find("PIN.1 Key.1 1234\n", "PIN.2", {"Key.1"});
  ASSERT_FALSE(pin);
  EXPECT_EQ(pin.error().fault, Fault::kNotFound);
  EXPECT_THAT(pin.error().hint, HasSubstr("PIN.2 Key.1 PIN"));
}

TEST_F(PinFiles, MayNotGiveTwoPinsWhereOneIsShared) {
  EXPECT_FALSE(find("PIN.1 Key.1 1234\nPIN.1 Key.2 5678\n", "PIN.1", {"Key.1", "Key.2"}));
}

TEST_F(PinFiles, SayWhichLineIsMalformedWithoutRepeatingIt) {
  const auto pin = find("PIN.1 Key.1 1234\nKey.2 5678\n", "PIN.1", {"Key.1"});
  ASSERT_FALSE(pin);
  EXPECT_THAT(pin.error().message, HasSubstr("line 2"));
  EXPECT_THAT(pin.error().message, Not(HasSubstr("5678")));
}

TEST_F(PinFiles, HaveToBePrivate) {
  std::ofstream(folder / "open") << "PIN.1 Key.1 1234\n";
  std::filesystem::permissions(folder / "open", std::filesystem::perms(0644));
  const auto file = PinFile::read(folder / "open");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().fault, Fault::kRefused);
}

TEST_F(PinFiles, HoldBinaryPinsInHex) {
  EXPECT_EQ(to_bytes(must(pin_from_file(file_with("00fF10\n"), PassphraseFormat::kBinary)).expose_secret()),
            (Bytes{std::byte{0}, std::byte{0xFF}, std::byte{0x10}}));
  EXPECT_FALSE(pin_from_file(file_with("00f\n"), PassphraseFormat::kBinary));
  EXPECT_FALSE(pin_from_file(file_with("00gg\n"), PassphraseFormat::kBinary));
}

TEST_F(PinFiles, OfOnePinEndAtTheLine) {
  EXPECT_EQ(to_text(must(pin_from_file(file_with("1234\n"), PassphraseFormat::kNumeric)).expose_secret()), "1234");
}

}  // namespace
}  // namespace airtight::cli
