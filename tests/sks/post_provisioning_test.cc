// Post provisioning: deleting and updating keys of earlier sessions, and what closing does with the sessions that owned them (the SKS
// document, sks.md section 8).
#include <gtest/gtest.h>

#include "tests/sks/device.h"
#include "tests/support/must.h"

namespace airtight::sks {
namespace {

using testing::CertifiedKey;
using testing::SessionOptions;
using testing::status;
using testing::TestDevice;
using testing::TestIssuer;
using tests::must;

SecretBytes pin(std::string_view text) { return SecretBytes::copy_of(bytes_of(text)); }

class PostProvisioning : public ::testing::Test {
 protected:
  static CreateKeyPair updatable(CreateKeyPair request) {
    request.updatable = true;
    return request;
  }
  CertifiedKey make(TestIssuer& issuer, std::string id, Handle policy = 0, std::string_view value = "") {
    return issuer.certified(updatable(issuer.key_pair(std::move(id), policy, value)));
  }
  Handle policy(TestIssuer& issuer, bool with_puk = false) {
    const Handle puk = with_puk ? must(device.call(issuer.puk_policy())).puk_policy_handle : 0;
    return must(device.call(issuer.pin_policy("PIN.1", puk))).pin_policy_handle;
  }
  Status close(TestIssuer& issuer) { return status(device.call(issuer.close())); }
  Status sign(Handle key, std::string_view given = "") {
    return status(device.call(SignHashedData{key, std::string(uri::kEcdsaSha256), pin(given), Bytes(32)}));
  }
  std::vector<Handle> sessions() {
    std::vector<Handle> out;
    for (Handle at = kNoHandle;;) {
      at = must(device.call(EnumerateProvisioningSessions{at})).provisioning_handle;
      if (at == kNoHandle) return out;
      out.push_back(at);
    }
  }
  // (key, session that owns it)
  std::vector<std::pair<Handle, Handle>> keys() {
    std::vector<std::pair<Handle, Handle>> out;
    for (Handle at = kNoHandle;;) {
      const auto listed = must(device.call(EnumerateKeys{at}));
      at = listed.key_handle;
      if (at == kNoHandle) return out;
      out.emplace_back(at, listed.key->provisioning_handle);
    }
  }
  // Whether `certificate` is that of the key.
  bool has_certificate(Handle key, ByteView certificate) {
    const auto listed = must(device.call(EnumerateKeys{key == 1 ? kNoHandle : key - 1}));
    return listed.key_handle == key && equal(listed.key->x509_certificates.front(), certificate);
  }

  TestDevice device;
  TestIssuer first{device, SessionOptions{.updatable = true}};
};

TEST_F(PostProvisioning, DeletesWhenTheSessionCloses) {
  const CertifiedKey old = make(first, "Key.1");
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer second(device);
  ASSERT_EQ(status(device.call(second.delete_key(first, old))), Status::kOk);
  EXPECT_EQ(sign(old.handle), Status::kOk) << "not before it closes";
  ASSERT_EQ(close(second), Status::kOk);
  EXPECT_EQ(sign(old.handle), Status::kNoKey);
  EXPECT_TRUE(sessions().empty()) << "neither has a key left";
}

TEST_F(PostProvisioning, AnAbortedSessionLeavesItsTargetsUntouched) {
  const CertifiedKey old = make(first, "Key.1");
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer second(device);
  ASSERT_EQ(status(device.call(second.delete_key(first, old))), Status::kOk);
  must(device.call(AbortProvisioningSession{second.handle()}));
  EXPECT_EQ(sign(old.handle), Status::kOk);
  EXPECT_EQ(sessions(), std::vector<Handle>{first.handle()});
}

TEST_F(PostProvisioning, EveryObjectOfAnOwnerMovesToTheClosingSession) {
  const Handle policy_handle = policy(first, true);
  const CertifiedKey deleted = make(first, "Key.1");
  const CertifiedKey kept = make(first, "Key.2", policy_handle, "1634");
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer second(device, SessionOptions{.updatable = true});
  const CertifiedKey fresh = make(second, "Key.1");
  ASSERT_EQ(status(device.call(second.delete_key(first, deleted))), Status::kOk);
  ASSERT_EQ(close(second), Status::kOk);
  EXPECT_EQ(sessions(), std::vector<Handle>{second.handle()});
  EXPECT_EQ(keys(), (std::vector<std::pair<Handle, Handle>>{{kept.handle, second.handle()}, {fresh.handle, second.handle()}}));
  EXPECT_EQ(sign(kept.handle, "9999"), Status::kAuthorization);
  EXPECT_EQ(sign(kept.handle, "1634"), Status::kOk);
  EXPECT_EQ(status(device.call(UnlockKey{kept.handle, pin("0123456789")})), Status::kOk) << "its PUK came along";
}

TEST_F(PostProvisioning, TheSessionThatOwnsAKeyNowProvesItsIssuance) {
  const CertifiedKey one = make(first, "Key.1");
  const CertifiedKey two = make(first, "Key.2");
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer second(device, SessionOptions{.updatable = true});
  must(device.call(second.delete_key(first, one)));
  ASSERT_EQ(close(second), Status::kOk);
  TestIssuer third(device);
  EXPECT_EQ(status(device.call(third.delete_key(first, two))), Status::kMac);
  TestIssuer fourth(device);
  EXPECT_EQ(status(device.call(fourth.delete_key(second, two))), Status::kOk);
}

TEST_F(PostProvisioning, AnUpdateKeepsHandlePinAndErrorsAndTakesAllElse) {
  const Handle policy_handle = policy(first);
  auto request = updatable(first.key_pair("Key.1", policy_handle, "1634"));
  request.friendly_name = to_bytes("old");
  const CertifiedKey old = first.certified(request);
  must(device.call(first.extension(old, ExtensionBaseType::kExtension, "urn:old", bytes_of("old"))));
  ASSERT_EQ(close(first), Status::kOk);
  EXPECT_EQ(sign(old.handle, "9999"), Status::kAuthorization);

  TestIssuer second(device, SessionOptions{.updatable = true});
  auto renewal = second.key_pair("Key.9");
  renewal.friendly_name = to_bytes("new");
  renewal.key_algorithm = RsaKeySpec{1024, 0};
  const CertifiedKey fresh = second.certified(renewal);
  must(device.call(second.extension(fresh, ExtensionBaseType::kExtension, "urn:new", bytes_of("new"))));
  ASSERT_EQ(status(device.call(second.update_key(fresh, first, old))), Status::kOk);
  EXPECT_EQ(status(device.call(GetKeyProtectionInfo{fresh.handle})), Status::kNoKey) << "not before it closes";
  ASSERT_EQ(close(second), Status::kOk);

  EXPECT_EQ(keys(), (std::vector<std::pair<Handle, Handle>>{{old.handle, second.handle()}}));
  EXPECT_TRUE(has_certificate(old.handle, fresh.certificate));
  const auto listed = must(device.call(EnumerateKeys{}));
  EXPECT_EQ(listed.key->id.value, "Key.9");
  EXPECT_EQ(to_text(listed.key->friendly_name), "new");
  EXPECT_EQ(listed.key->extension_types.values, std::vector<std::string>{"urn:new"});
  EXPECT_EQ(status(device.call(GetExtensionObject{old.handle, to_bytes("urn:old")})), Status::kOption);
  EXPECT_EQ(to_text(must(device.call(GetExtensionObject{old.handle, to_bytes("urn:new")})).extension_data.value.expose_secret()), "new");
  const auto info = must(device.call(GetKeyProtectionInfo{old.handle}));
  EXPECT_EQ(info.protection_status, kPinProtected);
  EXPECT_EQ(info.pin_error_count, 1);
  EXPECT_FALSE(info.updatable) << "the new key was not";

  EXPECT_EQ(sign(old.handle, "1634"), Status::kAlgorithm) << "it is an RSA key now";
  const auto signature = must(device.call(
      SignHashedData{old.handle, std::string(uri::kRsaSha256), pin("1634"), crypto::digest(crypto::Digest::kSha256, {bytes_of("m")})}));
  EXPECT_TRUE(must(crypto::PublicKey::from_spki(fresh.public_key))
                  .verify(crypto::SignatureScheme::kRsaPkcs1, crypto::Digest::kSha256, bytes_of("m"), signature.result)
                  .has_value());
}

TEST_F(PostProvisioning, AnUpdateMayCarryOnTheSameCertificate) {
  auto request = updatable(first.key_pair("Key.1"));
  request.private_key_backup = true;
  const auto made = must(device.call(request));
  const SetCertificatePath path = first.certificate_path("Key.1", made);
  must(device.call(path));
  ASSERT_EQ(close(first), Status::kOk);
  const SecretBytes pkcs8 = must(decrypt(first.keys(), {"createKeyPair", 0}, *made.private_key));
  const CertifiedKey old{"Key.1", made.key_handle, made.generated_public_key, path.x509_certificates.front()};

  const auto restore = [&](TestIssuer& issuer) {
    auto renewal = issuer.key_pair("Key.1");
    renewal.import_private_key = true;
    const auto placeholder = must(device.call(renewal));
    SetCertificatePath again{issuer.handle(), placeholder.key_handle, path.x509_certificates, {}};
    again.mac = issuer.mac("setCertificatePath",
                           {placeholder.generated_public_key, bytes_of("Key.1"), again.x509_certificates[0], again.x509_certificates[1]});
    must(device.call(again));
    const CertifiedKey fresh{"Key.1", placeholder.key_handle, {}, old.certificate};
    must(device.call(issuer.private_key(fresh, pkcs8.expose_secret())));
    return fresh;
  };
  TestIssuer copier(device);
  restore(copier);
  EXPECT_EQ(close(copier), Status::kSessionVerify) << "two keys would have one certificate";

  TestIssuer second(device);
  const CertifiedKey fresh = restore(second);
  ASSERT_EQ(status(device.call(second.update_key(fresh, first, old))), Status::kOk);
  ASSERT_EQ(close(second), Status::kOk);
  EXPECT_EQ(sign(old.handle), Status::kOk);
}

TEST_F(PostProvisioning, ATargetIsUpdatableInAnUpdatableClosedSession) {
  TestIssuer fixed(device);
  const CertifiedKey of_fixed_session = make(fixed, "Key.1");
  ASSERT_EQ(close(fixed), Status::kOk);
  const CertifiedKey fixed_key = first.certified(first.key_pair("Key.1"));
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer open(device, SessionOptions{.updatable = true});
  const CertifiedKey of_open_session = make(open, "Key.1");

  const auto try_to_delete = [&](const TestIssuer& original, const CertifiedKey& target) {
    TestIssuer issuer(device);
    const Status answer = status(device.call(issuer.delete_key(original, target)));
    EXPECT_EQ(close(issuer), Status::kNoSession);
    return answer;
  };
  EXPECT_EQ(try_to_delete(fixed, of_fixed_session), Status::kNotAllowed);
  EXPECT_EQ(try_to_delete(first, fixed_key), Status::kNotAllowed);
  EXPECT_EQ(try_to_delete(open, of_open_session), Status::kNotAllowed);
  EXPECT_EQ(try_to_delete(first, CertifiedKey{"", 999, {}, {}}), Status::kNoKey);
  EXPECT_EQ(status(device.call(open.delete_key(open, of_open_session))), Status::kNotAllowed) << "one of its own";
}

TEST_F(PostProvisioning, ThereIsOneOperationForATargetAndOneForANewKey) {
  const CertifiedKey one = make(first, "Key.1");
  const CertifiedKey two = make(first, "Key.2");
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer twice(device);
  must(device.call(twice.delete_key(first, one)));
  EXPECT_EQ(status(device.call(twice.delete_key(first, one))), Status::kNotAllowed);
  TestIssuer both(device);
  const CertifiedKey fresh = both.certified(both.key_pair());
  must(device.call(both.update_key(fresh, first, one)));
  EXPECT_EQ(status(device.call(both.update_key(fresh, first, two))), Status::kNotAllowed);
}

TEST_F(PostProvisioning, ANewKeyIsFullyProvisionedHasNoPinAndTheSameUsage) {
  const CertifiedKey old = make(first, "Key.1");
  ASSERT_EQ(close(first), Status::kOk);

  TestIssuer without_certificate(device);
  const auto pair = must(device.call(without_certificate.key_pair()));
  EXPECT_EQ(status(device.call(without_certificate.update_key({"", pair.key_handle, {}, {}}, first, old))), Status::kNotAllowed);

  TestIssuer with_pin(device);
  const CertifiedKey guarded = make(with_pin, "Key.1", policy(with_pin), "1634");
  EXPECT_EQ(status(device.call(with_pin.update_key(guarded, first, old))), Status::kNotAllowed);

  TestIssuer other_usage(device);
  auto request = other_usage.key_pair();
  request.key_usage = static_cast<std::uint8_t>(KeyUsage::kUniversal);
  const CertifiedKey other = other_usage.certified(request);
  EXPECT_EQ(status(device.call(other_usage.update_key(other, first, old))), Status::kNotAllowed);

  TestIssuer not_restored(device);
  request = not_restored.key_pair();
  request.import_private_key = true;
  const CertifiedKey announced = not_restored.certified(request);
  EXPECT_EQ(status(device.call(not_restored.update_key(announced, first, old))), Status::kNotAllowed);

  TestIssuer of_another(device);
  EXPECT_EQ(status(device.call(of_another.update_key(old, first, old))), Status::kNoKey) << "the new key is of this session";
}

TEST_F(PostProvisioning, ANewKeyOfUsageSymmetricKeyHasItsSymmetricKey) {
  auto request = updatable(first.key_pair("Key.1"));
  request.key_usage = static_cast<std::uint8_t>(KeyUsage::kSymmetricKey);
  const CertifiedKey old = first.certified(request);
  must(device.call(first.symmetric_key(old, bytes_of("old key"), {uri::kHmacSha1})));
  ASSERT_EQ(close(first), Status::kOk);
  const auto renew = [&](bool with_key) {
    TestIssuer issuer(device, SessionOptions{.updatable = true});
    auto renewal = issuer.key_pair("Key.1");
    renewal.key_usage = static_cast<std::uint8_t>(KeyUsage::kSymmetricKey);
    const CertifiedKey fresh = issuer.certified(renewal);
    if (with_key) must(device.call(issuer.symmetric_key(fresh, bytes_of("Jefe"), {uri::kHmacSha256})));
    const Status answer = status(device.call(issuer.update_key(fresh, first, old)));
    EXPECT_EQ(close(issuer), answer == Status::kOk ? Status::kOk : Status::kNoSession);
    return answer;
  };
  EXPECT_EQ(renew(false), Status::kNotAllowed);
  EXPECT_EQ(status(device.call(PerformHmac{old.handle, std::string(uri::kHmacSha1), {}, {pin("x")}})), Status::kOk) << "it was used once";
  EXPECT_EQ(renew(true), Status::kOk);
  EXPECT_EQ(status(device.call(PerformHmac{old.handle, std::string(uri::kHmacSha1), {}, {pin("x")}})), Status::kAlgorithm);
  const auto made = must(device.call(PerformHmac{old.handle, std::string(uri::kHmacSha256), {}, {pin("x")}}));
  EXPECT_EQ(made.hmac, crypto::hmac(crypto::Digest::kSha256, bytes_of("Jefe"), bytes_of("x")));
}

TEST_F(PostProvisioning, PoliciesOfAnUpdateLookAtThePinOfItsTarget) {
  const CertifiedKey with_puk = make(first, "Key.1", policy(first, true), "1634");
  const CertifiedKey without = make(first, "Key.2");
  ASSERT_EQ(close(first), Status::kOk);
  const auto update = [&](const CertifiedKey& target, DeletePolicy delete_policy) {
    TestIssuer issuer(device);
    auto request = issuer.key_pair();
    request.delete_policy = static_cast<std::uint8_t>(delete_policy);
    const CertifiedKey fresh = issuer.certified(request);
    must(device.call(issuer.update_key(fresh, first, target)));
    return close(issuer);
  };
  EXPECT_EQ(update(without, DeletePolicy::kPin), Status::kSessionVerify);
  EXPECT_EQ(update(without, DeletePolicy::kPuk), Status::kSessionVerify);
  EXPECT_EQ(update(with_puk, DeletePolicy::kPuk), Status::kOk);
  EXPECT_EQ(status(device.call(DeleteKey{with_puk.handle, pin("0123456789")})), Status::kOk);
}

TEST_F(PostProvisioning, ATargetThatWasDeletedSinceKeepsTheSessionFromClosing) {
  const CertifiedKey one = make(first, "Key.1");
  make(first, "Key.2");
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer second(device);
  must(device.call(second.delete_key(first, one)));
  must(device.call(DeleteKey{one.handle, {}}));
  EXPECT_EQ(close(second), Status::kSessionVerify);
}

TEST_F(PostProvisioning, ATargetThatMovedSinceKeepsTheSessionFromClosing) {
  const CertifiedKey one = make(first, "Key.1");
  const CertifiedKey two = make(first, "Key.2");
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer second(device);
  must(device.call(second.delete_key(first, one)));
  TestIssuer third(device);
  must(device.call(third.delete_key(first, two)));
  ASSERT_EQ(close(third), Status::kOk);
  EXPECT_EQ(close(second), Status::kSessionVerify);
  EXPECT_EQ(sign(one.handle), Status::kOk);
}

TEST_F(PostProvisioning, TargetsOfSeveralSessionsMoveTogether) {
  const CertifiedKey one = make(first, "Key.1");
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer second(device, SessionOptions{.updatable = true});
  const CertifiedKey two = make(second, "Key.1", policy(second), "1634");
  const CertifiedKey three = make(second, "Key.2");
  ASSERT_EQ(close(second), Status::kOk);
  TestIssuer third(device);
  const CertifiedKey fresh = third.certified(third.key_pair());
  must(device.call(third.update_key(fresh, second, two)));
  must(device.call(third.delete_key(first, one)));
  ASSERT_EQ(close(third), Status::kOk);
  EXPECT_EQ(keys(), (std::vector<std::pair<Handle, Handle>>{{two.handle, third.handle()}, {three.handle, third.handle()}}));
  EXPECT_EQ(sign(two.handle, "1634"), Status::kOk);
  EXPECT_EQ(sign(three.handle), Status::kOk);
}

TEST_F(PostProvisioning, AUseOfTheOriginalSessionKeyStaysCounted) {
  TestIssuer scarce(device, SessionOptions{.updatable = true, .key_limit = 6});
  const CertifiedKey old = make(scarce, "Key.1");  // attestation and path
  ASSERT_EQ(close(scarce), Status::kOk);           // MAC and attestation: 2 are left
  for (int i = 0; i < 2; ++i) {
    TestIssuer issuer(device);
    auto request = issuer.delete_key(scarce, old);
    request.mac[0] ^= std::byte{1};
    EXPECT_EQ(status(device.call(request)), Status::kMac);
  }
  TestIssuer issuer(device);
  EXPECT_EQ(status(device.call(issuer.delete_key(scarce, old))), Status::kNotAllowed);
  EXPECT_EQ(sign(old.handle), Status::kOk);
}

TEST_F(PostProvisioning, CountsOneUseOfItsOwnSessionKey) {
  const CertifiedKey one = make(first, "Key.1");
  const CertifiedKey two = make(first, "Key.2");
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer second(device, SessionOptions{.key_limit = 1});
  EXPECT_EQ(status(device.call(second.delete_key(first, one))), Status::kOk);
  EXPECT_EQ(status(device.call(second.delete_key(first, two))), Status::kNotAllowed);
}

TEST_F(PostProvisioning, WhatWasProvedForTheOldKeyDoesNotServeForTheNewOne) {
  auto puk = first.puk_policy();
  puk.retry_limit = 0;  // each verification waits
  const Handle puk_handle = must(device.call(puk)).puk_policy_handle;
  const Handle pin_handle = must(device.call(first.pin_policy("PIN.1", puk_handle))).pin_policy_handle;
  auto request = updatable(first.key_pair("Key.1", pin_handle, "1634"));
  request.export_policy = static_cast<std::uint8_t>(ExportPolicy::kPuk);
  const CertifiedKey old = first.certified(request);
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer second(device);
  const CertifiedKey fresh = second.certified(second.key_pair());  // not exportable
  must(device.call(second.update_key(fresh, first, old)));

  device.pause().meanwhile = [&] { EXPECT_EQ(close(second), Status::kOk); };
  EXPECT_EQ(status(device.call(ExportKey{old.handle, pin("0123456789")})), Status::kNotAllowed);
  ASSERT_EQ(device.pause().waited.size(), 1U);
}

TEST_F(PostProvisioning, LeavesAStoreThatIsWhole) {
  const CertifiedKey old = make(first, "Key.1", policy(first), "1634");
  ASSERT_EQ(close(first), Status::kOk);
  TestIssuer second(device);
  const CertifiedKey fresh = second.certified(second.key_pair());
  must(device.call(second.update_key(fresh, first, old)));
  ASSERT_EQ(close(second), Status::kOk);
  EXPECT_TRUE(must(device.store().verify()).findings.empty());
}

}  // namespace
}  // namespace airtight::sks
