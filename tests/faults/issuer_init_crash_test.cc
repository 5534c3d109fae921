// An issuer that is being made while the disk fills up, or whose maker is killed: there is an issuer afterwards, or nothing that is in the
// way of the next.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "crypto/random.h"
#include "issuer/init.h"
#include "issuer/issuer.h"
#include "tests/faults/faulty_vfs.h"
#include "tests/support/child_process.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::faults {
namespace {

namespace fs = std::filesystem;
using tests::must;

const SystemClock kClock;

crypto::SystemRandom& system_random() {
  static crypto::SystemRandom random;
  return random;
}

Result<> init(const fs::path& folder) { return issuer::init_issuer(folder, {}, kClock, system_random()); }

void expect_issuer(const fs::path& folder) { EXPECT_TRUE(issuer::Issuer::open(folder, kClock, system_random())); }

TEST(IssuerInit, KilledAtAnyWriteOfItsDatabaseIsDoneAgain) {
  int writes = 0;
  for (int status = -1; status != 0; ++writes) {
    SCOPED_TRACE("at write " + std::to_string(writes));
    const tests::TemporaryFolder scratch;
    const fs::path folder = scratch / "issuer";
    tests::ChildProcess process([&](const std::function<void()>&) {
      FaultyVfs disk(FaultyVfs::Use::kEverywhere);
      disk.fail_after(writes, FaultyVfs::Fault::kKilled);
      return init(folder) ? 0 : 1;
    });
    status = process.wait();
    ASSERT_NE(status, 1);
    EXPECT_EQ(issuer::Issuer::open(folder, kClock, system_random()).has_value(), status == 0) << "half an issuer is taken for one";
    if (status != 0) must(init(folder));
    expect_issuer(folder);
  }
  EXPECT_GT(writes, 10) << "the loop did not reach the writes";
}

TEST(IssuerInit, OnADatabaseWithoutRoomLeavesNothingAndIsDoneAgain) {
  FaultyVfs disk(FaultyVfs::Use::kEverywhere);
  int writes = 0;
  for (bool made = false; !made; ++writes) {
    SCOPED_TRACE("at write " + std::to_string(writes));
    const tests::TemporaryFolder scratch;
    const fs::path folder = scratch / "issuer";
    disk.fail_after(writes, FaultyVfs::Fault::kDiskFull);
    made = init(folder).has_value();
    disk.heal();
    if (!made) {
      EXPECT_FALSE(fs::exists(folder));
      must(init(folder));
    }
    expect_issuer(folder);
  }
  EXPECT_GT(writes, 10) << "the loop did not reach the writes";
}

// No file can be longer than `bytes`, as if the disk had no room for more.
TEST(IssuerInit, WithoutRoomForAFileLeavesNothing) {
  for (const rlim_t bytes : {0U, 20U, 100U, 500U, 2000U, 20'000U, 100'000U}) {
    SCOPED_TRACE(std::to_string(bytes) + " bytes");
    const tests::TemporaryFolder scratch;
    const fs::path folder = scratch / "issuer";
    tests::ChildProcess process([&](const std::function<void()>&) {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{bytes, bytes};
      if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
      return init(folder) ? 0 : 1;
    });
    EXPECT_EQ(process.wait(), 1);
    EXPECT_FALSE(fs::exists(folder));
  }
}

}  // namespace
}  // namespace airtight::faults
