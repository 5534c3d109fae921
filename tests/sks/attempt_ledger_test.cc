// The arithmetic of PIN errors on disk and in memory (sks.md section 6).
#include "sks/attempt_ledger.h"

#include <gtest/gtest.h>

namespace airtight::sks {
namespace {

const AttemptKey kPin{Counted::kPin, 7};

TEST(Charge, IsOneErrorMoreThanWereMade) {
  EXPECT_EQ(charge(0), 1);
  EXPECT_EQ(charge(2), 3);
}

TEST(Charge, StaysWithinAByteForAPukThatNeverLocks) { EXPECT_EQ(charge(255), 255); }

TEST(Resting, LeavesOneErrorChargedAheadSoThatTheNextRightPinWritesNothing) { EXPECT_EQ(resting(1, 3), charge(0)); }

TEST(Resting, BringsDiskBackToOneAfterErrors) { EXPECT_EQ(resting(3, 3), 1); }

TEST(Resting, ChargesNothingAheadWhereThatWouldLock) { EXPECT_EQ(resting(1, 1), 0); }

TEST(Resting, ChargesAheadWhereNothingEverLocks) { EXPECT_EQ(resting(1, 0), 1); }

TEST(AttemptLedger, TakesWhatDiskShowsForTheErrorsMade) {
  AttemptLedger ledger;
  EXPECT_EQ(ledger.errors(kPin, 2), 2);
  const auto attempts = ledger.find_or_add(kPin, 2, 1);
  EXPECT_EQ(attempts->errors, 2);
  EXPECT_EQ(attempts->on_disk, 2);
}

TEST(AttemptLedger, KnowsTheErrorsBetterThanDiskOnceTheyWereCounted) {
  AttemptLedger ledger;
  ledger.find_or_add(kPin, 2, 1)->errors = 0;
  EXPECT_EQ(ledger.errors(kPin, 2), 0);
  EXPECT_EQ(ledger.find_or_add(kPin, 2, 1)->errors, 0) << "it is the same counter";
}

TEST(AttemptLedger, KeepsAPinAndAPukOfOneNumberApart) {
  AttemptLedger ledger;
  ledger.find_or_add(kPin, 0, 1)->errors = 3;
  EXPECT_EQ(ledger.errors({Counted::kPuk, 7}, 0), 0);
}

TEST(AttemptLedger, ForgetsWhatIsGone) {
  AttemptLedger ledger;
  ledger.find_or_add(kPin, 0, 1)->errors = 3;
  ledger.forget(kPin);
  EXPECT_EQ(ledger.errors(kPin, 0), 0);
}

TEST(AttemptLedger, ListsWhatDiskDoesNotShowYet) {
  AttemptLedger ledger;
  ledger.find_or_add(kPin, 1, 1)->errors = 0;
  static_cast<void>(ledger.find_or_add({Counted::kPin, 8}, 1, 1));
  const auto unsettled = ledger.unsettled();
  ASSERT_EQ(unsettled.size(), 1U);
  EXPECT_EQ(unsettled[0].first, kPin);
}

}  // namespace
}  // namespace airtight::sks
