// Keys under the device PIN and under biometric protection (the SKS document, sks.md sections 6 and 7).
#include <gtest/gtest.h>

#include "tests/sks/device.h"
#include "tests/support/must.h"

namespace airtight::sks {
namespace {

using testing::CertifiedKey;
using testing::DeviceOptions;
using testing::SessionOptions;
using testing::status;
using testing::TestDevice;
using testing::TestIssuer;
using tests::must;

SecretBytes secret(std::string_view text) { return SecretBytes::copy_of(bytes_of(text)); }

class DevicePins : public ::testing::Test {
 protected:
  Handle provision(DeletePolicy delete_policy = DeletePolicy::kNone) {
    TestIssuer issuer(device);
    auto request = issuer.key_pair("Key.1", kDevicePinHandle);
    request.delete_policy = static_cast<std::uint8_t>(delete_policy);
    return issuer.provision(request).key_handle;
  }
  Status sign(Handle key, std::string_view pin) {
    return status(device.call(SignHashedData{key, std::string(uri::kEcdsaSha256), secret(pin), Bytes(32)}));
  }
  void set() { must(device.store().set_device_pin(secret("device pin"), secret("device puk"))); }

  TestDevice device;
};

TEST_F(DevicePins, AreSupportedOnceThereIsOne) {
  EXPECT_FALSE(must(device.call(GetDeviceInfo{})).device_pin_support);
  TestIssuer issuer(device);
  EXPECT_EQ(status(device.call(issuer.key_pair("Key.1", kDevicePinHandle))), Status::kOption);
  set();
  EXPECT_TRUE(must(device.call(GetDeviceInfo{})).device_pin_support);
  EXPECT_NO_FATAL_FAILURE(provision());
}

TEST_F(DevicePins, GuardTheUseOfAKey) {
  set();
  const Handle key = provision();
  EXPECT_EQ(sign(key, ""), Status::kAuthorization);
  EXPECT_EQ(sign(key, "wrong"), Status::kAuthorization);
  EXPECT_EQ(sign(key, "device pin"), Status::kOk);
}

TEST_F(DevicePins, LockAllTheirKeysAndAreUnlockedByTheDevice) {
  set();
  const Handle one = provision();
  const Handle two = provision();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(sign(one, "wrong"), Status::kAuthorization);
  EXPECT_EQ(sign(two, "device pin"), Status::kAuthorization);
  must(device.store().unlock_device_pin(secret("device puk")));
  EXPECT_EQ(sign(two, "device pin"), Status::kOk);
}

TEST_F(DevicePins, TheKeyShowsNothingOfThem) {
  set();
  const Handle key = provision();
  EXPECT_EQ(sign(key, "wrong"), Status::kAuthorization);
  const auto info = must(device.call(GetKeyProtectionInfo{key}));
  EXPECT_EQ(info.protection_status, kDevicePinProtected);
  EXPECT_EQ(info.pin_error_count, 0);
  EXPECT_EQ(info.retry_limit, 0);
  EXPECT_EQ(info.puk_retry_limit, 0);
  EXPECT_EQ(info.max_length, 0);
}

TEST_F(DevicePins, AreOutOfScopeOfTheApi) {
  set();
  const Handle key = provision();
  EXPECT_EQ(status(device.call(ChangePin{key, secret("device pin"), secret("other pin")})), Status::kOption);
  EXPECT_EQ(status(device.call(SetPin{key, secret("device puk"), secret("other pin")})), Status::kOption);
  EXPECT_EQ(status(device.call(UnlockKey{key, secret("device puk")})), Status::kOption);
}

TEST_F(DevicePins, TakeNoPinValue) {
  set();
  TestIssuer issuer(device);
  EXPECT_EQ(status(device.call(issuer.key_pair("Key.1", kDevicePinHandle, "device pin"))), Status::kOption);
}

TEST_F(DevicePins, AreAttestedAsDevice) {
  set();
  TestIssuer issuer(device);
  const auto request = issuer.key_pair("Key.1", kDevicePinHandle);
  const auto made = must(device.call(request));
  const AttestedKey attested{.id = "Key.1",
                             .issuer_seed = to_bytes(request.issuer_seed),
                             .public_key = made.generated_public_key,
                             .key_usage = KeyUsage::kAuthentication,
                             .friendly_name = {}};
  EXPECT_TRUE(equal(key_attestation(issuer.keys(), attested, DevicePin{}, {}), made.key_attestation));
}

TEST_F(DevicePins, ServeDeletePoliciesOfPinAndPuk) {
  set();
  const Handle by_pin = provision(DeletePolicy::kPin);
  EXPECT_EQ(status(device.call(DeleteKey{by_pin, secret("device puk")})), Status::kAuthorization);
  EXPECT_EQ(status(device.call(DeleteKey{by_pin, secret("device pin")})), Status::kOk);
  const Handle by_puk = provision(DeletePolicy::kPuk);
  EXPECT_EQ(status(device.call(DeleteKey{by_puk, secret("device pin")})), Status::kAuthorization);
  EXPECT_EQ(status(device.call(DeleteKey{by_puk, secret("device puk")})), Status::kOk);
}

TEST_F(DevicePins, AnUpdateInheritsThem) {
  set();
  TestIssuer first(device, SessionOptions{.updatable = true});
  auto request = first.key_pair("Key.1", kDevicePinHandle);
  request.updatable = true;
  const CertifiedKey old = first.certified(request);
  must(device.call(first.close()));
  TestIssuer second(device);
  const CertifiedKey fresh = second.certified(second.key_pair());
  must(device.call(second.update_key(fresh, first, old)));
  must(device.call(second.close()));
  EXPECT_EQ(sign(old.handle, ""), Status::kAuthorization);
  EXPECT_EQ(sign(old.handle, "device pin"), Status::kOk);
}

// Somebody who answers as the test says, and remembers what was asked.
class FakeApprover final : public Approver {
 public:
  [[nodiscard]] Result<bool> approve(const ApprovalRequest& request) override {
    asked.push_back(std::string(request.method) + " " + request.key_id + " " + request.friendly_name);
    return answer;
  }
  bool answer = true;
  std::vector<std::string> asked;
};

class Biometrics : public ::testing::Test {
 protected:
  Status make(BiometricProtection protection, bool with_pin) {
    TestIssuer issuer(device);
    return status(device.call(request(issuer, protection, with_pin)));
  }
  Handle provision(BiometricProtection protection, bool with_pin) {
    TestIssuer issuer(device);
    return issuer.provision(request(issuer, protection, with_pin)).key_handle;
  }
  CreateKeyPair request(TestIssuer& issuer, BiometricProtection protection, bool with_pin) {
    const Handle policy = with_pin ? must(device.call(issuer.pin_policy())).pin_policy_handle : 0;
    auto out = issuer.key_pair("Key.1", policy, with_pin ? "1634" : "");
    out.biometric_protection = static_cast<std::uint8_t>(protection);
    out.friendly_name = to_bytes("Bank");
    return out;
  }
  Status sign(Handle key, std::string_view pin) {
    return status(device.call(SignHashedData{key, std::string(uri::kEcdsaSha256), secret(pin), Bytes(32)}));
  }

  FakeApprover approver;
  TestDevice device{DeviceOptions{.approver = &approver}};
};

TEST_F(Biometrics, AreOfferedIfSomebodyCanApprove) {
  EXPECT_TRUE(must(device.call(GetDeviceInfo{})).biometric_support);
  TestDevice without;
  EXPECT_FALSE(must(without.call(GetDeviceInfo{})).biometric_support);
  TestIssuer issuer(without);
  auto key = issuer.key_pair();
  key.biometric_protection = static_cast<std::uint8_t>(BiometricProtection::kExclusive);
  EXPECT_EQ(status(without.call(key)), Status::kOption);
}

TEST_F(Biometrics, ExclusiveHasNoPinAndTheOthersHaveOneWhenTheSessionCloses) {
  EXPECT_EQ(make(BiometricProtection::kExclusive, false), Status::kOk);
  EXPECT_EQ(make(BiometricProtection::kExclusive, true), Status::kOption);
  for (const auto protection : {BiometricProtection::kAlternative, BiometricProtection::kCombined}) {
    EXPECT_EQ(make(protection, true), Status::kOk);
    TestIssuer issuer(device);
    issuer.certified(request(issuer, protection, false));
    EXPECT_EQ(status(device.call(issuer.close())), Status::kSessionVerify);
  }
}

TEST_F(Biometrics, StayWithAKeyThatIsUpdatedAsItsPinDoes) {
  TestIssuer first(device, SessionOptions{.updatable = true});
  auto old_request = request(first, BiometricProtection::kCombined, true);
  old_request.updatable = true;
  const CertifiedKey old = first.certified(old_request);
  must(device.call(first.close()));
  TestIssuer second(device);
  const CertifiedKey fresh = second.certified(request(second, BiometricProtection::kCombined, false));
  must(device.call(second.update_key(fresh, first, old)));
  must(device.call(second.close()));
  EXPECT_EQ(sign(old.handle, ""), Status::kAuthorization);
  EXPECT_EQ(sign(old.handle, "1634"), Status::kOk);
  EXPECT_EQ(approver.asked.size(), 1U);
}

TEST_F(Biometrics, AlternativeDoesNotOpenALockedKey) {
  const Handle key = provision(BiometricProtection::kAlternative, true);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sign(key, "9999"), Status::kAuthorization);
  EXPECT_EQ(sign(key, ""), Status::kAuthorization);
  EXPECT_TRUE(approver.asked.empty());
}

TEST_F(Biometrics, AlternativeTakesThePinOrAnApproval) {
  const Handle key = provision(BiometricProtection::kAlternative, true);
  EXPECT_EQ(sign(key, "1634"), Status::kOk);
  EXPECT_TRUE(approver.asked.empty());
  EXPECT_EQ(sign(key, ""), Status::kOk);
  EXPECT_EQ(approver.asked, std::vector<std::string>{"signHashedData Key.1 Bank"});
  approver.answer = false;
  EXPECT_EQ(sign(key, ""), Status::kAuthorization);
  EXPECT_EQ(sign(key, "9999"), Status::kAuthorization);
  EXPECT_EQ(must(device.call(GetKeyProtectionInfo{key})).pin_error_count, 1) << "a refusal is no PIN error";
}

TEST_F(Biometrics, CombinedTakesBoth) {
  const Handle key = provision(BiometricProtection::kCombined, true);
  EXPECT_EQ(sign(key, ""), Status::kAuthorization);
  EXPECT_EQ(sign(key, "9999"), Status::kAuthorization);
  EXPECT_TRUE(approver.asked.empty()) << "nobody is asked before the PIN is right";
  EXPECT_EQ(sign(key, "1634"), Status::kOk);
  EXPECT_EQ(approver.asked.size(), 1U);
  approver.answer = false;
  EXPECT_EQ(sign(key, "1634"), Status::kAuthorization);
}

TEST_F(Biometrics, CombinedGoesWithTheDevicePinToo) {
  must(device.store().set_device_pin(secret("device pin"), secret("device puk")));
  TestIssuer issuer(device);
  auto key = request(issuer, BiometricProtection::kCombined, false);
  key.pin_policy_handle = kDevicePinHandle;
  const Handle handle = issuer.provision(key).key_handle;
  EXPECT_EQ(sign(handle, "wrong"), Status::kAuthorization);
  EXPECT_EQ(sign(handle, "device pin"), Status::kOk);
  EXPECT_EQ(approver.asked, std::vector<std::string>{"signHashedData Key.1 Bank"});
}

TEST_F(Biometrics, ExclusiveTakesAnApprovalAlone) {
  const Handle key = provision(BiometricProtection::kExclusive, false);
  EXPECT_EQ(sign(key, "1634"), Status::kOption);
  EXPECT_EQ(sign(key, ""), Status::kOk);
  approver.answer = false;
  EXPECT_EQ(sign(key, ""), Status::kAuthorization);
  const auto info = must(device.call(GetKeyProtectionInfo{key}));
  EXPECT_EQ(info.protection_status, 0);
  EXPECT_EQ(info.biometric_protection, 3);
}

TEST_F(Biometrics, AreForTheUseOfAKeyAlone) {
  const Handle key = provision(BiometricProtection::kExclusive, false);
  approver.answer = false;
  EXPECT_EQ(status(device.call(DeleteKey{key, {}})), Status::kOk);
  EXPECT_TRUE(approver.asked.empty());
}

TEST_F(Biometrics, ExclusiveDoesNotUpdateAKeyWithAPin) {
  TestIssuer first(device, SessionOptions{.updatable = true});
  auto old_request = request(first, BiometricProtection::kNone, true);
  old_request.updatable = true;
  const CertifiedKey old = first.certified(old_request);
  must(device.call(first.close()));
  TestIssuer second(device);
  const CertifiedKey fresh = second.certified(request(second, BiometricProtection::kExclusive, false));
  EXPECT_EQ(status(device.call(second.update_key(fresh, first, old))), Status::kNotAllowed);
}

}  // namespace
}  // namespace airtight::sks
