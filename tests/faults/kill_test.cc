// A key store under load from five threads, killed at random instants, again and again: it never shows half a call, loses a key, gives a
// handle twice or gives a guess at a PIN away. AIRTIGHT_KILL_ROUNDS says how often (script/crash), AIRTIGHT_KILL_SEED repeats a run's dice.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <iostream>
#include <random>
#include <string>
#include <thread>

#include "tests/faults/device_life.h"
#include "tests/faults/kill_oracle.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_folder.h"

namespace airtight::faults {
namespace {

using std::chrono::microseconds;

std::uint32_t setting(const char* name, std::uint32_t otherwise) {
  const char* const text = ::getenv(name);
  return text == nullptr ? otherwise : static_cast<std::uint32_t>(std::stoul(text));
}

// What the next load is to work with: most keys are used, some are deleted.
LoadPlan plan_for(const std::filesystem::path& folder, const crypto::Certificate& device, const KillOracle& oracle, std::mt19937& dice) {
  constexpr std::uint32_t kLongest = 30000;  // microseconds
  LoadPlan plan{folder, device, {}, {}, {}, static_cast<std::uint32_t>(dice()), microseconds(dice() % kLongest)};
  for (const auto& [handle, key] : oracle.keys()) {
    if (dice() % 4 == 0) {
      plan.victims.push_back(handle);
    } else {
      (key.pin == 0 ? plan.free_keys : plan.pin_keys).push_back(handle);
    }
  }
  return plan;
}

TEST(KeyStoreKilledUnderLoad, LosesNothingThatWasAnsweredAndShowsNothingHalf) {
  const std::uint32_t rounds = setting("AIRTIGHT_KILL_ROUNDS", 150);
  const std::uint32_t seed = setting("AIRTIGHT_KILL_SEED", std::random_device()());
  SCOPED_TRACE("AIRTIGHT_KILL_SEED=" + std::to_string(seed));
  std::mt19937 dice(seed);
  const tests::TemporaryFolder folder;
  const crypto::Certificate device = make_device(folder / "store");
  Journal& journal = Journal::make();
  KillOracle oracle(folder / "store");
  std::uint32_t killed = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint32_t round = 1; round <= rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    constexpr std::uint32_t kLongest = 35000;
    const LoadPlan plan = plan_for(folder / "store", device, oracle, dice);
    const microseconds instant(dice() % kLongest);
    journal.reset();
    tests::ChildProcess process([&](const std::function<void()>&) { return run_load(plan, journal); });
    std::this_thread::sleep_for(instant);
    const int exit_status = process.kill();
    if (exit_status != 0) ++killed;
    EXPECT_TRUE(exit_status == 0 || exit_status == -SIGKILL) << "the process ended by itself: " << exit_status;
    for (const std::string& complaint : oracle.check(journal)) ADD_FAILURE() << complaint;
    for (const std::string& complaint : oracle.use(dice() % 2 == 0)) ADD_FAILURE() << complaint;
    if (HasFailure()) return;
    if (round % 1000 == 0) std::cout << round << " rounds, " << oracle.answers() << " answers checked" << std::endl;
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start).count();
  std::cout << rounds << " rounds, " << killed << " of them killed, " << oracle.answers() << " answers checked, " << seconds << " s"
            << std::endl;
}

}  // namespace
}  // namespace airtight::faults
