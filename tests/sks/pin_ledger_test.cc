// The accounting of PIN errors between memory and disk (sks.md section 6), in all its states.
#include "sks/pin_ledger.h"

#include <gtest/gtest.h>

namespace airtight::sks {
namespace {

constexpr std::int64_t kPin = 7;

TEST(PinLedger, TakesWhatDiskShowsForTheErrorsMade) {
  const PinLedger ledger;
  EXPECT_EQ(ledger.errors(kPin, 2), 2);
  EXPECT_EQ(ledger.charge(kPin, 2), 3);
}

TEST(PinLedger, AWrongPinLeavesDiskAtTheErrorsMade) {
  PinLedger ledger;
  const std::uint8_t disk = ledger.charge(kPin, 0);
  ledger.wrong(kPin, 0);
  EXPECT_EQ(disk, 1);
  EXPECT_EQ(ledger.errors(kPin, disk), 1);
  EXPECT_EQ(ledger.charge(kPin, disk), 2);
}

TEST(PinLedger, ARightPinLeavesOneErrorChargedAheadSoThatTheNextWritesNothing) {
  PinLedger ledger;
  const std::uint8_t disk = PinLedger::resting(ledger.charge(kPin, 0), 3);
  ledger.right(kPin);
  EXPECT_EQ(disk, 1);
  EXPECT_EQ(ledger.errors(kPin, disk), 0);
  EXPECT_EQ(ledger.charge(kPin, disk), disk);
}

TEST(PinLedger, ARightPinAfterErrorsBringsDiskBackToOne) { EXPECT_EQ(PinLedger::resting(3, 3), 1); }

TEST(PinLedger, NothingIsChargedAheadWhereThatWouldLock) { EXPECT_EQ(PinLedger::resting(1, 1), 0); }

TEST(PinLedger, AResetThatCouldNotBeWrittenIsMadeUpForBeforeTheNextComparison) {
  PinLedger ledger;
  ledger.right(kPin);  // and disk still shows 3
  EXPECT_EQ(ledger.charge(kPin, 3), 1);
}

TEST(PinLedger, ForgetsAPinThatIsGone) {
  PinLedger ledger;
  ledger.right(kPin);
  ledger.forget(kPin);
  EXPECT_TRUE(ledger.known().empty());
}

}  // namespace
}  // namespace airtight::sks
