// What the messages say once they are read, field by field, against the texts in tests/vectors/keygen2.
#include "keygen2/messages.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "tests/keygen2/samples.h"

namespace airtight::keygen2::testing {
namespace {

constexpr std::string_view kSession = "S-20100318112329";
constexpr std::string_view kClientSession = "C-0123456789abcdef0123456789abcd";
constexpr std::string_view kTime = "2010-03-18T11:23:29Z";
constexpr std::int64_t kSeconds = 1268911409;  // kTime

Bytes hash_of(std::string_view text) {
  const auto value = crypto::sha256(bytes_of(text));
  return to_bytes(ByteView(value));
}

// The stand-in for encrypted values in the samples.
Bytes encrypted(std::string_view text) {
  const Bytes hash = hash_of(text);
  return concat({hash, ByteView(hash).first(16)});
}

void expect_cookie(const ServerCookie& cookie) {
  ASSERT_TRUE(cookie.has_value());
  const std::string text(text_of(cookie->serialize()));
  EXPECT_TRUE(cookie->root().is(kNamespace, "ServerCookie"));
  EXPECT_EQ(cookie->root().attribute("Node"), "7");
  EXPECT_NE(text.find(">text <?any thing?><!-- kept --><state xmlns=\"urn:example:issuer\" ID=\"S-20100318112329\">"), std::string::npos)
      << text;
}

TEST(PlatformNegotiationRequest, SaysWhatItsTextSays) {
  const auto message = read_sample_as<PlatformNegotiationRequest>("PlatformNegotiationRequest");
  EXPECT_EQ(message.id, kSession);
  EXPECT_EQ(message.submit_url, "https://issuer.example.com/plan");
  EXPECT_EQ(message.abort_url, "https://issuer.example.com/abort?why=user&how=soon");
  ASSERT_EQ(message.logotypes.size(), 2U);
  EXPECT_EQ(message.logotypes[0].mime_type, "image/png");
  EXPECT_EQ(hex_encode(message.logotypes[0].image), "89504e470d0a1a0a");
  EXPECT_EQ(message.logotypes[1].mime_type, "image/svg+xml");
  EXPECT_EQ(to_text(message.logotypes[1].image), "<svg/>");
  EXPECT_EQ(message.capabilities.algorithms, (std::vector<std::string>{"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
                                                                       "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"}));
  EXPECT_EQ(message.capabilities.extensions, (std::vector<std::string>{"http://xmlns.webpki.org/keygen2/1.0#provider.ietf-hotp"}));
  EXPECT_EQ(message.capabilities.rsa_key_sizes, (std::vector<std::uint16_t>{2048, 1024}));
  EXPECT_EQ(message.capabilities.settable_exponent, true);
  expect_cookie(message.server_cookie);
}

TEST(PlatformNegotiationResponse, SaysWhatItsTextSays) {
  const auto message = read_sample_as<PlatformNegotiationResponse>("PlatformNegotiationResponse");
  EXPECT_EQ(message.server_session_id, kSession);
  EXPECT_EQ(message.capabilities.algorithms, (std::vector<std::string>{"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"}));
  EXPECT_EQ(message.capabilities.extensions, (std::vector<std::string>{"urn:example:extension"}));
  EXPECT_EQ(message.capabilities.rsa_key_sizes, (std::vector<std::uint16_t>{2048}));
  EXPECT_EQ(message.capabilities.settable_exponent, false);
  expect_cookie(message.server_cookie);
}

TEST(ProvisioningSessionRequest, SaysWhatItsTextSays) {
  const auto message = read_sample_as<ProvisioningSessionRequest>("ProvisioningSessionRequest");
  EXPECT_EQ(message.id, kSession);
  EXPECT_EQ(message.server_time, "2010-03-18T11:23:29.500Z");  // as text: it is copied
  EXPECT_EQ(message.session_life_time, 50000U);
  EXPECT_EQ(message.session_key_limit, 25U);
  EXPECT_EQ(message.session_key_algorithm, "http://xmlns.webpki.org/keygen2/1.0#algorithm.sk1");
  EXPECT_TRUE(message.updatable);
  EXPECT_EQ(message.submit_url, "https://issuer.example.com/provsess");
  EXPECT_EQ(message.server_ephemeral_key.curve(), crypto::Curve::kP256);
  EXPECT_EQ(message.server_ephemeral_key.spki().size(), 91U);
  expect_cookie(message.server_cookie);
}

TEST(ProvisioningSessionResponse, SaysWhatItsTextSays) {
  const auto message = read_sample_as<ProvisioningSessionResponse>("ProvisioningSessionResponse");
  EXPECT_EQ(message.id, kClientSession);
  EXPECT_EQ(message.server_session_id, kSession);
  EXPECT_EQ(message.server_time, kTime);
  EXPECT_EQ(message.client_time.milliseconds, (kSeconds + 2) * 1000);
  EXPECT_EQ(message.session_attestation, hash_of("a"));
  EXPECT_EQ(message.server_certificate_fingerprint, hash_of("tls"));
  EXPECT_EQ(message.client_ephemeral_key.curve(), crypto::Curve::kP256);
  ASSERT_EQ(message.device_certificate_path.size(), 2U);
  EXPECT_EQ(message.device_certificate_path[0].common_name(), "Device 1");
  EXPECT_EQ(message.device_certificate_path[1].common_name(), "Example Root CA");
  expect_cookie(message.server_cookie);
}

TEST(KeyInitializationRequest, SaysWhatItsTextSays) {
  const auto message = read_sample_as<KeyInitializationRequest>("KeyInitializationRequest");
  EXPECT_EQ(message.id, kSession);
  EXPECT_EQ(message.client_session_id, kClientSession);
  EXPECT_EQ(message.server_time, kTime);
  EXPECT_EQ(message.submit_url, "https://issuer.example.com/keyinit");
  EXPECT_EQ(message.key_attestation_algorithm, "urn:example:attestation");
  EXPECT_TRUE(message.deferred_certification);
  expect_cookie(message.server_cookie);
  ASSERT_EQ(message.objects.size(), 4U);  // in document order
  EXPECT_TRUE(std::holds_alternative<PukPolicyRequest>(message.objects[0]));
  EXPECT_TRUE(std::holds_alternative<KeyPairRequest>(message.objects[1]));
  EXPECT_TRUE(std::holds_alternative<PinPolicyRequest>(message.objects[2]));
  EXPECT_TRUE(std::holds_alternative<DevicePinRequest>(message.objects[3]));
}

TEST(KeyInitializationRequest, ReadsPoliciesWithEveryAttribute) {
  const auto message = read_sample_as<KeyInitializationRequest>("KeyInitializationRequest");
  const auto& puk = std::get<PukPolicyRequest>(message.objects[0]);
  EXPECT_EQ(puk.id, "PUK.1");
  EXPECT_EQ(puk.encrypted_value, encrypted("puk"));
  EXPECT_EQ(puk.format, PassphraseFormat::kNumeric);
  EXPECT_EQ(puk.retry_limit, 0U);
  ASSERT_EQ(puk.pin_policies.size(), 2U);
  const PinPolicyRequest& pin = puk.pin_policies[0];
  EXPECT_EQ(pin.id, "PIN.1");
  EXPECT_EQ(pin.format, PassphraseFormat::kAlphanumeric);
  EXPECT_EQ(pin.retry_limit, 3U);
  EXPECT_EQ(pin.min_length, 4U);
  EXPECT_EQ(pin.max_length, 8U);
  EXPECT_EQ(pin.user_modifiable, false);
  EXPECT_EQ(pin.grouping, Grouping::kShared);
  EXPECT_EQ(pin.pattern_restrictions, 0x01 | 0x04 | 0x10);
  EXPECT_EQ(pin.input_method, InputMethod::kTrustedGui);
  EXPECT_TRUE(pin.user_defined());
  EXPECT_FALSE(pin.is_user_modifiable());
}

TEST(KeyInitializationRequest, ReadsKeysWithEveryAttribute) {
  const auto message = read_sample_as<KeyInitializationRequest>("KeyInitializationRequest");
  const auto keys = requested_keys(message);
  ASSERT_EQ(keys.size(), 7U);
  const KeyPairRequest& key = *keys[0].key;
  EXPECT_EQ(key.id, "Key.1");
  EXPECT_EQ(key.key_usage, KeyUsage::kAuthentication);
  EXPECT_EQ(key.issuer_seed, hash_of("seed"));
  EXPECT_EQ(key.biometric_protection, BiometricProtection::kAlternative);
  EXPECT_TRUE(key.private_key_backup);
  EXPECT_EQ(key.export_policy, ExportPolicy::kPuk);
  EXPECT_EQ(key.updatable, false);
  EXPECT_EQ(key.delete_policy, DeletePolicy::kPin);
  EXPECT_TRUE(key.enable_pin_caching);
  EXPECT_TRUE(key.import_private_key);
  EXPECT_EQ(key.friendly_name, "R\xC3\xA4ksm\xC3\xB6rg\xC3\xA5s & <k\xC3\xA5>");
  EXPECT_EQ(std::get<KeyPairRequest::Rsa>(key.algorithm), (KeyPairRequest::Rsa{.key_size = 2048, .exponent = 3}));
}

TEST(KeyInitializationRequest, GivesWhatIsAbsentItsDefault) {
  const auto message = read_sample_as<KeyInitializationRequest>("KeyInitializationRequest");
  const auto keys = requested_keys(message);
  EXPECT_EQ(*keys[1].key, (KeyPairRequest{.id = "Key.2", .algorithm = KeyPairRequest::Ec{"urn:oid:1.2.840.10045.3.1.7"}}));
  EXPECT_EQ(keys[1].key->issuer_seed, Bytes(32));
  EXPECT_FALSE(keys[1].key->updatable.has_value());
  EXPECT_EQ(keys[1].key->export_policy, ExportPolicy::kNonExportable);
  EXPECT_EQ(std::get<KeyPairRequest::Rsa>(keys[2].key->algorithm).exponent, std::nullopt);
  const PinPolicyRequest& pin = *keys[2].pin_policy;
  EXPECT_EQ(pin.grouping, Grouping::kNone);
  EXPECT_EQ(pin.pattern_restrictions, 0U);
  EXPECT_EQ(pin.input_method, InputMethod::kAny);
  EXPECT_TRUE(pin.is_user_modifiable());  // over KeyPair
  const std::string text = with(with(sample("KeyInitializationRequest"), " KeyAttestationAlgorithm=\"urn:example:attestation\"", ""),
                                "DeferredCertification=\"true\"", "");
  const auto plain = std::get<KeyInitializationRequest>(read(text).value().message);
  EXPECT_EQ(plain.key_attestation_algorithm, "http://xmlns.webpki.org/keygen2/1.0#algorithm.ka1");
  EXPECT_FALSE(plain.deferred_certification);
}

TEST(KeyInitializationRequest, MakesPresetPinsUnmodifiableUnlessItSaysSo) {
  const auto said = read_sample_as<KeyInitializationRequest>("KeyInitializationRequest");
  EXPECT_TRUE(std::get<PinPolicyRequest>(said.objects[2]).is_user_modifiable());
  const auto unsaid = read(with(sample("KeyInitializationRequest"), " UserModifiable=\"true\"", ""));
  const auto& message = std::get<KeyInitializationRequest>(unsaid.value().message);
  EXPECT_FALSE(std::get<PinPolicyRequest>(message.objects[2]).user_defined());
  EXPECT_FALSE(std::get<PinPolicyRequest>(message.objects[2]).is_user_modifiable());
}

TEST(RequestedKeys, ComeInDocumentOrderWithWhatStandsAboveThem) {
  const auto message = read_sample_as<KeyInitializationRequest>("KeyInitializationRequest");
  const auto keys = requested_keys(message);
  std::string ids;
  std::string above;
  for (const RequestedKey& key : keys) {
    ids += key.key->id + " ";
    above +=
        (key.puk_policy ? key.puk_policy->id : "-") + "/" + (key.pin_policy ? key.pin_policy->id : "-") + (key.device_pin ? "D" : "") + " ";
  }
  EXPECT_EQ(ids, "Key.1 Key.2 Key.3 Key.4 Key.5 Key.6 Key.7 ");
  EXPECT_EQ(above, "PUK.1/PIN.1 PUK.1/PIN.1 PUK.1/PIN.2 -/- -/PIN.3 -/PIN.3 -/-D ");
  EXPECT_EQ(keys[0].preset_pin, nullptr);
  ASSERT_NE(keys[4].preset_pin, nullptr);
  EXPECT_EQ(keys[4].preset_pin->encrypted_value, encrypted("pin5"));
  EXPECT_EQ(keys[5].preset_pin->encrypted_value, encrypted("pin6"));
}

TEST(KeyInitializationResponse, SaysWhatItsTextSays) {
  const auto message = read_sample_as<KeyInitializationResponse>("KeyInitializationResponse");
  EXPECT_EQ(message.id, kClientSession);
  EXPECT_EQ(message.server_session_id, kSession);
  ASSERT_EQ(message.keys.size(), 2U);
  EXPECT_EQ(message.keys[0].id, "Key.1");
  EXPECT_EQ(message.keys[0].key_attestation, hash_of("att1"));
  EXPECT_EQ(message.keys[0].public_key.type(), KeyAlgorithmType::kRsa);
  EXPECT_EQ(message.keys[0].public_key.bits(), 2048U);
  EXPECT_EQ(message.keys[0].private_key, encrypted("backup"));
  EXPECT_EQ(message.keys[1].id, "Key.2");
  EXPECT_EQ(message.keys[1].public_key.type(), KeyAlgorithmType::kEcc);
  EXPECT_FALSE(message.keys[1].private_key.has_value());
  expect_cookie(message.server_cookie);
}

TEST(CredentialDeploymentRequest, SaysWhatItsTextSays) {
  const auto message = read_sample_as<CredentialDeploymentRequest>("CredentialDeploymentRequest");
  EXPECT_EQ(message.id, kSession);
  EXPECT_EQ(message.client_session_id, kClientSession);
  EXPECT_EQ(message.issuer_uri, "https://issuer.example.com/provsess");
  EXPECT_EQ(message.server_time, kTime);
  EXPECT_EQ(message.submit_url, "https://issuer.example.com/deploy");
  EXPECT_EQ(message.close_session_mac, hash_of("close"));
  ASSERT_EQ(message.keys.size(), 2U);
  EXPECT_EQ(message.keys[0].id, "Key.1");
  EXPECT_EQ(message.keys[0].mac, hash_of("m1"));
  ASSERT_EQ(message.keys[0].certificate_path.size(), 2U);
  EXPECT_EQ(message.keys[0].certificate_path[0].common_name(), "Example Root CA");  // as written
  EXPECT_EQ(message.keys[0].certificate_path[1].common_name(), "John Doe");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(message.keys[0].import));
  EXPECT_TRUE(message.keys[0].extensions.empty());
  EXPECT_FALSE(message.keys[0].update.has_value());
  EXPECT_TRUE(message.delete_keys.empty());
  expect_cookie(message.server_cookie);
}

Bytes base64(std::string_view text) { return base64_decode(text).value(); }

TEST(CredentialDeploymentRequest, HasImportedKeysUpdatesAndDeletions) {
  const auto message = read_sample_as<CredentialDeploymentRequest>("CredentialDeploymentRequest-everything");
  ASSERT_EQ(message.keys.size(), 2U);
  EXPECT_EQ(std::get<SymmetricKey>(message.keys[0].import),
            (SymmetricKey{.encrypted_value = base64("RQOzGMxMWZugDh6SpwVZ7KqRGiz+ogsIvtVoyYhp6Z5FA7MYzExZm6AOHpKnBVns"),
                          .endorsed_algorithms = {std::string(uri::kHmacSha1), std::string(uri::kHmacSha256)},
                          .mac = base64("KcGyiedSIZWzYuRPVOBUcLaa0gVAq2ChigXlv2lR8T0=")}));
  EXPECT_EQ(message.keys[0].update, (TargetKey{.client_session_id = "C-0",
                                               .server_session_id = "S-0",
                                               .certificate_fingerprint = base64("06KXCafpD4uedLRh+XnX+OVt2JPAIOgAsw6h2ZcOnKg="),
                                               .mac = base64("WTYL5gdFmkzT7+FdtlaFgkkC6CrA9zdNZI+BTRTxVBs=")}));
  EXPECT_EQ(std::get<RestoredPrivateKey>(message.keys[1].import),
            (RestoredPrivateKey{.encrypted_value = base64("J1nk/Y5Mu47rlxiYCT2L4m2KfOp0Ky1vfF/w4jsKxWQnWeT9jky7juuXGJgJPYvi"),
                                .mac = base64("Ez5XIVW052e3M2bTt71/vYp7Bh2gelqzUmc/8we7Eeg=")}));
  EXPECT_TRUE(message.keys[1].extensions.empty());
  EXPECT_FALSE(message.keys[1].update.has_value());
  EXPECT_EQ(message.delete_keys, (std::vector<TargetKey>{{.client_session_id = "C-0",
                                                          .server_session_id = "S-0",
                                                          .certificate_fingerprint = base64("RGmQEnLewC3yetKBvkufo/T2f56jSqRnNzUlaWE4F6U="),
                                                          .mac = base64("u4XkUeCSsxrtslDRiDpt2Pf43h4wL6cWerf5BEsPgEA=")}}));
}

TEST(CredentialDeploymentRequest, HasExtensions) {
  const auto message = read_sample_as<CredentialDeploymentRequest>("CredentialDeploymentRequest-everything");
  const auto& extensions = message.keys.at(0).extensions;
  ASSERT_EQ(extensions.size(), 5U);
  const auto& bag = std::get<PropertyBag>(extensions[0]);
  EXPECT_EQ(bag.type, "http://xmlns.webpki.org/keygen2/1.0#provider.ietf-hotp");
  EXPECT_EQ(bag.properties, (std::vector<Property>{{.name = "Counter", .value = "0", .writable = true}, {.name = "Digits", .value = "8"}}));
  EXPECT_EQ(bag.mac, base64("FTgSrl/qC3OgEb8ovXzqk2REN8P+MmC3stfh4vn0a94="));
  EXPECT_EQ(std::get<Logotype>(extensions[1]), (Logotype{.type = "http://xmlns.webpki.org/keygen2/1.0#logotype.application",
                                                         .mime_type = "image/png",
                                                         .image = base64("UE5H"),
                                                         .mac = base64("I5ahJWrEscaEnJMd24AYvdmEuyODviG7gZozuV2NYD8=")}));
  EXPECT_EQ(std::get<Extension>(extensions[2]), (Extension{.type = "urn:example:extension",
                                                           .data = to_bytes("extension"),
                                                           .encrypted = false,
                                                           .mac = base64("tfIDHrYuN8bTgoezj4Ov6u0mZfBCTrPCnBo4pZahPVc=")}));
  EXPECT_EQ(std::get<Extension>(extensions[3]),
            (Extension{.type = "urn:example:secret",
                       .data = base64("K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/UnolsruA1Tex2j44vTA2GqhVaG"),
                       .encrypted = true,
                       .mac = base64("40H8xIiTTiV4lWJUtbfeFb3MB+yhrl2Yd66qrlI+bhk=")}));
  EXPECT_EQ(std::get<PropertyBag>(extensions[4]).properties, (std::vector<Property>{{}}));
}

TEST(CredentialDeploymentResponse, SaysWhatItsTextSays) {
  const auto message = read_sample_as<CredentialDeploymentResponse>("CredentialDeploymentResponse");
  EXPECT_EQ(message.id, kClientSession);
  EXPECT_EQ(message.server_session_id, kSession);
  EXPECT_EQ(message.close_session_attestation, hash_of("closed"));
  expect_cookie(message.server_cookie);
}

TEST(ClientErrorResponse, SaysWhatItsTextSays) {
  const auto message = read_sample_as<ClientErrorResponse>("ClientErrorResponse");
  EXPECT_EQ(message.server_session_id, kSession);
  EXPECT_EQ(message.error, ClientError::kUserAbort);
  EXPECT_EQ(message.argument, "The user said \"no\".\nTwice.");
}

TEST(Messages, TellTheirKindAndName) {
  const std::vector<std::pair<std::string, MessageKind>> kinds = {
      {"PlatformNegotiationRequest", MessageKind::kPlatformNegotiationRequest},
      {"PlatformNegotiationResponse", MessageKind::kPlatformNegotiationResponse},
      {"ProvisioningSessionRequest", MessageKind::kProvisioningSessionRequest},
      {"ProvisioningSessionResponse", MessageKind::kProvisioningSessionResponse},
      {"CredentialDiscoveryRequest", MessageKind::kCredentialDiscoveryRequest},
      {"CredentialDiscoveryResponse", MessageKind::kCredentialDiscoveryResponse},
      {"KeyInitializationRequest", MessageKind::kKeyInitializationRequest},
      {"KeyInitializationResponse", MessageKind::kKeyInitializationResponse},
      {"CredentialDeploymentRequest", MessageKind::kCredentialDeploymentRequest},
      {"CredentialDeploymentResponse", MessageKind::kCredentialDeploymentResponse},
      {"ClientErrorResponse", MessageKind::kClientErrorResponse},
      {"KeyOperationRequest", MessageKind::kKeyOperationRequest},
      {"KeyOperationResponse", MessageKind::kKeyOperationResponse},
      {"CredentialDeploymentRequest-basic", MessageKind::kBasicCredentialDeploymentRequest},
      {"CredentialDeploymentResponse-basic", MessageKind::kBasicCredentialDeploymentResponse}};
  for (const auto& [name, kind] : kinds) {
    const Message message = read_sample(name);
    EXPECT_EQ(kind_of(message), kind) << name;
    EXPECT_EQ(name_of(message), name.substr(0, name.find('-')));
  }
}

TEST(Messages, TellWhetherTheyCarryASignatureOfTheirOwn) {
  EXPECT_TRUE(has_signature(read(sample("PlatformNegotiationRequest")).value().document));
  EXPECT_TRUE(has_signature(read(sample("ProvisioningSessionResponse")).value().document));
  EXPECT_FALSE(has_signature(read(sample("PlatformNegotiationResponse")).value().document));
  EXPECT_FALSE(has_signature(read(sample("KeyOperationResponse")).value().document));  // its keys have
}

TEST(SksDocument, ItsFragmentsAreMessagesOnceTheyAreComplete) {
  const auto session = read_sample_as<ProvisioningSessionResponse>("sks-document-ProvisioningSessionResponse");
  EXPECT_EQ(format_time(session.client_time), "2010-03-18T11:23:29Z");
  EXPECT_EQ(session.client_ephemeral_key.curve(), crypto::Curve::kP256);
  EXPECT_EQ(session.device_certificate_path.size(), 1U);
  EXPECT_FALSE(session.server_certificate_fingerprint.has_value());
  const auto deployment = read_sample_as<CredentialDeploymentRequest>("sks-document-CredentialDeploymentRequest");
  EXPECT_EQ(deployment.issuer_uri, "https://ca.example.com/enroll");
  EXPECT_TRUE(std::holds_alternative<SymmetricKey>(deployment.keys.at(0).import));
  EXPECT_EQ(deployment.keys.at(0).extensions.size(), 2U);
  const auto discovery = read_sample_as<CredentialDiscoveryRequest>("sks-document-CredentialDiscoveryRequest");
  EXPECT_EQ(discovery.lookups.at(0).email, "john.doe@example.com");
}

TEST(ClientErrors, AreNamedAsInTheProtocol) {
  EXPECT_EQ(name_of(ClientError::kNotImplemented), "not-implemented");
  EXPECT_EQ(name_of(ClientError::kUnexpectedClientException), "unexpected-client-exception");
  EXPECT_EQ(name_of(ClientError::kNegotiationFailure), "negotiation-failure");
  EXPECT_EQ(name_of(ClientError::kKeystoreOverflow), "keystore-overflow");
  EXPECT_EQ(name_of(ClientError::kUnsupportedFeatureRequested), "unsupported-feature-requested");
  EXPECT_EQ(name_of(ClientError::kNonMatchingRequests), "non-matching-requests");
  EXPECT_EQ(name_of(ClientError::kNoSuchKey), "no-such-key");
  EXPECT_EQ(name_of(ClientError::kMissingProvisioningData), "missing-provisioning-data");
  EXPECT_EQ(name_of(ClientError::kUserAbort), "user-abort");
  EXPECT_EQ(name_of(ClientError::kGeneralError), "general-error");
}

TEST(ClientErrors, AreReadByName) {
  const std::string text = sample("ClientErrorResponse");
  for (int code = 0; code <= static_cast<int>(ClientError::kGeneralError); ++code) {
    const auto error = static_cast<ClientError>(code);
    const auto received = read(with(text, "user-abort", name_of(error)));
    EXPECT_EQ(std::get<ClientErrorResponse>(received.value().message).error, error);
  }
}

}  // namespace
}  // namespace airtight::keygen2::testing
