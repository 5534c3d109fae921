// What the owner of a PIN or PUK can do: deleteKey, unlockKey, changePIN and setPIN (the SKS document, sks.md sections 6 and 9).
#include <gtest/gtest.h>

#include "tests/sks/device.h"
#include "tests/support/must.h"

namespace airtight::sks {
namespace {

using testing::status;
using testing::TestDevice;
using testing::TestIssuer;
using tests::must;

SecretBytes secret(std::string_view text) { return SecretBytes::copy_of(bytes_of(text)); }

constexpr std::string_view kPuk = "0123456789";

class Protection : public ::testing::Test {
 protected:
  struct Wish {
    std::string id = "Key.1";
    std::string_view pin = "1634";
    KeyUsage usage = KeyUsage::kAuthentication;
    DeletePolicy delete_policy = DeletePolicy::kNone;
  };
  // Keys of one session under one PIN policy, which `change` has adjusted.
  template <typename Change>
  std::vector<Handle> provision(const std::vector<Wish>& wishes, Change change, bool with_puk = true, std::uint8_t puk_limit = 3) {
    TestIssuer issuer(device);
    Handle puk = 0;
    if (with_puk) {
      auto request = issuer.puk_policy("PUK.1", kPuk);
      request.retry_limit = puk_limit;
      puk = must(device.call(request)).puk_policy_handle;
    }
    auto policy = issuer.pin_policy("PIN.1", puk);
    change(policy);
    const Handle pin_policy = must(device.call(policy)).pin_policy_handle;
    std::vector<Handle> handles;
    for (const Wish& wish : wishes) {
      auto request = issuer.key_pair(wish.id, pin_policy, wish.pin);
      if (!policy.user_defined) request.pin_value = SecretBytes::copy_of(issuer.encrypt(wish.pin));
      request.key_usage = static_cast<std::uint8_t>(wish.usage);
      request.delete_policy = static_cast<std::uint8_t>(wish.delete_policy);
      handles.push_back(issuer.certified(request).handle);
    }
    must(device.call(issuer.close()));
    return handles;
  }
  Handle provision_one() {
    return provision({Wish{}}, [](auto&) {}).front();
  }
  Handle provision_without_pin() {
    TestIssuer issuer(device);
    return issuer.provision(issuer.key_pair()).key_handle;
  }
  static auto grouping(Grouping value) {
    return [value](CreatePinPolicy& policy) { policy.grouping = static_cast<std::uint8_t>(value); };
  }

  Status sign(Handle key, std::string_view pin) {
    return status(device.call(SignHashedData{key, std::string(uri::kEcdsaSha256), secret(pin), Bytes(32)}));
  }
  Status unlock(Handle key, std::string_view puk) { return status(device.call(UnlockKey{key, secret(puk)})); }
  Status change_pin(Handle key, std::string_view old, std::string_view next) {
    return status(device.call(ChangePin{key, secret(old), secret(next)}));
  }
  Status set_pin(Handle key, std::string_view puk, std::string_view next) {
    return status(device.call(SetPin{key, secret(puk), secret(next)}));
  }
  Status remove(Handle key, std::string_view authorization = "") { return status(device.call(DeleteKey{key, secret(authorization)})); }
  GetKeyProtectionInfo::Response info(Handle key) { return must(device.call(GetKeyProtectionInfo{key})); }
  void lock(Handle key) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(sign(key, "9999"), Status::kAuthorization);
    EXPECT_EQ(sign(key, "1634"), Status::kAuthorization);
  }

  TestDevice device;
};

TEST_F(Protection, DeleteRemovesAKeyAndWithTheLastItsSession) {
  const auto keys = provision({Wish{"Key.1"}, Wish{"Key.2"}}, [](auto&) {});
  EXPECT_EQ(remove(keys[0]), Status::kOk);
  EXPECT_EQ(remove(keys[0]), Status::kNoKey);
  EXPECT_EQ(sign(keys[1], "1634"), Status::kOk);
  EXPECT_NE(must(device.call(EnumerateProvisioningSessions{})).provisioning_handle, kNoHandle);
  EXPECT_EQ(remove(keys[1]), Status::kOk);
  EXPECT_EQ(must(device.call(EnumerateProvisioningSessions{})).provisioning_handle, kNoHandle);
  EXPECT_EQ(must(device.call(EnumerateKeys{})).key_handle, kNoHandle);
}

TEST_F(Protection, DeleteWithoutAPolicyTakesNoAuthorization) {
  const Handle key = provision_one();
  EXPECT_EQ(remove(key, "1634"), Status::kOption);
  EXPECT_EQ(remove(key), Status::kOk);
}

TEST_F(Protection, DeleteByPinCountsErrorsAndLocks) {
  const Handle key = provision({Wish{.delete_policy = DeletePolicy::kPin}}, [](auto&) {}).front();
  EXPECT_EQ(remove(key), Status::kAuthorization);
  EXPECT_EQ(info(key).pin_error_count, 0) << "an empty one is not counted";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(remove(key, "9999"), Status::kAuthorization);
  EXPECT_EQ(remove(key, "1634"), Status::kAuthorization);
  EXPECT_EQ(unlock(key, kPuk), Status::kOk);
  EXPECT_EQ(remove(key, "1634"), Status::kOk);
}

TEST_F(Protection, DeleteByPukCountsErrorsAndLocks) {
  const auto keys = provision({Wish{.delete_policy = DeletePolicy::kPuk}, Wish{.id = "Key.2"}}, [](auto&) {});
  EXPECT_EQ(remove(keys[0]), Status::kAuthorization);
  EXPECT_EQ(remove(keys[0], "1634"), Status::kAuthorization);
  EXPECT_EQ(info(keys[1]).puk_error_count, 1) << "the keys of a PUK policy share its counter";
  EXPECT_EQ(remove(keys[0], kPuk), Status::kOk);
  EXPECT_EQ(info(keys[1]).puk_error_count, 0);
}

TEST_F(Protection, KeysOfOpenSessionsAreUnknownToTheUser) {
  TestIssuer issuer(device);
  const Handle key = issuer.certified(issuer.key_pair()).handle;
  EXPECT_EQ(remove(key), Status::kNoKey);
  EXPECT_EQ(unlock(key, kPuk), Status::kNoKey);
  EXPECT_EQ(change_pin(key, "1634", "2745"), Status::kNoKey);
  EXPECT_EQ(set_pin(key, kPuk, "2745"), Status::kNoKey);
  EXPECT_EQ(status(device.call(ExportKey{key, {}})), Status::kNoKey);
  EXPECT_EQ(status(device.call(GetKeyProtectionInfo{key})), Status::kNoKey);
  EXPECT_EQ(status(device.call(SetProperty{key, {}, {}, {}})), Status::kNoKey);
  EXPECT_EQ(status(device.call(GetExtensionObject{key, {}})), Status::kNoKey);
  EXPECT_EQ(status(device.call(issuer.close())), Status::kOk) << "the user API never ends a session";
}

TEST_F(Protection, UnlockResetsThePinCounter) {
  const Handle key = provision_one();
  lock(key);
  EXPECT_EQ(info(key).protection_status, kPinProtected | kPukProtected | kPinLocked);
  EXPECT_EQ(unlock(key, kPuk), Status::kOk);
  EXPECT_EQ(info(key).protection_status, kPinProtected | kPukProtected);
  EXPECT_EQ(info(key).pin_error_count, 0);
  EXPECT_EQ(sign(key, "1634"), Status::kOk);
}

TEST_F(Protection, UnlockCountsPukErrorsAndLocksForGood) {
  const Handle key = provision_one();
  lock(key);
  EXPECT_EQ(unlock(key, ""), Status::kAuthorization);
  EXPECT_EQ(info(key).puk_error_count, 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(unlock(key, "wrong"), Status::kAuthorization);
  EXPECT_EQ(unlock(key, kPuk), Status::kAuthorization);
  EXPECT_EQ(info(key).protection_status, kPinProtected | kPukProtected | kPinLocked | kPukLocked);
  EXPECT_EQ(sign(key, "1634"), Status::kAuthorization);
}

TEST_F(Protection, ARightPukResetsItsCounter) {
  const Handle key = provision_one();
  EXPECT_EQ(unlock(key, "wrong"), Status::kAuthorization);
  EXPECT_EQ(unlock(key, "wrong"), Status::kAuthorization);
  EXPECT_EQ(unlock(key, kPuk), Status::kOk);
  EXPECT_EQ(info(key).puk_error_count, 0);
}

TEST_F(Protection, APukWithoutALimitWaitsAndNeverLocks) {
  const Handle key = provision({Wish{}}, [](auto&) {}, true, 0).front();
  for (int i = 0; i < 12; ++i) EXPECT_EQ(unlock(key, "wrong"), Status::kAuthorization);
  EXPECT_EQ(info(key).protection_status & kPukLocked, 0);
  EXPECT_EQ(unlock(key, kPuk), Status::kOk);
  ASSERT_EQ(device.pause().waited.size(), 13U);
  EXPECT_EQ(device.pause().waited[0], std::chrono::seconds(1));
  EXPECT_EQ(device.pause().waited[1], std::chrono::seconds(2));
  EXPECT_EQ(device.pause().waited[12], std::chrono::seconds(10));
}

TEST_F(Protection, WithoutAPukThereIsNothingToUnlockWith) {
  const Handle key = provision({Wish{}}, [](auto&) {}, false).front();
  EXPECT_EQ(unlock(key, kPuk), Status::kOption);
  EXPECT_EQ(set_pin(key, kPuk, "2745"), Status::kOption);
  EXPECT_EQ(unlock(provision_without_pin(), kPuk), Status::kOption);
  EXPECT_EQ(unlock(999, kPuk), Status::kNoKey);
}

TEST_F(Protection, ChangePinProvesTheOldOne) {
  const Handle key = provision_one();
  EXPECT_EQ(change_pin(key, "", "2745"), Status::kAuthorization);
  EXPECT_EQ(info(key).pin_error_count, 0);
  EXPECT_EQ(change_pin(key, "9999", "2745"), Status::kAuthorization);
  EXPECT_EQ(info(key).pin_error_count, 1);
  EXPECT_EQ(change_pin(key, "1634", "2745"), Status::kOk);
  EXPECT_EQ(sign(key, "1634"), Status::kAuthorization);
  EXPECT_EQ(sign(key, "2745"), Status::kOk);
}

TEST_F(Protection, ALockedPinIsNotChanged) {
  const Handle key = provision_one();
  lock(key);
  EXPECT_EQ(change_pin(key, "1634", "2745"), Status::kAuthorization);
}

TEST_F(Protection, ANewPinFollowsItsPolicy) {
  const Handle key = provision({Wish{}}, [](CreatePinPolicy& policy) { policy.pattern_restrictions = 0x04; }).front();
  for (const std::string_view wrong : {"", "123", "123456789", "12a4", "1234"}) {
    EXPECT_EQ(change_pin(key, "1634", wrong), Status::kOption) << wrong;
    EXPECT_EQ(set_pin(key, kPuk, wrong), Status::kOption) << wrong;
  }
  EXPECT_EQ(change_pin(key, "9999", "123"), Status::kOption) << "a length comes before the PIN";
  EXPECT_EQ(set_pin(key, "wrong", "12a4"), Status::kOption);
  EXPECT_EQ(info(key).pin_error_count, 0) << "which was not looked at";
  EXPECT_EQ(info(key).puk_error_count, 0);
  EXPECT_EQ(sign(key, "1634"), Status::kOk);
}

TEST_F(Protection, AnIssuerSetPinIsCheckedAsAUsersOnceTheUserChangesIt) {
  const Handle key = provision({Wish{.pin = "abcd"}}, [](CreatePinPolicy& policy) { policy.user_defined = false; }).front();
  EXPECT_EQ(change_pin(key, "abcd", "efgh"), Status::kOption) << "the format is numeric";
  EXPECT_EQ(change_pin(key, "abcd", "2745"), Status::kOk);
}

TEST_F(Protection, ChangesWantUserModifiable) {
  const Handle key = provision({Wish{}}, [](CreatePinPolicy& policy) { policy.user_modifiable = false; }).front();
  EXPECT_EQ(change_pin(key, "9999", "2745"), Status::kNotAllowed);
  EXPECT_EQ(set_pin(key, "wrong", "2745"), Status::kNotAllowed);
  EXPECT_EQ(info(key).pin_error_count, 0) << "it is refused before the PIN";
  EXPECT_EQ(info(key).puk_error_count, 0);
}

TEST_F(Protection, AKeyWithoutAPinHasNoneToChange) {
  const Handle key = provision_without_pin();
  EXPECT_EQ(change_pin(key, "1634", "2745"), Status::kOption);
  EXPECT_EQ(set_pin(key, kPuk, "2745"), Status::kOption);
}

TEST_F(Protection, SetPinProvesThePukAndResetsTheCounter) {
  const Handle key = provision_one();
  lock(key);
  EXPECT_EQ(set_pin(key, "", "2745"), Status::kAuthorization);
  EXPECT_EQ(set_pin(key, "wrong", "2745"), Status::kAuthorization);
  EXPECT_EQ(info(key).puk_error_count, 1);
  EXPECT_EQ(set_pin(key, kPuk, "2745"), Status::kOk);
  EXPECT_EQ(info(key).pin_error_count, 0);
  EXPECT_EQ(info(key).puk_error_count, 0);
  EXPECT_EQ(sign(key, "2745"), Status::kOk);
}

TEST_F(Protection, ASharedPinChangesForAllAndUnlocksForAll) {
  const auto keys = provision({Wish{"Key.1"}, Wish{"Key.2"}}, grouping(Grouping::kShared));
  EXPECT_EQ(change_pin(keys[0], "1634", "2745"), Status::kOk);
  EXPECT_EQ(sign(keys[1], "2745"), Status::kOk);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sign(keys[0], "9999"), Status::kAuthorization);
  EXPECT_EQ(sign(keys[1], "2745"), Status::kAuthorization) << "one counter";
  EXPECT_EQ(unlock(keys[1], kPuk), Status::kOk);
  EXPECT_EQ(sign(keys[0], "2745"), Status::kOk);
}

TEST_F(Protection, UniquePinsStayUnique) {
  const auto keys = provision({Wish{"Key.1", "1634"}, Wish{"Key.2", "2745"}}, grouping(Grouping::kUnique));
  EXPECT_EQ(change_pin(keys[0], "1634", "2745"), Status::kOption);
  EXPECT_EQ(set_pin(keys[0], kPuk, "2745"), Status::kOption);
  EXPECT_EQ(change_pin(keys[0], "1634", "1634"), Status::kOk) << "its own does not count";
  EXPECT_EQ(change_pin(keys[0], "1634", "3856"), Status::kOk);
  EXPECT_EQ(change_pin(keys[1], "2745", "1634"), Status::kOk);
}

TEST_F(Protection, SignatureAndStandardPinsStayDifferent) {
  const auto keys = provision({Wish{"Key.1", "1634", KeyUsage::kSignature}, Wish{"Key.2", "2745"}, Wish{"Key.3", "2745"}},
                              grouping(Grouping::kSignatureStandard));
  EXPECT_EQ(change_pin(keys[0], "1634", "2745"), Status::kOption);
  EXPECT_EQ(change_pin(keys[1], "2745", "1634"), Status::kOption);
  EXPECT_EQ(change_pin(keys[1], "2745", "3856"), Status::kOk);
  EXPECT_EQ(sign(keys[2], "3856"), Status::kOk) << "the half changes as one";
  EXPECT_EQ(sign(keys[0], "1634"), Status::kOk);
}

TEST_F(Protection, PinsOfNoGroupAreTheirOwn) {
  const auto keys = provision({Wish{"Key.1"}, Wish{"Key.2"}}, [](auto&) {});
  EXPECT_EQ(change_pin(keys[0], "1634", "2745"), Status::kOk);
  EXPECT_EQ(sign(keys[1], "1634"), Status::kOk);
  lock(keys[1]);
  EXPECT_EQ(sign(keys[0], "2745"), Status::kOk);
}

TEST_F(Protection, ADeletedKeyTakesItsPinAlongUnlessItIsShared) {
  const auto keys = provision({Wish{"Key.1"}, Wish{"Key.2"}}, grouping(Grouping::kShared));
  EXPECT_EQ(remove(keys[0]), Status::kOk);
  EXPECT_EQ(sign(keys[1], "1634"), Status::kOk);
  EXPECT_TRUE(must(device.store().verify()).findings.empty());
}

}  // namespace
}  // namespace airtight::sks
