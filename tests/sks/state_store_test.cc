// What only two calls at the same instant can meet, done step by step on the store behind the key store.
#include "sks/state_store.h"

#include <gtest/gtest.h>

#include "storage/database.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::sks {
namespace {

using testing::CertifiedKey;
using testing::SessionOptions;
using testing::TestDevice;
using testing::TestIssuer;
using tests::must;

class StateStoreTest : public ::testing::Test {
 protected:
  // Of the key's PIN as `tree` has it.
  static Authorization authorization(const Ref<SessionTree>& tree, const SecretBytes& given) {
    return Authorization{.tree = tree, .pin = tree->pins.front().get(), .retry_limit = 3, .given = &given, .method = {}};
  }

  tests::TemporaryFolder folder;
  TestDevice device{testing::DeviceOptions{.file = folder / "sks.db"}};
};

TEST_F(StateStoreTest, APinWhoseCounterIsMadeWhileItMovesToAnotherSessionCanBeUsedAfterwards) {
  TestIssuer first(device, SessionOptions{.updatable = true});
  const auto policy = must(device.call(first.pin_policy())).pin_policy_handle;
  CreateKeyPair wanted = first.key_pair("Key.1", policy, "1357");
  wanted.updatable = true;
  const CertifiedKey old = first.certified(wanted);
  static_cast<void>(must(device.call(first.close())));
  TestIssuer second(device);
  const CertifiedKey renewed = second.certified(second.key_pair("Key.2"));
  static_cast<void>(must(device.call(second.update_key(renewed, first, old))));
  const CloseProvisioningSession closing = second.close();
  device.close();

  crypto::SystemRandom random;
  const auto state =
      must(StateStore::open(must(storage::open_sqlite(folder / "sks.db", {.exclusive = true})), device.master_key(), device.platform()));
  const Ref<SessionTree> before = must(state->session(first.handle()));
  Call call(*state, device.platform().clock.now(), random);
  static_cast<void>(must(perform(call, closing)));
  ASSERT_TRUE(must(state->commit(call, nullptr)));
  const SecretBytes pin = SecretBytes::copy_of(bytes_of("1357"));
  EXPECT_FALSE(must(state->prove(authorization(before, pin)))) << "what it was based on has changed: the call is made again";

  const Ref<SessionTree> after = must(state->session(second.handle()));
  EXPECT_TRUE(must(state->prove(authorization(after, pin))));
  const SecretBytes wrong = SecretBytes::copy_of(bytes_of("2468"));
  const auto refused = state->prove(authorization(must(state->session(second.handle())), wrong));
  ASSERT_FALSE(refused);
  EXPECT_EQ(status_of(refused.error()), Status::kAuthorization);
  EXPECT_EQ(state->errors_of(*must(state->session(second.handle()))->pins.front()), 1);
}

}  // namespace
}  // namespace airtight::sks
