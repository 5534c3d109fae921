// Sessions stand in groups of 256 in the tree of versions; what one call changes in a group is checked against the rest of it.
#include <gtest/gtest.h>

#include "sks/internal/places.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::sks::testing {
namespace {

using tests::must;

class StoreWithManySessions : public ::testing::Test {
 protected:
  StoreWithManySessions() {
    while (latest < internal::kGroupSize) latest = TestIssuer(device).handle();  // the first one of the second group
    device.reopen();
  }
  void expect_whole() {
    EXPECT_TRUE(must(device.store().verify()).findings.empty());
    device.reopen();
    EXPECT_TRUE(must(device.store().verify()).findings.empty());
  }

  tests::TemporaryFolder folder;
  TestDevice device{DeviceOptions{.file = folder / "sks.db"}};
  Handle latest = 0;
};

TEST_F(StoreWithManySessions, TakesAnotherOneAfterARestart) {
  EXPECT_EQ(TestIssuer(device).handle(), latest + 1);
  expect_whole();
}

TEST_F(StoreWithManySessions, LosesOneAfterARestart) {
  must(device.call(AbortProvisioningSession{latest}));
  EXPECT_EQ(status(device.call(AbortProvisioningSession{latest})), Status::kNoSession);
  expect_whole();
}

}  // namespace
}  // namespace airtight::sks::testing
