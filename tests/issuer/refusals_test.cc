// A device or somebody in between that lies: each verification of keygen2.md section 4 refuses with its own id, the session ends, and
// nothing is issued or confirmed.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/certificate_builder.h"
#include "issuer/refusal.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

crypto::PublicKey another_key(crypto::Curve curve = crypto::Curve::kP256) {
  return must(crypto::PrivateKey::generate(crypto::EcSpec{curve})).public_key();
}

class Refusals : public ::testing::Test {
 protected:
  explicit Refusals(const IssuerSetup& setup = {}) : issuer(setup) {}

  // `response` was refused for `id`, and that was the end.
  void expect_refused(const http::Response& response, std::string_view id, int status = kForbidden) {
    EXPECT_EQ(refusal_id(response), id) << text(response);
    EXPECT_EQ(response.status, status);
    const SessionSummary session = issuer.session();
    EXPECT_EQ(session.state, "Aborted");
    EXPECT_EQ(session.refusal_id, id);
    EXPECT_FALSE(session.refusal.empty());
    for (const CredentialSummary& credential : must(issuer.issuer().credentials())) EXPECT_FALSE(credential.confirmed_at.has_value());
  }
  void expect_nothing_issued() { EXPECT_TRUE(must(issuer.issuer().credentials()).empty()); }

  // The session response changed before it is attested and signed, as a lying device would.
  http::Response lie(const std::function<void(keygen2::ProvisioningSessionResponse&)>& spoil) {
    client.run(issuer.url(), 1);
    keygen2::ProvisioningSessionResponse response = client.session_response();
    spoil(response);
    response.session_attestation = client.attest_session(response, device.key);
    return client.post(client.sign(response));
  }
  // The same changed behind the device's back: neither attested nor signed again.
  http::Response tamper(std::string_view name, std::string_view value) {
    client.run(issuer.url(), 1);
    xml::Document document = must(xml::Document::parse(client.sign(client.session_response())));
    document.root().set_attribute(name, value);
    return client.post(document.serialize());
  }

  TestIssuer issuer;
  Device device{issuer.maker()};
  Client client{issuer, device};
};

class RefusalsOfThreeKeys : public Refusals {
 protected:
  RefusalsOfThreeKeys() : Refusals({.configuration = three_keys_configuration}) {}

  http::Response make_keys(const std::function<void(keygen2::KeyInitializationResponse&)>& spoil) {
    client.run(issuer.url(), 2);
    keygen2::KeyInitializationResponse response = client.keys_response();
    spoil(response);
    return client.send(std::move(response));
  }
  // Key `index` attested with other attributes than asked for.
  http::Response attest_other(std::size_t index,
                              const std::function<void(sks::AttestedKey&, sks::PinProtection&, std::optional<sks::AttestedPuk>&)>& spoil) {
    return make_keys([&](keygen2::KeyInitializationResponse& response) {
      const auto asked = keygen2::requested_keys(client.request<keygen2::KeyInitializationRequest>());
      response.keys[index].key_attestation = client.attest_key(asked[index], response.keys[index].public_key, spoil);
    });
  }
};

// Platform negotiation.

TEST_F(Refusals, OfADeviceWithoutANeededAlgorithm) {
  client.get(issuer.url());
  keygen2::PlatformNegotiationResponse response = client.negotiation_response();
  response.capabilities.algorithms.pop_back();
  expect_refused(client.send(std::move(response)), "capabilities.algorithm");
}

TEST_F(Refusals, OfCapabilitiesThatWereNotAskedFor) {
  client.get(issuer.url());
  keygen2::PlatformNegotiationResponse response = client.negotiation_response();
  response.capabilities.rsa_key_sizes = {1024};
  expect_refused(client.send(std::move(response)), "capabilities.not-asked", kBadMessage);
}

TEST_F(Refusals, OfCapabilitiesInAnotherOrder) {
  client.get(issuer.url());
  keygen2::PlatformNegotiationResponse response = client.negotiation_response();
  std::swap(response.capabilities.algorithms[0], response.capabilities.algorithms[1]);
  expect_refused(client.send(std::move(response)), "capabilities.not-asked", kBadMessage);
}

TEST_F(RefusalsOfThreeKeys, OfADeviceWithoutANeededRsaSize) {
  client.get(issuer.url());
  keygen2::PlatformNegotiationResponse response = client.negotiation_response();
  response.capabilities.rsa_key_sizes.clear();
  expect_refused(client.send(std::move(response)), "capabilities.rsa-key-size");
}

TEST_F(Refusals, OfAnotherServerSessionId) {
  client.get(issuer.url());
  keygen2::PlatformNegotiationResponse response = client.negotiation_response();
  response.server_session_id = "S-000000000000000000000000000000";
  expect_refused(client.send(std::move(response)), "server-session-id");
}

TEST_F(Refusals, OfAServerCookieThatWasNotSent) {
  client.get(issuer.url());
  keygen2::PlatformNegotiationResponse response = client.negotiation_response();
  response.server_cookie =
      must(xml::Document::parse(bytes_of("<ServerCookie xmlns=\"" + std::string(keygen2::kNamespace) + "\"><x/></ServerCookie>")));
  expect_refused(client.send(std::move(response)), "server-cookie");
}

// Section 4, item 1: the provisioning session.

TEST_F(Refusals, OfASessionAttestationByAnotherKey) {
  client.run(issuer.url(), 1);
  keygen2::ProvisioningSessionResponse response = client.session_response();
  response.session_attestation = client.attest_session(response, must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256})));
  expect_refused(client.post(client.sign(response)), "session-attestation.signature");
  expect_nothing_issued();
}

TEST_F(Refusals, OfASessionAttestationOverAnotherTime) {
  client.run(issuer.url(), 1);
  keygen2::ProvisioningSessionResponse response = client.session_response();
  response.client_time = response.client_time.plus(std::chrono::seconds(1));
  expect_refused(client.post(client.sign(response)), "session-attestation.signature");
}

TEST_F(Refusals, OfASessionAttestationWithAByteChanged) {
  client.run(issuer.url(), 1);
  keygen2::ProvisioningSessionResponse response = client.session_response();
  response.session_attestation.back() ^= std::byte{1};
  expect_refused(client.post(client.sign(response)), "session-attestation.signature");
}

TEST_F(Refusals, OfAClientEphemeralKeyThatSomebodyReplaced) {
  client.run(issuer.url(), 1);
  keygen2::ProvisioningSessionResponse response = client.session_response();
  response.client_ephemeral_key = another_key();
  expect_refused(client.post(client.sign(response)), "session-attestation.signature");
}

TEST_F(Refusals, OfAClientEphemeralKeyOnAnotherCurve) {
  client.run(issuer.url(), 1);
  keygen2::ProvisioningSessionResponse response = client.session_response();
  response.client_ephemeral_key = another_key(crypto::Curve::kP384);
  expect_refused(client.post(client.sign(response)), "client-ephemeral-key");
}

TEST_F(Refusals, OfAResponseThatSomebodyChangedUnderItsSignature) {
  expect_refused(tamper("ServerCertificateFingerprint", base64_encode(*issuer.tls_fingerprint()) + " "), "hmac-signature");
  expect_nothing_issued();
}

TEST_F(Refusals, OfAResponseWithoutASignature) {
  client.run(issuer.url(), 1);
  xml::Document document = must(xml::Document::parse(client.sign(client.session_response())));
  document.root().children().back().remove();
  expect_refused(client.post(document.serialize()), "message.invalid", kBadMessage);
}

TEST_F(Refusals, OfAnotherServerTime) {
  expect_refused(lie([](auto& response) { response.server_time = "2010-03-18T11:23:30Z"; }), "server-time");
}

TEST_F(Refusals, OfTheSameServerTimeWrittenDifferently) {
  expect_refused(lie([](auto& response) { response.server_time = "2010-03-18T11:23:29.0Z"; }), "server-time");
}

TEST_F(Refusals, OfAnotherServersFingerprint) {
  expect_refused(lie([](auto& response) { response.server_certificate_fingerprint = Bytes(32); }), "server-certificate-fingerprint");
  expect_nothing_issued();
}

TEST_F(Refusals, OfAMissingFingerprintOverHttps) {
  expect_refused(lie([](auto& response) { response.server_certificate_fingerprint.reset(); }), "server-certificate-fingerprint.missing");
}

class RefusalsWithoutTls : public Refusals {
 protected:
  RefusalsWithoutTls() : Refusals({.configuration = {}, .tls = false}) {}
};

TEST_F(RefusalsWithoutTls, OfAFingerprintWhereThereIsNoTls) {
  expect_refused(lie([](auto& response) { response.server_certificate_fingerprint = Bytes(32); }), "server-certificate-fingerprint");
}

TEST_F(Refusals, OfAnotherServerSessionIdInTheSessionResponse) {
  expect_refused(lie([](auto& response) { response.server_session_id = "S-000000000000000000000000000000"; }), "server-session-id");
}

TEST_F(Refusals, OfADeviceOfAnotherMaker) {
  const Maker other;
  const Device stranger(other);
  Client foreign(issuer, stranger);
  foreign.run(issuer.url(), 1);
  expect_refused(foreign.create_session(), "device.not-accepted");
  expect_nothing_issued();
}

TEST_F(Refusals, KeepTheEvidenceOfTheRefusedDevice) {
  const Maker other;
  const Device stranger(other);
  Client foreign(issuer, stranger);
  foreign.run(issuer.url(), 2);
  EXPECT_EQ(issuer.session().device_id, provenance::device_id(stranger.path.front()));
}

TEST_F(Refusals, OfADeviceCertificateThatBelongsToAnotherDevice) {
  const Device other(issuer.maker());
  expect_refused(lie([&](auto& response) { response.device_certificate_path = other.path; }), "session-attestation.signature");
}

TEST_F(Refusals, OfADevicePathThatDoesNotHangTogether) {
  const Maker other;
  expect_refused(lie([&](auto& response) { response.device_certificate_path = {device.path.front(), other.device_class}; }),
                 "device.not-accepted");
}

// Section 4, item 2: the keys.

TEST_F(RefusalsOfThreeKeys, OfTooFewKeys) {
  expect_refused(make_keys([](auto& response) { response.keys.pop_back(); }), "key-count");
  expect_nothing_issued();
}

TEST_F(RefusalsOfThreeKeys, OfTooManyKeys) {
  expect_refused(make_keys([](auto& response) {
                   response.keys.push_back(response.keys.back());
                   response.keys.back().id = "Key.4";
                 }),
                 "key-count");
}

TEST_F(RefusalsOfThreeKeys, OfKeysInAnotherOrder) {
  expect_refused(make_keys([](auto& response) { std::swap(response.keys[0], response.keys[1]); }), "key-order");
}

TEST_F(RefusalsOfThreeKeys, OfAKeyThatWasNotAskedFor) {
  expect_refused(make_keys([](auto& response) { response.keys[1].id = "Key.9"; }), "key-id");
}

TEST_F(RefusalsOfThreeKeys, OfAKeyAttestationWithAByteChanged) {
  expect_refused(make_keys([](auto& response) { response.keys[2].key_attestation.front() ^= std::byte{0x80}; }),
                 "key-attestation.mismatch");
  expect_nothing_issued();
}

TEST_F(RefusalsOfThreeKeys, OfAKeyAttestationOfAnotherKeyOfTheSession) {
  expect_refused(make_keys([](auto& response) { response.keys[2].key_attestation = response.keys[0].key_attestation; }),
                 "key-attestation.mismatch");
}

TEST_F(RefusalsOfThreeKeys, OfAPublicKeyThatSomebodyReplaced) {
  expect_refused(make_keys([](auto& response) { response.keys[0].public_key = another_key(); }), "key-attestation.mismatch");
  expect_nothing_issued();
}

TEST_F(RefusalsOfThreeKeys, OfAKeyOnAnotherCurve) {
  expect_refused(make_keys([](auto& response) { response.keys[0].public_key = another_key(crypto::Curve::kP384); }), "public-key.curve");
}

TEST_F(RefusalsOfThreeKeys, OfAnRsaKeyWhereACurveWasAskedFor) {
  expect_refused(make_keys([](auto& response) { response.keys[0].public_key = response.keys[1].public_key; }), "public-key.type");
}

TEST_F(RefusalsOfThreeKeys, OfACurveWhereAnRsaKeyWasAskedFor) {
  expect_refused(make_keys([](auto& response) { response.keys[1].public_key = response.keys[0].public_key; }), "public-key.type");
}

TEST_F(RefusalsOfThreeKeys, OfAnRsaKeyOfAnotherSize) {
  const crypto::PublicKey small = must(crypto::PrivateKey::generate(crypto::RsaSpec{1024})).public_key();
  expect_refused(make_keys([&](auto& response) { response.keys[1].public_key = small; }), "public-key.size");
}

TEST_F(RefusalsOfThreeKeys, OfAnRsaKeyWithAnotherExponent) {
  const crypto::PublicKey three = must(crypto::PrivateKey::generate(crypto::RsaSpec{2048, 3})).public_key();
  expect_refused(make_keys([&](auto& response) { response.keys[1].public_key = three; }), "public-key.exponent");
}

TEST_F(RefusalsOfThreeKeys, OfAPrivateKeyThatWasNotAskedFor) {
  expect_refused(make_keys([](auto& response) { response.keys[0].private_key = Bytes(64); }), "key.private-key");
}

TEST_F(RefusalsOfThreeKeys, OfAnotherClientSessionId) {
  expect_refused(make_keys([](auto& response) { response.id = "C-ffffffffffffffffffffffffffffff"; }), "client-session-id");
}

// Each attested attribute in turn: what the device was told to make is not what the issuer asked for.
struct OtherAttribute {
  std::string_view name;
  void (*spoil)(sks::AttestedKey& key, sks::AttestedPin& pin, sks::AttestedPuk& puk);
};
const OtherAttribute kOtherAttributes[] = {
    {"KeyId", [](auto& key, auto&, auto&) { key.id = "Key.X"; }},
    {"IssuerSeed", [](auto& key, auto&, auto&) { key.issuer_seed = Bytes(32); }},
    {"PrivateKeyBackup", [](auto& key, auto&, auto&) { key.private_key_backup = true; }},
    {"BiometricProtection", [](auto& key, auto&, auto&) { key.biometric_protection = BiometricProtection::kAlternative; }},
    {"ExportPolicy", [](auto& key, auto&, auto&) { key.export_policy = ExportPolicy::kNone; }},
    {"Updatable", [](auto& key, auto&, auto&) { key.updatable = !key.updatable; }},
    {"DeletePolicy", [](auto& key, auto&, auto&) { key.delete_policy = DeletePolicy::kNone; }},
    {"EnablePinCaching", [](auto& key, auto&, auto&) { key.enable_pin_caching = !key.enable_pin_caching; }},
    {"ImportPrivateKey", [](auto& key, auto&, auto&) { key.import_private_key = true; }},
    {"KeyUsage", [](auto& key, auto&, auto&) { key.key_usage = KeyUsage::kUniversal; }},
    {"FriendlyName", [](auto& key, auto&, auto&) { key.friendly_name = "Another"; }},
    {"PinId", [](auto&, auto& pin, auto&) { pin.id = "PIN.X"; }},
    {"PinModifiable", [](auto&, auto& pin, auto&) { pin.user_modifiable = !pin.user_modifiable; }},
    {"PinFormat", [](auto&, auto& pin, auto&) { pin.format = PassphraseFormat::kBinary; }},
    {"PinRetryLimit", [](auto&, auto& pin, auto&) { pin.retry_limit = 255; }},
    {"PinGrouping", [](auto&, auto& pin, auto&) { pin.grouping = Grouping::kNone; }},
    {"PinPatterns", [](auto&, auto& pin, auto&) { pin.pattern_restrictions = 0; }},
    {"PinMinLength", [](auto&, auto& pin, auto&) { pin.min_length = 1; }},
    {"PinMaxLength", [](auto&, auto& pin, auto&) { pin.max_length = 100; }},
    {"PinInputMethod", [](auto&, auto& pin, auto&) { pin.input_method = InputMethod::kAny; }},
    {"PukId", [](auto&, auto&, auto& puk) { puk.id = "PUK.X"; }},
    {"PukRetryLimit", [](auto&, auto&, auto& puk) { puk.retry_limit = 9; }},
    {"PukFormat", [](auto&, auto&, auto& puk) { puk.format = PassphraseFormat::kNumeric; }},
};

class RefusalsOfAttributes : public RefusalsOfThreeKeys, public ::testing::WithParamInterface<OtherAttribute> {};

TEST_P(RefusalsOfAttributes, OfAnAttestedAttributeThatWasNotAskedFor) {
  expect_refused(attest_other(0, [](auto& key, auto& pin, auto& puk) { GetParam().spoil(key, std::get<sks::AttestedPin>(pin), *puk); }),
                 "key-attestation.mismatch");
  expect_nothing_issued();
}

INSTANTIATE_TEST_SUITE_P(EachAttribute, RefusalsOfAttributes, ::testing::ValuesIn(kOtherAttributes),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_F(RefusalsOfThreeKeys, OfAKeyWithoutThePinThatWasAskedFor) {
  expect_refused(attest_other(0,
                              [](auto&, auto& pin, auto& puk) {
                                pin = sks::NoPin();
                                puk.reset();
                              }),
                 "key-attestation.mismatch");
}

TEST_F(RefusalsOfThreeKeys, OfAnotherPukValue) {
  const SecretBytes other = SecretBytes::copy_of(bytes_of("000000000000"));
  expect_refused(attest_other(0, [&](auto&, auto&, auto& puk) { puk->value = &other; }), "key-attestation.mismatch");
}

TEST_F(RefusalsOfThreeKeys, OfAnIssuerSetPinWhereTheUserDefinesIt) {
  const SecretBytes value = SecretBytes::copy_of(bytes_of("1234"));
  expect_refused(attest_other(0, [&](auto&, auto& pin, auto&) { std::get<sks::AttestedPin>(pin).issuer_value = &value; }),
                 "key-attestation.mismatch");
}

// Section 4, item 3: the end.

TEST_F(Refusals, OfACloseAttestationWithAByteChanged) {
  client.run(issuer.url(), 3);
  keygen2::CredentialDeploymentResponse response = client.deployment_response();
  response.close_session_attestation.front() ^= std::byte{1};
  expect_refused(client.send(std::move(response)), "close-attestation");
  EXPECT_EQ(must(issuer.issuer().credentials()).size(), 1U);
}

TEST_F(Refusals, OfACloseAttestationUnderAnotherCounter) {
  client.run(issuer.url(), 3);
  keygen2::CredentialDeploymentResponse response = client.deployment_response();
  response.close_session_attestation = to_bytes(sks::close_attestation(client.session_key(), 1));
  expect_refused(client.send(std::move(response)), "close-attestation");
}

TEST_F(Refusals, OfTheCloseMacAsItsOwnAnswer) {
  client.run(issuer.url(), 3);
  keygen2::CredentialDeploymentResponse response = client.deployment_response();
  response.close_session_attestation = client.request<keygen2::CredentialDeploymentRequest>().close_session_mac;
  expect_refused(client.send(std::move(response)), "close-attestation");
}

TEST_F(Refusals, OfADeploymentResponseForAnotherClientSession) {
  client.run(issuer.url(), 3);
  keygen2::CredentialDeploymentResponse response = client.deployment_response();
  response.id = "C-ffffffffffffffffffffffffffffff";
  expect_refused(client.send(std::move(response)), "client-session-id");
}

// Messages that are none.

TEST_F(Refusals, OfAnotherMediaType) {
  client.get(issuer.url());
  const Bytes body = must(keygen2::write_message(client.negotiation_response())).serialize();
  expect_refused(client.post(body, "text/xml"), "message.media-type", kUnsupportedMediaType);
}

TEST_F(Refusals, OfWhatIsNoXml) {
  client.get(issuer.url());
  expect_refused(client.post(bytes_of("hello")), "message.invalid", kBadMessage);
}

TEST_F(Refusals, OfADocumentTypeDeclaration) {
  client.get(issuer.url());
  expect_refused(client.post(bytes_of("<!DOCTYPE x [<!ENTITY e 'e'>]><x>&e;</x>")), "message.invalid", kBadMessage);
}

TEST_F(Refusals, OfAMessageThatTheSchemaDoesNotKnow) {
  client.get(issuer.url());
  expect_refused(client.post(bytes_of("<Surprise xmlns=\"" + std::string(keygen2::kNamespace) + "\"/>")), "message.invalid", kBadMessage);
}

TEST_F(Refusals, OfAnEmptyBody) {
  client.get(issuer.url());
  expect_refused(client.post({}), "message.invalid", kBadMessage);
}

}  // namespace
}  // namespace airtight::issuer::testing
