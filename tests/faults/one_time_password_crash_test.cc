// One-time passwords across crashes: whenever the key store's process dies, no password is shown twice, and after it the next one is shown.
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

#include "agent/one_time_password.h"
#include "tests/faults/store_process.h"
#include "tests/support/must.h"
#include "tests/support/otp_device.h"
#include "tests/support/temporary_folder.h"

namespace airtight::faults {
namespace {

using tests::must;
using tests::TemporaryFolder;

// What is shown to the user: nothing if the key store fails on the way.
std::optional<std::uint64_t> shown_counter(sks::Channel& store) {
  const auto key = agent::find_key(store, "Token");
  if (!key) return std::nullopt;
  const auto password = agent::next_one_time_password(store, *key, SecretBytes(), {});
  if (!password) return std::nullopt;
  return password->factor;
}

TEST(OneTimePasswords, AreNeverShownTwiceThoughTheStoreDiesAtAnyWrite) {
  const TemporaryFolder folder;
  tests::make_otp_device(folder / "store", {{.id = "Token", .bags = {otp::Hotp{.counter = 0, .digits = 6}}}});
  std::set<std::uint64_t> shown;
  int deaths = 0;
  for (int writes = 0;; ++writes) {
    ASSERT_LT(writes, 200) << "the store never gets through";
    StoreProcess store(folder / "store", writes);
    const auto counter = shown_counter(store);
    if (counter) {
      EXPECT_TRUE(shown.insert(*counter).second) << "shown twice: " << *counter;
      if (store.stop()) break;
    }
    ++deaths;
  }
  EXPECT_GT(deaths, 5) << "the loop did not reach the writes";
  StoreProcess whole(folder / "store");
  const auto next = shown_counter(whole);
  ASSERT_TRUE(next);
  EXPECT_GT(*next, *shown.rbegin());
  EXPECT_LE(*next, static_cast<std::uint64_t>(deaths) + 1) << "a death loses one password at most";
}

// The other side: dies between two calls.
class DyingChannel final : public sks::Channel {
 public:
  DyingChannel(sks::Channel& store, int calls) : store_(store), left_(calls) {}
  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override {
    if (left_-- <= 0) return fail(Fault::kUnavailable, "dead");
    return store_.call(request);
  }

 private:
  sks::Channel& store_;
  int left_;
};

TEST(OneTimePasswords, AreNeverShownTwiceThoughTheProgramDiesBetweenAnyCalls) {
  const TemporaryFolder folder;
  tests::make_otp_device(folder / "store", {{.id = "Token", .bags = {otp::Hotp{.counter = 0, .digits = 6}}}});
  const auto store = must(open_store(folder / "store"));
  std::set<std::uint64_t> shown;
  for (int calls = 0;; ++calls) {
    ASSERT_LT(calls, 50);
    DyingChannel dying(*store, calls);
    if (const auto counter = shown_counter(dying)) {
      EXPECT_TRUE(shown.insert(*counter).second);
      EXPECT_EQ(*counter, 0U) << "nobody advances the counter before it is read";
      break;
    }
  }
  EXPECT_EQ(shown_counter(*store), 1U);
}

}  // namespace
}  // namespace airtight::faults
