// signHashedData, getKeyProtectionInfo and enumerateKeys, and how PIN errors are counted: the SKS document and sks.md sections 4 to 6
// and 9.
#include <gtest/gtest.h>

#include "tests/sks/device.h"

namespace airtight::sks {
namespace {

using testing::status;
using testing::TestDevice;
using testing::TestIssuer;

SecretBytes pin(std::string_view text) { return SecretBytes::copy_of(bytes_of(text)); }

// One provisioned key, as `change` made it, with PIN 1634 where it has a policy.
class UserMethods : public ::testing::Test {
 protected:
  template <typename Change>
  Handle provision(Change change, bool with_pin = false, bool with_puk = false) {
    TestIssuer issuer(device);
    Handle policy = 0;
    if (with_pin) {
      const Handle puk = with_puk ? device.call(issuer.puk_policy()).value().puk_policy_handle : 0;
      auto request = issuer.pin_policy("PIN.1", puk);
      request.retry_limit = retry_limit;
      policy = device.call(request).value().pin_policy_handle;
    }
    auto request = issuer.key_pair("Key.1", policy, with_pin ? "1634" : "");
    change(request);
    const auto key = issuer.provision(request);
    public_key = crypto::PublicKey::from_spki(key.generated_public_key).value();
    return key.key_handle;
  }
  Handle provision_with_pin() {
    return provision([](auto&) {}, true);
  }
  SignHashedData request_for(Handle key, std::string_view given = "", std::string_view algorithm = uri::kEcdsaSha256,
                             std::size_t size = 32) {
    return SignHashedData{key, std::string(algorithm), pin(given), Bytes(size, std::byte{1})};
  }
  Status sign(Handle key, std::string_view given = "", std::string_view algorithm = uri::kEcdsaSha256, std::size_t size = 32) {
    return status(device.call(request_for(key, given, algorithm, size)));
  }
  unsigned errors(Handle key) { return device.call(GetKeyProtectionInfo{key}).value().pin_error_count; }

  TestDevice device;
  std::uint8_t retry_limit = 3;
  std::optional<crypto::PublicKey> public_key;
};

constexpr auto kUnchanged = [](auto&) {};
constexpr auto kRsa = [](CreateKeyPair& request) { request.key_algorithm = RsaKeySpec{1024, 0}; };

TEST_F(UserMethods, EcdsaSignaturesAreRAndS) {
  const Handle key = provision(kUnchanged);
  for (const auto& [uri, digest] : {std::pair{uri::kEcdsaSha256, crypto::Digest::kSha256},
                                    {uri::kEcdsaSha384, crypto::Digest::kSha384},
                                    {uri::kEcdsaSha512, crypto::Digest::kSha512}}) {
    SignHashedData request{key, std::string(uri), {}, crypto::digest(digest, {bytes_of("message")})};
    const Bytes signature = device.call(request).value().result;
    EXPECT_EQ(signature.size(), 64U);
    EXPECT_TRUE(public_key->verify(crypto::SignatureScheme::kEcdsaRaw, digest, bytes_of("message"), signature));
  }
}

TEST_F(UserMethods, RsaSignaturesVerify) {
  const Handle key = provision(kRsa);
  using crypto::Digest;
  using crypto::SignatureScheme;
  for (const auto& [uri, scheme, digest] : {std::tuple{uri::kRsaSha1, SignatureScheme::kRsaPkcs1, Digest::kSha1},
                                            {uri::kRsaSha256, SignatureScheme::kRsaPkcs1, Digest::kSha256},
                                            {uri::kRsaSha384, SignatureScheme::kRsaPkcs1, Digest::kSha384},
                                            {uri::kRsaSha512, SignatureScheme::kRsaPkcs1, Digest::kSha512},
                                            {uri::kRsaPssSha256, SignatureScheme::kRsaPss, Digest::kSha256},
                                            {uri::kRsaPssSha384, SignatureScheme::kRsaPss, Digest::kSha384}}) {
    SignHashedData request{key, std::string(uri), {}, crypto::digest(digest, {bytes_of("message")})};
    EXPECT_TRUE(public_key->verify(scheme, digest, bytes_of("message"), device.call(request).value().result)) << uri;
  }
  EXPECT_EQ(sign(key, "", uri::kRsaPssSha512, 64), Status::kAlgorithm) << "1024 bits have no room for SHA-512 and its salt";
}

TEST_F(UserMethods, RefusesKeysThatAreNotThereOrNotProvisioned) {
  EXPECT_EQ(sign(1), Status::kNoKey);
  EXPECT_EQ(sign(0), Status::kNoKey);
  EXPECT_EQ(sign(kNoHandle), Status::kNoKey);
  EXPECT_EQ(status(device.call(GetKeyProtectionInfo{1})), Status::kNoKey);
  TestIssuer issuer(device);
  const auto key = device.call(issuer.key_pair()).value();
  EXPECT_EQ(sign(key.key_handle), Status::kNoKey) << "a key of an open session is unknown to the user API";
  EXPECT_EQ(status(device.call(GetKeyProtectionInfo{key.key_handle})), Status::kNoKey);
  EXPECT_EQ(status(device.call(SignProvisioningSessionData{issuer.handle(), {}})), Status::kOk) << "the user API never ends a session";
}

TEST_F(UserMethods, OnlySignatureAuthenticationAndUniversalKeysSign) {
  for (const auto& [usage, expected] : {std::pair{KeyUsage::kSignature, Status::kOk},
                                        {KeyUsage::kAuthentication, Status::kOk},
                                        {KeyUsage::kUniversal, Status::kOk},
                                        {KeyUsage::kEncryption, Status::kNotAllowed},
                                        {KeyUsage::kTransport, Status::kNotAllowed}}) {
    EXPECT_EQ(sign(provision([wanted = usage](auto& r) { r.key_usage = static_cast<std::uint8_t>(wanted); })), expected) << name_of(usage);
  }
}

TEST_F(UserMethods, RefusesAlgorithmsThatAreUnknownOrDoNotFit) {
  const Handle ecc = provision(kUnchanged);
  EXPECT_EQ(sign(ecc, "", "urn:unknown"), Status::kAlgorithm);
  EXPECT_EQ(sign(ecc, "", uri::kHmacSha256), Status::kAlgorithm);
  EXPECT_EQ(sign(ecc, "", uri::kRsaSha256), Status::kAlgorithm);
  EXPECT_EQ(sign(provision(kRsa), "", uri::kEcdsaSha256), Status::kAlgorithm);
}

TEST_F(UserMethods, RefusesAHashOfTheWrongLength) {
  const Handle key = provision(kUnchanged);
  for (std::size_t size : {0U, 20U, 31U, 33U, 64U}) EXPECT_EQ(sign(key, "", uri::kEcdsaSha256, size), Status::kOption);
}

TEST_F(UserMethods, RefusesAPinForAKeyThatHasNone) { EXPECT_EQ(sign(provision(kUnchanged), "1634"), Status::kOption); }

// sks.md section 4: key, usage, algorithm, lengths, PIN.
TEST_F(UserMethods, ReportsTheFirstOfSeveralErrorsAndDoesNotCountThePin) {
  const Handle encryption = provision([](auto& r) { r.key_usage = static_cast<std::uint8_t>(KeyUsage::kEncryption); }, true);
  EXPECT_EQ(sign(encryption + 9, "0000", "urn:unknown", 1), Status::kNoKey);
  EXPECT_EQ(sign(encryption, "0000", "urn:unknown", 1), Status::kNotAllowed);
  const Handle key = provision_with_pin();
  EXPECT_EQ(sign(key, "0000", "urn:unknown", 1), Status::kAlgorithm);
  EXPECT_EQ(sign(key, "0000", uri::kEcdsaSha256, 1), Status::kOption);
  EXPECT_EQ(errors(key), 0U);
  EXPECT_EQ(sign(key, "0000"), Status::kAuthorization);
  EXPECT_EQ(errors(key), 1U);
}

TEST_F(UserMethods, ARightPinSignsAndResetsTheCounter) {
  const Handle key = provision_with_pin();
  EXPECT_EQ(sign(key, "1634"), Status::kOk);
  EXPECT_EQ(sign(key, "0000"), Status::kAuthorization);
  EXPECT_EQ(sign(key, "0000"), Status::kAuthorization);
  EXPECT_EQ(errors(key), 2U);
  EXPECT_EQ(sign(key, "1634"), Status::kOk);
  EXPECT_EQ(errors(key), 0U);
}

TEST_F(UserMethods, LocksAtTheRetryLimitForTheRightPinToo) {
  const Handle key = provision_with_pin();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sign(key, "0000"), Status::kAuthorization);
  EXPECT_EQ(sign(key, "1634"), Status::kAuthorization);
  EXPECT_EQ(sign(key, "0000"), Status::kAuthorization);
  const auto info = device.call(GetKeyProtectionInfo{key}).value();
  EXPECT_EQ(info.pin_error_count, 3U) << "the counter never passes RetryLimit";
  EXPECT_EQ(info.protection_status, kPinProtected | kPinLocked);
}

TEST_F(UserMethods, ARetryLimitOfOneLocksAtTheFirstError) {
  retry_limit = 1;
  const Handle key = provision_with_pin();
  EXPECT_EQ(sign(key, "1634"), Status::kOk);
  EXPECT_EQ(sign(key, "1634"), Status::kOk);
  EXPECT_EQ(sign(key, "0000"), Status::kAuthorization);
  EXPECT_EQ(sign(key, "1634"), Status::kAuthorization);
}

TEST_F(UserMethods, AnEmptyPinIsRefusedAndNotCounted) {
  const Handle key = provision_with_pin();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(sign(key, ""), Status::kAuthorization);
  EXPECT_EQ(errors(key), 0U);
}

TEST_F(UserMethods, KeysThatShareAPinShareItsCounterAndOthersDoNot) {
  for (const Grouping grouping : {Grouping::kShared, Grouping::kNone}) {
    TestIssuer issuer(device);
    auto policy = issuer.pin_policy();
    policy.grouping = static_cast<std::uint8_t>(grouping);
    const Handle handle = device.call(policy).value().pin_policy_handle;
    const auto first = device.call(issuer.key_pair("Key.1", handle, "1634")).value();
    const auto second = device.call(issuer.key_pair("Key.2", handle, "1634")).value();
    ASSERT_TRUE(device.call(issuer.certificate_path("Key.1", first)).has_value());
    ASSERT_TRUE(device.call(issuer.certificate_path("Key.2", second)).has_value());
    ASSERT_TRUE(device.call(issuer.close()).has_value());
    EXPECT_EQ(sign(first.key_handle, "0000"), Status::kAuthorization);
    EXPECT_EQ(errors(second.key_handle), grouping == Grouping::kShared ? 1U : 0U);
  }
}

TEST_F(UserMethods, ProtectionInfoOfAKeyWithoutPinIsZeroButForItsAttributes) {
  const Handle key =
      provision([](auto& r) { r.private_key_backup = true, r.export_policy = 3, r.updatable = true, r.enable_pin_caching = true; });
  const auto info = device.call(GetKeyProtectionInfo{key}).value();
  EXPECT_EQ(info.protection_status, 0);
  EXPECT_EQ(info.retry_limit, 0);
  EXPECT_EQ(info.max_length, 0);
  EXPECT_TRUE(info.private_key_backup);
  EXPECT_EQ(info.export_policy, 3);
  EXPECT_TRUE(info.updatable);
  EXPECT_TRUE(info.enable_pin_caching);
  EXPECT_EQ(info.delete_policy, 0);
  EXPECT_FALSE(info.import_private_key);
  EXPECT_EQ(info.biometric_protection, 0);
}

TEST_F(UserMethods, ProtectionInfoCopiesPinAndPukPolicies) {
  const Handle key = provision([](auto& r) { r.delete_policy = 2; }, true, true);
  const auto info = device.call(GetKeyProtectionInfo{key}).value();
  EXPECT_EQ(info.protection_status, kPinProtected | kPukProtected);
  EXPECT_EQ(info.puk_retry_limit, 3);
  EXPECT_EQ(info.puk_error_count, 0);
  EXPECT_TRUE(info.user_modifiable);
  EXPECT_EQ(info.format, 0);
  EXPECT_EQ(info.retry_limit, 3);
  EXPECT_EQ(info.grouping, 0);
  EXPECT_EQ(info.pattern_restrictions, 0);
  EXPECT_EQ(info.min_length, 4);
  EXPECT_EQ(info.max_length, 8);
  EXPECT_EQ(info.input_method, 0);
  EXPECT_EQ(info.delete_policy, 2);
}

TEST_F(UserMethods, EnumerateKeysShowsOpenSessionsWithoutTheirPaths) {
  const Handle closed = provision([](auto& r) { r.friendly_name = to_bytes("mine"); });
  TestIssuer issuer(device);
  const auto open = device.call(issuer.key_pair("Key.2")).value();
  ASSERT_TRUE(device.call(issuer.certificate_path("Key.2", open)).has_value());

  const auto first = device.call(EnumerateKeys{}).value();
  EXPECT_EQ(first.key_handle, closed);
  EXPECT_EQ(first.key->id.value, "Key.1");
  EXPECT_EQ(to_text(first.key->friendly_name), "mine");
  EXPECT_EQ(first.key->key_usage, static_cast<std::uint8_t>(KeyUsage::kAuthentication));
  EXPECT_EQ(first.key->x509_certificates.size(), 2U);
  EXPECT_TRUE(first.key->endorsed_algorithms.empty());
  EXPECT_TRUE(first.key->extension_types.values.empty());
  const auto second = device.call(EnumerateKeys{first.key_handle}).value();
  EXPECT_EQ(second.key_handle, open.key_handle);
  EXPECT_EQ(second.key->provisioning_handle, issuer.handle());
  EXPECT_TRUE(second.key->x509_certificates.empty());
  EXPECT_EQ(device.call(EnumerateKeys{second.key_handle}).value().key_handle, kNoHandle);
}

TEST_F(UserMethods, EnumerateKeysGoesOnAfterAHandleThatIsGone) {
  provision(kUnchanged);
  TestIssuer issuer(device);
  const Handle gone = device.call(issuer.key_pair()).value().key_handle;
  const Handle last = provision(kUnchanged);
  ASSERT_TRUE(device.call(AbortProvisioningSession{issuer.handle()}).has_value());
  EXPECT_EQ(device.call(EnumerateKeys{gone}).value().key_handle, last);
}

}  // namespace
}  // namespace airtight::sks
