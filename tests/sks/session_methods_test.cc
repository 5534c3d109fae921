// createProvisioningSession to signProvisioningSessionData and getDeviceInfo, by the SKS document and sks.md sections 2 to 5 and 10.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "tests/sks/device.h"

namespace airtight::sks {
namespace {

using testing::status;
using testing::TestDevice;
using testing::TestIssuer;

CreateProvisioningSession good_request() {
  CreateProvisioningSession request;
  request.session_key_algorithm = uri::kSessionKey1;
  request.server_session_id.value = "S-1";
  request.server_ephemeral_key = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}).value().public_key().spki();
  request.issuer_uri = to_bytes("https://issuer.example.com/provsess");
  request.client_time.milliseconds = 1268911409000;
  request.session_life_time = 100;
  request.session_key_limit = 10;
  return request;
}

std::vector<Handle> session_handles(TestDevice& device) {
  std::vector<Handle> out;
  for (Handle at = kNoHandle;;) {
    at = device.call(EnumerateProvisioningSessions{at}).value().provisioning_handle;
    if (at == kNoHandle) return out;
    out.push_back(at);
  }
}

TEST(CreateProvisioningSession, AttestsWithAnEcDevice) {
  TestDevice device(KeyAlgorithmType::kEcc);
  TestIssuer issuer(device);  // verifies the attestation
  EXPECT_EQ(issuer.handle(), 1U);
}

TEST(CreateProvisioningSession, AttestsWithAnRsaDevice) {
  TestDevice device(KeyAlgorithmType::kRsa);
  TestIssuer issuer(device);
  EXPECT_EQ(issuer.handle(), 1U);
}

TEST(CreateProvisioningSession, MakesClientSessionIdsOf32CharactersThatDiffer) {
  TestDevice device;
  const auto first = device.call(good_request()).value();
  const auto second = device.call(good_request()).value();
  EXPECT_THAT(first.client_session_id.value, ::testing::MatchesRegex("C-[0-9a-f]*"));
  EXPECT_EQ(first.client_session_id.value.size(), 32U);
  EXPECT_NE(first.client_session_id.value, second.client_session_id.value);
  EXPECT_NE(first.client_ephemeral_key, second.client_ephemeral_key);
  EXPECT_EQ(first.client_ephemeral_key.size(), 91U);
}

TEST(CreateProvisioningSession, RefusesAnUnknownSessionKeyAlgorithm) {
  TestDevice device;
  auto request = good_request();
  request.session_key_algorithm = "http://xmlns.webpki.org/keygen2/1.0#algorithm.sk2";
  EXPECT_EQ(status(device.call(request)), Status::kAlgorithm);
}

TEST(CreateProvisioningSession, RefusesAnEphemeralKeyThatIsNoUncompressedPointOfP256) {
  TestDevice device;
  const Bytes good = good_request().server_ephemeral_key;
  const auto expect_crypto = [&](Bytes key) {
    auto request = good_request();
    request.server_ephemeral_key = std::move(key);
    EXPECT_EQ(status(device.call(request)), Status::kCrypto);
  };
  expect_crypto({});
  expect_crypto(to_bytes("garbage"));
  Bytes off_curve = good;
  off_curve.back() ^= std::byte{1};
  expect_crypto(off_curve);
  Bytes longer = good;
  longer.push_back(std::byte{0});
  expect_crypto(longer);
  expect_crypto(Bytes(good.begin(), good.end() - 1));
  Bytes compressed_tag = good;
  compressed_tag[26] = std::byte{2};
  expect_crypto(compressed_tag);
  expect_crypto(crypto::PrivateKey::generate(crypto::RsaSpec{1024}).value().public_key().spki());
}

TEST(CreateProvisioningSession, RefusesACurveThatTheDeviceDoesNotList) {
  TestDevice device;
  auto request = good_request();
  request.server_ephemeral_key = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP384}).value().public_key().spki();
  EXPECT_EQ(status(device.call(request)), Status::kAlgorithm);
}

TEST(CreateProvisioningSession, RefusesAKeyThatIsNoneForSessionsThoughTheDeviceListsItsCurve) {
  TestDevice device(testing::DeviceOptions{.store = {.p384 = true}});
  auto request = good_request();
  request.server_ephemeral_key = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP384}).value().public_key().spki();
  EXPECT_EQ(status(device.call(request)), Status::kCrypto);
}

TEST(CreateProvisioningSession, RefusesArgumentsOutOfRange) {
  TestDevice device;
  const auto expect_option = [&](auto change) {
    auto request = good_request();
    change(request);
    EXPECT_EQ(status(device.call(request)), Status::kOption);
  };
  expect_option([](auto& r) { r.session_life_time = 0; });
  expect_option([](auto& r) { r.session_key_limit = 0; });
  expect_option([](auto& r) { r.issuer_uri.clear(); });
  expect_option([](auto& r) { r.issuer_uri = Bytes(1025, std::byte{'u'}); });
  expect_option([](auto& r) { r.issuer_uri = {std::byte{0xFF}}; });
  expect_option([](auto& r) { r.server_session_id.value = ""; });
  expect_option([](auto& r) { r.server_session_id.value = std::string(33, 'S'); });
  expect_option([](auto& r) { r.server_session_id.value = "1S"; });
  expect_option([](auto& r) { r.server_session_id.value = "a:b"; });
  EXPECT_TRUE(session_handles(device).empty());
}

TEST(CreateProvisioningSession, AcceptsTheLongestIssuerUri) {
  TestDevice device;
  auto request = good_request();
  request.issuer_uri = Bytes(1024, std::byte{'u'});
  EXPECT_EQ(status(device.call(request)), Status::kOk);
}

TEST(Handles, StartAtOneAndAreNeverUsedAgain) {
  TestDevice device;
  EXPECT_EQ(device.call(good_request()).value().provisioning_handle, 1U);
  EXPECT_EQ(device.call(good_request()).value().provisioning_handle, 2U);
  ASSERT_TRUE(device.call(AbortProvisioningSession{2}).has_value());
  EXPECT_EQ(device.call(good_request()).value().provisioning_handle, 3U);
}

TEST(Sessions, AProvisioningHandleThatNamesNoOpenSessionEndsNothing) {
  TestDevice device;
  TestIssuer issuer(device);
  const Handle unknown = issuer.handle() + 1;
  EXPECT_EQ(status(device.call(AbortProvisioningSession{unknown})), Status::kNoSession);
  EXPECT_EQ(status(device.call(SignProvisioningSessionData{unknown, {}})), Status::kNoSession);
  EXPECT_EQ(status(device.call(CloseProvisioningSession{unknown, {}})), Status::kNoSession);
  EXPECT_EQ(status(device.call(CreatePukPolicy{unknown, {"P"}, {}, 0, 1, {}})), Status::kNoSession);
  auto policy = issuer.pin_policy();
  policy.provisioning_handle = unknown;
  EXPECT_EQ(status(device.call(policy)), Status::kNoSession);
  auto key = issuer.key_pair();
  key.provisioning_handle = unknown;
  EXPECT_EQ(status(device.call(key)), Status::kNoSession);
  EXPECT_EQ(status(device.call(SetCertificatePath{unknown, 1, {to_bytes("x")}, {}})), Status::kNoSession);
  EXPECT_EQ(status(device.call(CreatePukPolicy{0, {"P"}, {}, 0, 1, {}})), Status::kNoSession);
  EXPECT_EQ(status(device.call(CreatePukPolicy{kNoHandle, {"P"}, {}, 0, 1, {}})), Status::kNoSession);
  EXPECT_EQ(session_handles(device), std::vector<Handle>{issuer.handle()});
}

TEST(Sessions, ExpireByTheStoresOwnClock) {
  TestDevice device;
  TestIssuer issuer(device, {.life_time = 100});
  device.clock().pass(std::chrono::milliseconds(99999));
  EXPECT_EQ(status(device.call(SignProvisioningSessionData{issuer.handle(), {}})), Status::kOk);
  device.clock().pass(std::chrono::milliseconds(1));
  EXPECT_EQ(status(device.call(SignProvisioningSessionData{issuer.handle(), {}})), Status::kNoSession);
  device.clock().set(Instant{1268911409000});  // turning the clock back does not bring it back
  EXPECT_TRUE(session_handles(device).empty());
}

TEST(Sessions, AnExpiredOneIsNeitherFoundNorEnumeratedAndItsKeysGo) {
  TestDevice device;
  TestIssuer issuer(device, {.life_time = 100});
  ASSERT_TRUE(device.call(issuer.key_pair()).has_value());
  device.clock().pass(std::chrono::seconds(100));
  EXPECT_EQ(device.call(EnumerateKeys{}).value().key_handle, kNoHandle);
  const auto& p = issuer.parameters();
  EXPECT_EQ(status(device.call(GetProvisioningSession{{p.server_session_id}, {p.client_session_id}, to_bytes(p.issuer_uri)})),
            Status::kNoSession);
  EXPECT_TRUE(session_handles(device).empty());
}

TEST(Sessions, AClosedOneDoesNotExpire) {
  TestDevice device;
  TestIssuer issuer(device, {.life_time = 100});
  const auto key = issuer.provision(issuer.key_pair());
  device.clock().pass(std::chrono::hours(1000));
  EXPECT_EQ(status(device.call(GetKeyProtectionInfo{key.key_handle})), Status::kOk);
}

TEST(GetProvisioningSession, FindsAnOpenSessionByItsThreeNames) {
  TestDevice device;
  TestIssuer issuer(device);
  const auto& p = issuer.parameters();
  const GetProvisioningSession good{{p.server_session_id}, {p.client_session_id}, to_bytes(p.issuer_uri)};
  EXPECT_EQ(device.call(good).value().provisioning_handle, issuer.handle());
  EXPECT_EQ(status(device.call(GetProvisioningSession{{"S-2"}, good.client_session_id, good.issuer_uri})), Status::kNoSession);
  EXPECT_EQ(status(device.call(GetProvisioningSession{good.server_session_id, {"C-2"}, good.issuer_uri})), Status::kNoSession);
  EXPECT_EQ(status(device.call(GetProvisioningSession{good.server_session_id, good.client_session_id, to_bytes("u")})), Status::kNoSession);
  EXPECT_EQ(status(device.call(GetProvisioningSession{{"1"}, good.client_session_id, good.issuer_uri})), Status::kOption);
  EXPECT_EQ(session_handles(device).size(), 1U) << "getProvisioningSession never ends a session";
}

TEST(GetProvisioningSession, DoesNotFindAClosedSession) {
  TestDevice device;
  TestIssuer issuer(device);
  issuer.provision(issuer.key_pair());
  const auto& p = issuer.parameters();
  EXPECT_EQ(status(device.call(GetProvisioningSession{{p.server_session_id}, {p.client_session_id}, to_bytes(p.issuer_uri)})),
            Status::kNoSession);
}

TEST(EnumerateProvisioningSessions, GoesByAscendingHandleOverGaps) {
  TestDevice device;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(device.call(good_request()).has_value());
  ASSERT_TRUE(device.call(AbortProvisioningSession{2}).has_value());
  EXPECT_EQ(session_handles(device), (std::vector<Handle>{1, 3, 4}));
  EXPECT_EQ(device.call(EnumerateProvisioningSessions{2}).value().provisioning_handle, 3U);
}

TEST(EnumerateProvisioningSessions, ShowsWhatTheSessionWasCreatedWith) {
  TestDevice device;
  TestIssuer issuer(device, {.life_time = 77});
  auto session = device.call(EnumerateProvisioningSessions{}).value().session.value();
  EXPECT_TRUE(session.is_open);
  EXPECT_EQ(session.client_time.milliseconds, 1268911409000U);
  EXPECT_EQ(session.session_life_time, 77U);
  EXPECT_EQ(session.server_session_id.value, issuer.parameters().server_session_id);
  EXPECT_EQ(session.client_session_id.value, issuer.parameters().client_session_id);
  EXPECT_EQ(to_text(session.issuer_uri), issuer.parameters().issuer_uri);
  issuer.provision(issuer.key_pair());
  EXPECT_FALSE(device.call(EnumerateProvisioningSessions{}).value().session->is_open);
}

TEST(AbortProvisioningSession, RemovesAllThatTheSessionCreated) {
  TestDevice device;
  TestIssuer issuer(device);
  const Handle puk = device.call(issuer.puk_policy()).value().puk_policy_handle;
  const Handle pin = device.call(issuer.pin_policy("PIN.1", puk)).value().pin_policy_handle;
  ASSERT_TRUE(device.call(issuer.key_pair("Key.1", pin, "1634")).has_value());
  ASSERT_TRUE(device.call(AbortProvisioningSession{issuer.handle()}).has_value());
  EXPECT_TRUE(session_handles(device).empty());
  EXPECT_EQ(device.call(EnumerateKeys{}).value().key_handle, kNoHandle);
  EXPECT_EQ(status(device.call(AbortProvisioningSession{issuer.handle()})), Status::kNoSession);
}

TEST(AbortProvisioningSession, DoesNotTouchAClosedSession) {
  TestDevice device;
  TestIssuer issuer(device);
  const auto key = issuer.provision(issuer.key_pair());
  EXPECT_EQ(status(device.call(AbortProvisioningSession{issuer.handle()})), Status::kNoSession);
  EXPECT_EQ(status(device.call(GetKeyProtectionInfo{key.key_handle})), Status::kOk);
}

TEST(SignProvisioningSessionData, SignsWithTheExternalSignatureKey) {
  TestDevice device;
  TestIssuer issuer(device);
  EXPECT_EQ(device.call(SignProvisioningSessionData{issuer.handle(), to_bytes("abc")}).value().result,
            external_signature(issuer.session_key(), bytes_of("abc")));
}

TEST(SessionKeyLimit, TheUseThatWouldExceedItEndsTheSession) {
  TestDevice device;
  TestIssuer issuer(device, {.key_limit = 2});
  EXPECT_EQ(status(device.call(SignProvisioningSessionData{issuer.handle(), {}})), Status::kOk);
  EXPECT_EQ(status(device.call(SignProvisioningSessionData{issuer.handle(), {}})), Status::kOk);
  EXPECT_EQ(status(device.call(SignProvisioningSessionData{issuer.handle(), {}})), Status::kNotAllowed);
  EXPECT_EQ(status(device.call(SignProvisioningSessionData{issuer.handle(), {}})), Status::kNoSession);
}

// sks.md section 3: what each method costs. `limit` is just enough, one less is not.
TEST(SessionKeyLimit, CountsWhatEachMethodUses) {
  const auto run = [](std::uint16_t limit) {
    TestDevice device;
    TestIssuer issuer(device, {.key_limit = limit});
    const auto puk = device.call(issuer.puk_policy());  // 1
    if (!puk) return status(puk);
    auto policy = issuer.pin_policy("PIN.1", puk->puk_policy_handle);
    policy.user_defined = false;
    const auto pin = device.call(policy);  // 0
    if (!pin) return status(pin);
    auto request = issuer.key_pair("Key.1", pin->pin_policy_handle);
    request.pin_value = SecretBytes::copy_of(issuer.encrypt("1634"));
    request.private_key_backup = true;
    const auto key = device.call(request);  // 1 + 1 + 1
    if (!key) return status(key);
    const auto path = device.call(issuer.certificate_path("Key.1", *key));  // 1
    if (!path) return status(path);
    return status(device.call(issuer.close()));  // 2
  };
  EXPECT_EQ(run(7), Status::kOk);
  for (std::uint16_t limit = 1; limit < 7; ++limit) EXPECT_EQ(run(limit), Status::kNotAllowed) << limit;
}

TEST(CloseProvisioningSession, AttestsSuccess) {
  TestDevice device;
  TestIssuer issuer(device);
  const auto key = device.call(issuer.key_pair()).value();
  ASSERT_TRUE(device.call(issuer.certificate_path("Key.1", key)).has_value());
  EXPECT_EQ(device.call(issuer.close()).value().attested_response, close_attestation(issuer.session_key(), 2));
}

TEST(CloseProvisioningSession, RemovesASessionWithoutKeys) {
  TestDevice device;
  TestIssuer issuer(device);
  EXPECT_EQ(device.call(issuer.close()).value().attested_response, close_attestation(issuer.session_key(), 1));
  EXPECT_TRUE(session_handles(device).empty());
}

TEST(CloseProvisioningSession, RefusesAWrongMacAndEndsTheSession) {
  TestDevice device;
  TestIssuer issuer(device);
  auto request = issuer.close();
  request.mac[0] ^= std::byte{1};
  EXPECT_EQ(status(device.call(request)), Status::kMac);
  EXPECT_TRUE(session_handles(device).empty());
}

TEST(CloseProvisioningSession, RefusesTheMacOfAnotherMethodOrCounter) {
  TestDevice device;
  for (const bool other_method : {false, true}) {
    TestIssuer issuer(device);
    if (!other_method) static_cast<void>(issuer.mac("closeProvisioningSession", {}));  // the counter is one ahead
    const auto& p = issuer.parameters();
    CloseProvisioningSession request{issuer.handle(),
                                     issuer.mac(other_method ? "setCertificatePath" : "closeProvisioningSession",
                                                {bytes_of(p.client_session_id), bytes_of(p.server_session_id), bytes_of(p.issuer_uri)})};
    EXPECT_EQ(status(device.call(request)), Status::kMac);
  }
}

// One reason a test for ERROR_SESSION_VERIFY: `prepare` leaves the session incomplete.
template <typename Prepare>
void expect_incomplete(Prepare prepare) {
  TestDevice device;
  TestIssuer issuer(device);
  prepare(device, issuer);
  EXPECT_EQ(status(device.call(issuer.close())), Status::kSessionVerify);
  EXPECT_TRUE(session_handles(device).empty());
}

void certify(TestDevice& device, TestIssuer& issuer, const CreateKeyPair& request) {
  const auto key = device.call(request).value();
  ASSERT_TRUE(device.call(issuer.certificate_path(request.id.value, key)).has_value());
}

TEST(CloseProvisioningSession, RefusesAKeyWithoutCertificate) {
  expect_incomplete([](TestDevice& device, TestIssuer& issuer) { ASSERT_TRUE(device.call(issuer.key_pair()).has_value()); });
}

TEST(CloseProvisioningSession, RefusesASymmetricKeyKeyWithoutItsKey) {
  expect_incomplete([](TestDevice& device, TestIssuer& issuer) {
    auto request = issuer.key_pair();
    request.key_usage = static_cast<std::uint8_t>(KeyUsage::kSymmetricKey);
    certify(device, issuer, request);
  });
}

TEST(CloseProvisioningSession, RefusesAnImportThatDidNotCome) {
  expect_incomplete([](TestDevice& device, TestIssuer& issuer) {
    auto request = issuer.key_pair();
    request.import_private_key = true;
    certify(device, issuer, request);
  });
}

TEST(CloseProvisioningSession, RefusesAnUnreferencedPinPolicy) {
  expect_incomplete([](TestDevice& device, TestIssuer& issuer) { ASSERT_TRUE(device.call(issuer.pin_policy()).has_value()); });
}

TEST(CloseProvisioningSession, RefusesAnUnreferencedPukPolicy) {
  expect_incomplete([](TestDevice& device, TestIssuer& issuer) { ASSERT_TRUE(device.call(issuer.puk_policy()).has_value()); });
}

TEST(CloseProvisioningSession, RefusesAPolicyOfPinOrPukWithoutOne) {
  expect_incomplete([](TestDevice& device, TestIssuer& issuer) {
    auto request = issuer.key_pair();
    request.delete_policy = static_cast<std::uint8_t>(DeletePolicy::kPin);
    certify(device, issuer, request);
  });
  expect_incomplete([](TestDevice& device, TestIssuer& issuer) {
    auto request = issuer.key_pair();
    request.export_policy = static_cast<std::uint8_t>(ExportPolicy::kPin);
    certify(device, issuer, request);
  });
  for (const bool deletion : {true, false}) {
    expect_incomplete([deletion](TestDevice& device, TestIssuer& issuer) {
      auto request = issuer.key_pair("Key.1", device.call(issuer.pin_policy()).value().pin_policy_handle, "1634");
      (deletion ? request.delete_policy : request.export_policy) = 2;  // puk
      certify(device, issuer, request);
    });
  }
}

TEST(CloseProvisioningSession, RefusesTheCertificateOfAnotherKey) {
  TestDevice device;
  TestIssuer first(device);
  const auto key = device.call(first.key_pair()).value();
  const SetCertificatePath path = first.certificate_path("Key.1", key);
  ASSERT_TRUE(device.call(path).has_value());
  ASSERT_TRUE(device.call(first.close()).has_value());

  TestIssuer second(device);
  auto request = second.key_pair();
  request.import_private_key = true;  // the only keys whose certificate may be for another key
  const auto other = device.call(request).value();
  SetCertificatePath copy{second.handle(), other.key_handle, {path.x509_certificates[0]}, {}};
  copy.mac = second.mac("setCertificatePath", {other.generated_public_key, bytes_of("Key.1"), copy.x509_certificates[0]});
  ASSERT_TRUE(device.call(copy).has_value());
  EXPECT_EQ(status(device.call(second.close())), Status::kSessionVerify);
  EXPECT_EQ(status(device.call(GetKeyProtectionInfo{key.key_handle})), Status::kOk);
}

TEST(GetDeviceInfo, ListsWhatTheStoreIs) {
  TestDevice device;
  const auto info = device.call(GetDeviceInfo{}).value();
  EXPECT_EQ(info.api_level, 1);
  EXPECT_EQ(info.vendor_name, "Example Vendor");
  EXPECT_EQ(info.vendor_description, "Example Model");
  EXPECT_EQ(info.x509_certificates, std::vector<Bytes>{device.certificate().der()});
  EXPECT_EQ(info.rsa_key_sizes, (std::vector<std::uint16_t>{1024, 2048, 3072, 4096}));
  EXPECT_TRUE(info.rsa_exponent_support);
  EXPECT_EQ(info.extension_data_size, 65536U);
  EXPECT_FALSE(info.device_pin_support);
  EXPECT_FALSE(info.biometric_support);
}

TEST(GetDeviceInfo, ListsEveryAlgorithmOfTheDocumentAndTheDecisions) {
  TestDevice device;
  EXPECT_THAT(device.call(GetDeviceInfo{}).value().algorithms.values,
              ::testing::UnorderedElementsAre(
                  "http://www.w3.org/2001/04/xmlenc#aes128-cbc", "http://www.w3.org/2001/04/xmlenc#aes192-cbc",
                  "http://www.w3.org/2001/04/xmlenc#aes256-cbc", "http://xmlns.webpki.org/keygen2/1.0#algorithm.aes.ecb.nopad",
                  "http://xmlns.webpki.org/keygen2/1.0#algorithm.aes.ecb.pkcs5", "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
                  "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
                  "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p", "http://xmlns.webpki.org/keygen2/1.0#algorithm.ecdh.raw",
                  "http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                  "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
                  "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1",
                  "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
                  "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
                  "http://xmlns.webpki.org/keygen2/1.0#algorithm.sk1", "http://xmlns.webpki.org/keygen2/1.0#algorithm.ka1",
                  "urn:oid:1.2.840.10045.3.1.7"));
}

}  // namespace
}  // namespace airtight::sks
