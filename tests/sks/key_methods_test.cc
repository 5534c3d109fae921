// createPUKPolicy, createPINPolicy, createKeyPair and setCertificatePath, by the SKS document and sks.md sections 4, 6 and 7.
#include <gtest/gtest.h>

#include "tests/sks/device.h"

namespace airtight::sks {
namespace {

using testing::status;
using testing::TestDevice;
using testing::TestIssuer;

bool is_open(TestDevice& device, const TestIssuer& issuer) {
  return status(device.call(SignProvisioningSessionData{issuer.handle(), {}})) == Status::kOk;
}

// Makes the request that `make` gives wrong by `change`: the answer is `expected`, and the session is gone.
template <typename Make, typename Change>
void expect_refused(Status expected, Make make, Change change) {
  TestDevice device;
  TestIssuer issuer(device);
  auto request = make(device, issuer);
  change(request);
  EXPECT_EQ(status(device.call(request)), expected);
  EXPECT_FALSE(is_open(device, issuer)) << "an incorrect call ends its session";
}

const auto kPuk = [](TestDevice&, TestIssuer& issuer) { return issuer.puk_policy(); };
const auto kPin = [](TestDevice&, TestIssuer& issuer) { return issuer.pin_policy(); };
const auto kKey = [](TestDevice&, TestIssuer& issuer) { return issuer.key_pair(); };
const auto kKeyWithPin = [](TestDevice& device, TestIssuer& issuer) {
  return issuer.key_pair("Key.1", device.call(issuer.pin_policy()).value().pin_policy_handle, "1634");
};

TEST(CreatePukPolicy, GivesHandlesFromOne) {
  TestDevice device;
  TestIssuer issuer(device);
  EXPECT_EQ(device.call(issuer.puk_policy("A")).value().puk_policy_handle, 1U);
  EXPECT_EQ(device.call(issuer.puk_policy("B")).value().puk_policy_handle, 2U);
}

TEST(CreatePukPolicy, RefusesBadNames) {
  expect_refused(Status::kOption, kPuk, [](auto& r) { r.id.value = "Device"; });
  expect_refused(Status::kOption, kPuk, [](auto& r) { r.id.value = ""; });
  expect_refused(Status::kOption, kPuk, [](auto& r) { r.id.value = std::string(33, 'x'); });
  expect_refused(Status::kOption, kPuk, [](auto& r) { r.id.value = "-x"; });
}

TEST(CreatePukPolicy, RefusesADuplicateId) {
  expect_refused(
      Status::kOption,
      [](TestDevice& device, TestIssuer& issuer) {
        EXPECT_TRUE(device.call(issuer.puk_policy()).has_value());
        return issuer.puk_policy();
      },
      [](auto&) {});
}

TEST(CreatePukPolicy, RefusesAnUnknownFormat) {
  expect_refused(Status::kOption, kPuk, [](auto& r) { r.format = 4; });
}

TEST(CreatePukPolicy, RefusesAValueThatDoesNotDecryptOrHasAForbiddenLength) {
  expect_refused(Status::kCrypto, kPuk, [](auto& r) { r.puk_value[15] ^= std::byte{1}; });  // of the IV: one byte of the padding is another
  expect_refused(Status::kCrypto, kPuk, [](auto& r) { r.puk_value.clear(); });
  expect_refused(Status::kCrypto, kPuk, [](auto& r) { r.puk_value.resize(16); });
  for (std::size_t size : {0U, 101U}) {
    expect_refused(
        Status::kCrypto, [size](TestDevice&, TestIssuer& issuer) { return issuer.puk_policy("PUK.1", std::string(size, '1')); },
        [](auto&) {});
  }
}

TEST(CreatePukPolicy, AcceptsLengths1And100AndRetryLimit0) {
  TestDevice device;
  TestIssuer issuer(device);
  EXPECT_EQ(status(device.call(issuer.puk_policy("A", "1"))), Status::kOk);
  auto request = issuer.puk_policy("B", std::string(100, '1'));
  request.retry_limit = 0;
  EXPECT_EQ(status(device.call(request)), Status::kOk);
}

TEST(CreatePinPolicy, RefusesValuesOutOfRange) {
  expect_refused(Status::kOption, kPin, [](auto& r) { r.id.value = "Device"; });
  expect_refused(Status::kOption, kPin, [](auto& r) { r.id.value = "no good"; });
  expect_refused(Status::kOption, kPin, [](auto& r) { r.retry_limit = 0; });
  expect_refused(Status::kOption, kPin, [](auto& r) { r.min_length = 0; });
  expect_refused(Status::kOption, kPin, [](auto& r) { r.min_length = 9; });
  expect_refused(Status::kOption, kPin, [](auto& r) { r.max_length = 101; });
  expect_refused(Status::kOption, kPin, [](auto& r) { r.format = 4; });
  expect_refused(Status::kOption, kPin, [](auto& r) { r.grouping = 4; });
  expect_refused(Status::kOption, kPin, [](auto& r) { r.input_method = 3; });
  expect_refused(Status::kOption, kPin, [](auto& r) { r.pattern_restrictions = 0x20; });
  expect_refused(Status::kOption, kPin, [](auto& r) { r.pattern_restrictions = 0x10; });  // missing-group with numeric
  expect_refused(Status::kOption, kPin, [](auto& r) { r.pattern_restrictions = 0x10, r.format = 3; });
}

TEST(CreatePinPolicy, AcceptsTheBounds) {
  TestDevice device;
  TestIssuer issuer(device);
  auto request = issuer.pin_policy("A");
  request.retry_limit = 255, request.min_length = 1, request.max_length = 100, request.pattern_restrictions = 0x1F, request.format = 2;
  EXPECT_EQ(status(device.call(request)), Status::kOk);
  request = issuer.pin_policy("B");
  request.min_length = 100, request.max_length = 100, request.retry_limit = 1;
  EXPECT_EQ(status(device.call(request)), Status::kOk);
}

TEST(CreatePinPolicy, RefusesAPukPolicyThatIsNotOfTheSession) {
  expect_refused(Status::kOption, kPin, [](auto& r) { r.puk_policy_handle = 1; });
  TestDevice device;
  TestIssuer other(device);
  const Handle foreign = device.call(other.puk_policy()).value().puk_policy_handle;
  TestIssuer issuer(device);
  EXPECT_EQ(status(device.call(issuer.pin_policy("PIN.1", foreign))), Status::kOption);
  EXPECT_FALSE(is_open(device, issuer));
  EXPECT_TRUE(is_open(device, other)) << "only the session that was named ends";
}

TEST(CreatePinPolicy, RefusesADuplicateIdButPukIdsAreAnotherNameSpace) {
  TestDevice device;
  TestIssuer issuer(device);
  ASSERT_TRUE(device.call(issuer.puk_policy("Same")).has_value());
  EXPECT_EQ(status(device.call(issuer.pin_policy("Same"))), Status::kOk);
  EXPECT_EQ(status(device.call(issuer.pin_policy("Same"))), Status::kOption);
}

// The issuer's view of createKeyPair's attestation, over the request as sent.
crypto::Sha256Value expected_attestation(const TestIssuer& issuer, const CreateKeyPair& request, const Bytes& public_key,
                                         const PinProtection& pin, const std::optional<AttestedPuk>& puk) {
  AttestedKey key;
  key.id = request.id.value;
  key.issuer_seed = to_bytes(request.issuer_seed);
  key.public_key = public_key;
  key.private_key_backup = request.private_key_backup;
  key.export_policy = static_cast<ExportPolicy>(request.export_policy);
  key.updatable = request.updatable;
  key.delete_policy = static_cast<DeletePolicy>(request.delete_policy);
  key.enable_pin_caching = request.enable_pin_caching;
  key.import_private_key = request.import_private_key;
  key.key_usage = static_cast<KeyUsage>(request.key_usage);
  key.friendly_name = to_text(request.friendly_name);
  return key_attestation(issuer.session_key(), key, pin, puk);
}

TEST(CreateKeyPair, AttestsAKeyWithoutPin) {
  TestDevice device;
  TestIssuer issuer(device);
  auto request = issuer.key_pair();
  request.friendly_name = to_bytes("My key");
  request.issuer_seed.fill(std::byte{7});
  request.updatable = true;
  const auto response = device.call(request).value();
  EXPECT_EQ(to_bytes(expected_attestation(issuer, request, response.generated_public_key, NoPin{}, std::nullopt)),
            response.key_attestation);
  EXPECT_EQ(crypto::PublicKey::from_spki(response.generated_public_key).value().curve(), crypto::Curve::kP256);
}

// The attestation, spelled out byte by byte from the document: no code of ours but HMAC.
TEST(CreateKeyPair, AttestsUnderPinAndPukByteForByte) {
  TestDevice device;
  TestIssuer issuer(device);
  const Handle puk = device.call(issuer.puk_policy("PUK.1", "314159")).value().puk_policy_handle;
  auto policy = issuer.pin_policy("PIN.1", puk);
  policy.pattern_restrictions = 0x05, policy.input_method = 2, policy.grouping = 1;
  const Handle pin = device.call(policy).value().pin_policy_handle;
  auto request = issuer.key_pair("Key.1", pin, "1634");
  request.delete_policy = 2;
  request.export_policy = 1;
  const auto response = device.call(request).value();

  const std::string seed(32, '\0');
  const std::string data = std::string("PUK Policy=") + "PUK.1" + '\x03' + "314159" + std::string(1, '\0') +             //
                           "PIN Policy=" + "PIN.1" + '\x01' + "N/A" + '\x01' + std::string(1, '\0') + '\x03' + '\x01' +  //
                           '\x05' + '\x04' + '\x08' + '\x02' +                                                           //
                           "Key=" + "Key.1" + seed + to_text(response.generated_public_key) +                            //
                           std::string("\0\0\x01\0\x02\0\0\x01", 8);
  const Bytes key = concat({bytes_of("Device Attestation"), issuer.session_key().expose_secret()});
  EXPECT_EQ(to_bytes(crypto::hmac_sha256(key, {bytes_of(data)})), response.key_attestation);
}

TEST(CreateKeyPair, AttestsAnIssuerSetPinInClear) {
  TestDevice device;
  TestIssuer issuer(device);
  auto policy = issuer.pin_policy();
  policy.user_defined = false, policy.user_modifiable = false;
  auto request = issuer.key_pair("Key.1", device.call(policy).value().pin_policy_handle);
  request.pin_value = SecretBytes::copy_of(issuer.encrypt("1634"));
  const auto response = device.call(request).value();
  const SecretBytes pin = SecretBytes::copy_of(bytes_of("1634"));
  const AttestedPin attested{"PIN.1", &pin, false, PassphraseFormat::kNumeric, 3, Grouping::kNone, 0, 4, 8, InputMethod::kAny};
  EXPECT_EQ(to_bytes(expected_attestation(issuer, request, response.generated_public_key, attested, std::nullopt)),
            response.key_attestation);
}

TEST(CreateKeyPair, MakesRsaKeysOfEverySizeAndExponentAsked) {
  TestDevice device;
  TestIssuer issuer(device);
  unsigned number = 0;
  for (const auto& [size, exponent, expected] :
       {std::tuple{1024U, 0U, 65537U}, {2048U, 65537U, 65537U}, {1024U, 3U, 3U}, {2048U, 17U, 17U}}) {
    auto request = issuer.key_pair("Key." + std::to_string(++number));
    request.key_algorithm = RsaKeySpec{static_cast<std::uint16_t>(size), exponent};
    const auto key = crypto::PublicKey::from_spki(device.call(request).value().generated_public_key).value();
    EXPECT_EQ(key.bits(), size);
    Bytes wanted = big_endian(expected, 4);
    while (wanted[0] == std::byte{0}) wanted.erase(wanted.begin());
    EXPECT_EQ(key.rsa()->exponent, wanted);
  }
}

TEST(CreateKeyPair, BacksUpThePrivateKeyEncrypted) {
  TestDevice device;
  TestIssuer issuer(device);
  auto request = issuer.key_pair();
  request.private_key_backup = true;
  const auto response = device.call(request).value();
  const SecretBytes pkcs8 = decrypt(issuer.session_key(), response.private_key.value()).value();
  EXPECT_EQ(crypto::PrivateKey::from_pkcs8(pkcs8.expose_secret()).value().public_key().spki(), response.generated_public_key);
}

TEST(CreateKeyPair, RefusesAlgorithmsItDoesNotKnow) {
  expect_refused(Status::kAlgorithm, kKey, [](auto& r) { r.attestation_algorithm = "ka2"; });
  expect_refused(Status::kAlgorithm, kKey, [](auto& r) { r.key_algorithm = EccKeySpec{"urn:oid:1.3.132.0.34"}; });
  expect_refused(Status::kAlgorithm, kKey, [](auto& r) { r.key_algorithm = EccKeySpec{""}; });
}

TEST(CreateKeyPair, RefusesRsaSizesAndExponentsThatAreNotOffered) {
  for (unsigned size : {0U, 512U, 1023U, 1025U, 2047U, 4095U, 8192U, 65535U}) {
    expect_refused(Status::kOption, kKey, [size](auto& r) { r.key_algorithm = RsaKeySpec{static_cast<std::uint16_t>(size), 0}; });
  }
  for (std::uint32_t exponent : {1U, 2U, 4U, 65536U, 0xFFFFFFFEU}) {
    expect_refused(Status::kOption, kKey, [exponent](auto& r) { r.key_algorithm = RsaKeySpec{2048, exponent}; });
  }
}

TEST(CreateKeyPair, RefusesAttributesOutOfRange) {
  expect_refused(Status::kOption, kKey, [](auto& r) { r.id.value = "Key 1"; });
  expect_refused(Status::kOption, kKey, [](auto& r) { r.key_usage = 6; });
  expect_refused(Status::kOption, kKey, [](auto& r) { r.export_policy = 4; });
  expect_refused(Status::kOption, kKey, [](auto& r) { r.delete_policy = 3; });
  expect_refused(Status::kOption, kKey, [](auto& r) { r.biometric_protection = 4; });
  expect_refused(Status::kOption, kKey, [](auto& r) { r.friendly_name = Bytes(101, std::byte{'x'}); });
  expect_refused(Status::kOption, kKey, [](auto& r) { r.friendly_name = {std::byte{0xC3}}; });
}

TEST(CreateKeyPair, RefusesBiometricsAndTheDevicePinWhichTheStoreDoesNotOffer) {
  for (unsigned protection : {1U, 2U, 3U}) {
    expect_refused(Status::kOption, kKey, [protection](auto& r) { r.biometric_protection = static_cast<std::uint8_t>(protection); });
  }
  expect_refused(Status::kOption, kKey, [](auto& r) { r.pin_policy_handle = kNoHandle; });
}

TEST(CreateKeyPair, RefusesCombinationsThatTheDocumentForbids) {
  for (KeyUsage usage : {KeyUsage::kTransport, KeyUsage::kSymmetricKey}) {
    expect_refused(Status::kOption, kKey,
                   [usage](auto& r) { r.key_usage = static_cast<std::uint8_t>(usage), r.private_key_backup = true; });
    expect_refused(Status::kOption, kKey,
                   [usage](auto& r) { r.key_usage = static_cast<std::uint8_t>(usage), r.import_private_key = true; });
  }
  expect_refused(Status::kOption, kKey, [](auto& r) { r.private_key_backup = r.import_private_key = true; });
  expect_refused(Status::kOption, kKey,
                 [](auto& r) { r.key_usage = static_cast<std::uint8_t>(KeyUsage::kTransport), r.export_policy = 3; });
}

TEST(CreateKeyPair, RefusesADuplicateId) {
  expect_refused(
      Status::kOption,
      [](TestDevice& device, TestIssuer& issuer) {
        EXPECT_TRUE(device.call(issuer.key_pair()).has_value());
        return issuer.key_pair();
      },
      [](auto&) {});
}

TEST(CreateKeyPair, RefusesAPinPolicyThatIsNotOfTheSession) {
  expect_refused(Status::kOption, kKey, [](auto& r) { r.pin_policy_handle = 1; });
  TestDevice device;
  TestIssuer other(device);
  const Handle foreign = device.call(other.pin_policy()).value().pin_policy_handle;
  TestIssuer issuer(device);
  EXPECT_EQ(status(device.call(issuer.key_pair("Key.1", foreign, "1634"))), Status::kOption);
  EXPECT_TRUE(is_open(device, other));
}

TEST(CreateKeyPair, RefusesAPinForAKeyWithoutPolicy) {
  expect_refused(Status::kOption, kKey, [](auto& r) { r.pin_value = SecretBytes::copy_of(bytes_of("1634")); });
}

TEST(CreateKeyPair, RefusesAUserPinThatItsPolicyForbids) {
  for (std::string_view pin : {"", "123", "123456789", "12a4"}) {
    expect_refused(Status::kOption, kKeyWithPin, [pin](auto& r) { r.pin_value = SecretBytes::copy_of(bytes_of(pin)); });
  }
}

TEST(CreateKeyPair, RefusesAnIssuerPinThatDoesNotDecryptOrHasAForbiddenLength) {
  const auto issuer_set = [](std::string_view pin) {
    return [pin](TestDevice& device, TestIssuer& issuer) {
      auto policy = issuer.pin_policy();
      policy.user_defined = false;
      auto request = issuer.key_pair("Key.1", device.call(policy).value().pin_policy_handle);
      request.pin_value = SecretBytes::copy_of(issuer.encrypt(pin));
      return request;
    };
  };
  expect_refused(Status::kCrypto, issuer_set("123"), [](auto&) {});
  expect_refused(Status::kCrypto, issuer_set("123456789"), [](auto&) {});
  expect_refused(Status::kCrypto, issuer_set("1634"), [](auto& r) { r.pin_value = SecretBytes::copy_of(bytes_of("1634")); });
  expect_refused(Status::kCrypto, issuer_set("1634"), [](auto& r) { r.pin_value = SecretBytes(); });
  TestDevice device;
  TestIssuer issuer(device);
  EXPECT_EQ(status(device.call(issuer_set("xyz!")(device, issuer))), Status::kOk)
      << "an issuer-set PIN is checked for length and grouping alone";
}

// Grouping: the second key of a policy with the first one's PIN and with another.
struct GroupCase {
  Grouping grouping;
  KeyUsage second_usage;
  bool same_allowed;
  bool other_allowed;
};
class PinGrouping : public ::testing::TestWithParam<GroupCase> {};

TEST_P(PinGrouping, ComparesWithTheKeysAlreadyThere) {
  for (const bool same : {true, false}) {
    TestDevice device;
    TestIssuer issuer(device);
    auto policy = issuer.pin_policy();
    policy.grouping = static_cast<std::uint8_t>(GetParam().grouping);
    const Handle pin = device.call(policy).value().pin_policy_handle;
    auto first = issuer.key_pair("Key.1", pin, "1634");
    first.key_usage = static_cast<std::uint8_t>(KeyUsage::kSignature);
    ASSERT_TRUE(device.call(first).has_value());
    auto second = issuer.key_pair("Key.2", pin, same ? "1634" : "2745");
    second.key_usage = static_cast<std::uint8_t>(GetParam().second_usage);
    const bool allowed = same ? GetParam().same_allowed : GetParam().other_allowed;
    EXPECT_EQ(status(device.call(second)), allowed ? Status::kOk : Status::kOption);
  }
}

INSTANTIATE_TEST_SUITE_P(All, PinGrouping,
                         ::testing::Values(GroupCase{Grouping::kNone, KeyUsage::kAuthentication, true, true},
                                           GroupCase{Grouping::kShared, KeyUsage::kAuthentication, true, false},
                                           GroupCase{Grouping::kUnique, KeyUsage::kAuthentication, false, true},
                                           GroupCase{Grouping::kSignatureStandard, KeyUsage::kSignature, true, false},
                                           GroupCase{Grouping::kSignatureStandard, KeyUsage::kAuthentication, false, true},
                                           GroupCase{Grouping::kSignatureStandard, KeyUsage::kEncryption, false, true}));

class SetCertificatePathTest : public ::testing::Test {
 protected:
  void expect(Status expected, SetCertificatePath request) {
    EXPECT_EQ(status(device.call(request)), expected);
    EXPECT_FALSE(is_open(device, issuer));
  }
  SetCertificatePath with_path(std::vector<Bytes> path) {
    SetCertificatePath request{issuer.handle(), key.key_handle, std::move(path), {}};
    Bytes joined;
    for (const Bytes& certificate : request.x509_certificates) append(joined, certificate);
    request.mac = issuer.mac("setCertificatePath", {key.generated_public_key, bytes_of("Key.1"), joined});
    return request;
  }
  TestDevice device;
  TestIssuer issuer{device};
  CreateKeyPair::Response key = device.call(issuer.key_pair()).value();
};

TEST_F(SetCertificatePathTest, AcceptsAPathOfAnyLengthInOrder) {
  EXPECT_EQ(status(device.call(issuer.certificate_path("Key.1", key))), Status::kOk);
  EXPECT_EQ(status(device.call(issuer.close())), Status::kOk);
}

TEST_F(SetCertificatePathTest, RefusesAWrongMac) {
  auto request = issuer.certificate_path("Key.1", key);
  request.mac[31] ^= std::byte{1};
  expect(Status::kMac, std::move(request));
}

TEST_F(SetCertificatePathTest, RefusesAChangedCertificateByItsMac) {
  auto request = issuer.certificate_path("Key.1", key);
  request.x509_certificates[0].back() ^= std::byte{1};
  expect(Status::kMac, std::move(request));
}

TEST_F(SetCertificatePathTest, RefusesAKeyThatIsNotOfTheSession) {
  auto request = issuer.certificate_path("Key.1", key);
  request.key_handle += 1;
  expect(Status::kNoKey, std::move(request));
}

TEST_F(SetCertificatePathTest, RefusesASecondPath) {
  ASSERT_TRUE(device.call(issuer.certificate_path("Key.1", key)).has_value());
  expect(Status::kNotAllowed, issuer.certificate_path("Key.1", key));
}

TEST_F(SetCertificatePathTest, RefusesAnEmptyPath) { expect(Status::kOption, with_path({})); }

TEST_F(SetCertificatePathTest, RefusesWhatIsNoCertificate) { expect(Status::kCrypto, with_path({to_bytes("garbage")})); }

TEST_F(SetCertificatePathTest, RefusesTheCertificateOfAnotherKey) {
  const auto other = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}).value();
  expect(Status::kCrypto, with_path({testing::TestCa().certify(other.public_key()).der()}));
}

TEST_F(SetCertificatePathTest, RefusesCertificatesThatFormNoPath) {
  const testing::TestCa one;
  const testing::TestCa two;  // the same name, another key
  const auto public_key = crypto::PublicKey::from_spki(key.generated_public_key).value();
  expect(Status::kCrypto, with_path({one.certify(public_key).der(), two.root().der()}));
}

TEST_F(SetCertificatePathTest, ReportsTheMacBeforeWhatItCovers) {
  auto request = with_path({to_bytes("garbage")});
  request.mac[0] ^= std::byte{1};
  expect(Status::kMac, std::move(request));
}

}  // namespace
}  // namespace airtight::sks
