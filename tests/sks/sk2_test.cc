// The session algorithm sk2 (sks.md section 12, docs/decisions/0013): its vectors, and sessions under it from beginning to end.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "base/encoding.h"
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
MacInput flag(bool value) { return MacInput::byte(static_cast<std::uint8_t>(value ? 1 : 0)); }

// What an issuer puts under the MAC of each request; the policies by their IDs.
std::vector<MacInput> inputs(const CreatePukPolicy& request) {
  return {MacInput::text(request.id.value), ByteView(request.puk_value), MacInput::byte(request.format),
          MacInput::byte(request.retry_limit)};
}
std::vector<MacInput> inputs(const CreatePinPolicy& request, std::string_view puk_id) {
  return {MacInput::text(request.id.value),    MacInput::text(puk_id),
          flag(request.user_defined),          flag(request.user_modifiable),
          MacInput::byte(request.format),      MacInput::byte(request.retry_limit),
          MacInput::byte(request.grouping),    MacInput::byte(request.pattern_restrictions),
          MacInput::byte(request.min_length),  MacInput::byte(request.max_length),
          MacInput::byte(request.input_method)};
}
std::vector<MacInput> inputs(const CreateKeyPair& request, std::string_view pin_id, ByteView pin_value, const Bytes& size,
                             const Bytes& exponent) {
  std::vector<MacInput> out = {MacInput::text(request.attestation_algorithm),
                               ByteView(request.issuer_seed),
                               MacInput::text(request.id.value),
                               MacInput::text(pin_id),
                               pin_value,
                               MacInput::byte(request.biometric_protection),
                               flag(request.private_key_backup),
                               MacInput::byte(request.export_policy),
                               flag(request.updatable),
                               MacInput::byte(request.delete_policy),
                               flag(request.enable_pin_caching),
                               flag(request.import_private_key),
                               MacInput::byte(request.key_usage),
                               ByteView(request.friendly_name),
                               MacInput::byte(static_cast<std::uint8_t>(request.key_algorithm.index()))};
  if (const auto* ecc = std::get_if<EccKeySpec>(&request.key_algorithm)) {
    out.push_back(MacInput::text(ecc->named_curve));
  } else {
    out.emplace_back(ByteView(size));
    out.emplace_back(ByteView(exponent));
  }
  return out;
}

class Sk2Vectors : public ::testing::Test {
 protected:
  Sk2Vectors() {
    std::ifstream file(AIRTIGHT_SOURCE_DIR "/tests/vectors/sks/sk2.txt");
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#') continue;
      const auto at = line.find(" = ");
      vectors[line.substr(0, at)] = line.substr(at + 3);
    }
    Bytes z;
    for (unsigned i = 0; i < 32; ++i) z.push_back(static_cast<std::byte>(i));
    key = derive_session_key(SecretBytes::copy_of(z), session, device_certificate, SessionAlgorithm::kSk2);
  }
  [[nodiscard]] SessionKey keys() const { return {key, SessionAlgorithm::kSk2}; }
  [[nodiscard]] std::string mac(std::string_view method, std::uint16_t counter, const std::vector<MacInput>& data) const {
    return hex_encode(method_mac(method, keys(), counter, std::span(data)));
  }

  std::map<std::string, std::string> vectors;
  Bytes device_certificate = must(hex_decode("3003020101"));
  SessionParameters session{.client_session_id = "C-0123456789abcdef0123456789abcd",
                            .server_session_id = "S-fedcba9876543210fedcba98765432",
                            .issuer_uri = "https://issuer.example.com/provsess",
                            .server_ephemeral_key = must(hex_decode("aabb")),
                            .client_ephemeral_key = must(hex_decode("ccdd")),
                            .updatable = true,
                            .client_time = Instant{1268911409000},
                            .session_life_time = 50000,
                            .session_key_limit = 25};
  SecretBytes key;
};

TEST_F(Sk2Vectors, TheFileHasEveryVector) { EXPECT_EQ(vectors.size(), 20U); }

TEST_F(Sk2Vectors, Keys) {
  EXPECT_EQ(hex_encode(key.expose_secret()), vectors.at("SessionKey"));
  EXPECT_EQ(hex_encode(encryption_key(keys()).expose_secret()), vectors.at("EncryptionKey"));
  EXPECT_EQ(hex_encode(external_signature_key(keys()).expose_secret()), vectors.at("ExternalSignatureKey"));
}

TEST_F(Sk2Vectors, Attestations) {
  EXPECT_EQ(hex_encode(session_attestation_data(keys(), session)), vectors.at("SessionHMAC"));
  EXPECT_EQ(hex_encode(close_attestation(keys(), 1)), vectors.at("AttestedResponse"));
  const AttestedKey attested{.id = "Key.1",
                             .issuer_seed = Bytes(32),
                             .public_key = must(hex_decode("3000")),
                             .updatable = true,
                             .key_usage = KeyUsage::kAuthentication,
                             .friendly_name = "Bank"};
  EXPECT_EQ(hex_encode(key_attestation(keys(), attested, NoPin{}, {})), vectors.at("KeyAttestation"));
}

TEST_F(Sk2Vectors, SignaturesAndProofs) {
  EXPECT_EQ(hex_encode(external_signature(keys(), bytes_of("abc"))), vectors.at("ExternalSignatureOfAbc"));
  EXPECT_EQ(hex_encode(post_provisioning_mac(keys(), device_certificate)), vectors.at("PostProvisioningMAC"));
}

TEST_F(Sk2Vectors, MacsOfPoliciesAndKeys) {
  CreatePukPolicy puk{1, {"PUK.1"}, must(hex_decode(vectors.at("EncryptedPUK"))), 0, 3, {}};
  EXPECT_EQ(mac("createPUKPolicy", 0, inputs(puk)), vectors.at("CreatePUKPolicyMAC"));
  CreatePinPolicy pin{1, {"PIN.1"}, 7, true, true, 0, 3, 1, 0, 4, 8, 0, {}};
  EXPECT_EQ(mac("createPINPolicy", 1, inputs(pin, "PUK.1")), vectors.at("CreatePINPolicyMAC"));
  CreateKeyPair pair;
  pair.attestation_algorithm = uri::kKeyAttestation1;
  pair.id.value = "Key.1";
  pair.updatable = true;
  pair.key_usage = 1;
  pair.friendly_name = to_bytes("Bank");
  pair.key_algorithm = EccKeySpec{std::string(uri::kP256)};
  EXPECT_EQ(mac("createKeyPair", 2, inputs(pair, "PIN.1", {}, {}, {})), vectors.at("CreateKeyPairMACofEC"));
  pair.key_algorithm = RsaKeySpec{2048, 0};
  EXPECT_EQ(mac("createKeyPair", 2, inputs(pair, "PIN.1", {}, big_endian(2048, 2), big_endian(0, 4))), vectors.at("CreateKeyPairMACofRSA"));
}

TEST_F(Sk2Vectors, MacsOfWhatIsInstalled) {
  EXPECT_EQ(mac("closeProvisioningSession", 0,
                {MacInput::text(session.client_session_id), MacInput::text(session.server_session_id), MacInput::text(session.issuer_uri)}),
            vectors.at("CloseMAC"));
  EXPECT_EQ(mac("addExtensionData", 4,
                {ByteView(device_certificate), MacInput::byte(ExtensionBaseType::kLogotype), MacInput::text("image/png"),
                 MacInput::blob(bytes_of("\x89PNG")), MacInput::text("urn:logo")}),
            vectors.at("AddExtensionDataMAC"));
  EXPECT_EQ(mac("setSymmetricKey", 5,
                {ByteView(device_certificate), MacInput::text("key"), MacInput::text(uri::kHmacSha1), MacInput::text(uri::kHmacSha256)}),
            vectors.at("SetSymmetricKeyMAC"));
}

TEST_F(Sk2Vectors, EncryptedDataOpenInTheirOwnCallAlone) {
  const Bytes puk = must(hex_decode(vectors.at("EncryptedPUK")));
  EXPECT_EQ(to_text(must(decrypt(keys(), {"createPUKPolicy", 0}, puk)).expose_secret()), "0123456789");
  EXPECT_FALSE(decrypt(keys(), {"createPUKPolicy", 1}, puk));
  EXPECT_FALSE(decrypt(keys(), {"createKeyPair", 0}, puk));
  EXPECT_FALSE(decrypt(keys(), {"createPUKPolicy", 0}, ByteView(puk).first(puk.size() - 1)));
}

class Sk2 : public ::testing::Test {
 protected:
  static SessionOptions options(std::uint16_t key_limit = 50) {
    return {.updatable = true, .key_limit = key_limit, .algorithm = SessionAlgorithm::kSk2};
  }
  static CreatePukPolicy puk(TestIssuer& issuer) {
    auto request = issuer.puk_policy();
    request.mac = issuer.mac("createPUKPolicy", inputs(request));
    return request;
  }
  static CreatePinPolicy pin(TestIssuer& issuer, Handle puk_handle = 0, std::string_view puk_id = "") {
    auto request = issuer.pin_policy("PIN.1", puk_handle);
    request.mac = issuer.mac("createPINPolicy", inputs(request, puk_id));
    return request;
  }
  static CreateKeyPair key(TestIssuer& issuer, std::string id = "Key.1", Handle policy = 0, std::string_view value = "",
                           KeyUsage usage = KeyUsage::kAuthentication) {
    auto request = issuer.key_pair(std::move(id), policy, value);
    request.key_usage = static_cast<std::uint8_t>(usage);
    request.updatable = true;
    request.mac = issuer.mac("createKeyPair", inputs(request, policy == 0 ? "" : "PIN.1", {}, {}, {}));
    return request;
  }
  Status sign(Handle handle, std::string_view given = "") {
    return status(device.call(SignHashedData{handle, std::string(uri::kEcdsaSha256), secret(given), Bytes(32)}));
  }

  TestDevice device{DeviceOptions{.store = {.sk2 = true}}};
};

TEST_F(Sk2, IsOfferedByOption) {
  const auto lists = [](TestDevice& of) {
    const auto algorithms = must(of.call(GetDeviceInfo{})).algorithms.values;
    return std::ranges::find(algorithms, uri::kSessionKey2) != algorithms.end();
  };
  EXPECT_TRUE(lists(device));
  TestDevice without;
  EXPECT_FALSE(lists(without));
  CreateProvisioningSession request;
  request.session_key_algorithm = uri::kSessionKey2;
  EXPECT_EQ(status(without.call(request)), Status::kAlgorithm);
}

TEST_F(Sk2, ProvisionsAKeyFromBeginningToEnd) {
  TestIssuer issuer(device, options());
  const Handle puk_handle = must(device.call(puk(issuer))).puk_policy_handle;
  const Handle policy = must(device.call(pin(issuer, puk_handle, "PUK.1"))).pin_policy_handle;
  const CertifiedKey made = issuer.certified(key(issuer, "Key.1", policy, "1634"));
  must(device.call(issuer.extension(made, ExtensionBaseType::kEncryptedExtension, "urn:x", bytes_of("hidden"))));
  EXPECT_EQ(must(device.call(SignProvisioningSessionData{issuer.handle(), to_bytes("abc")})).result,
            external_signature(issuer.keys(), bytes_of("abc")));
  const auto closed = must(device.call(issuer.close()));
  EXPECT_EQ(closed.attested_response, close_attestation(issuer.keys(), 6));
  EXPECT_EQ(sign(made.handle, "1634"), Status::kOk);
  EXPECT_EQ(status(device.call(UnlockKey{made.handle, secret("0123456789")})), Status::kOk);
  EXPECT_EQ(to_text(must(device.call(GetExtensionObject{made.handle, to_bytes("urn:x")})).extension_data.value.expose_secret()), "hidden");
}

TEST_F(Sk2, InstallsSymmetricAndRestoredKeys) {
  TestIssuer issuer(device, options());
  const CertifiedKey symmetric = issuer.certified(key(issuer, "Key.1", 0, "", KeyUsage::kSymmetricKey));
  must(device.call(issuer.symmetric_key(symmetric, bytes_of("Jefe"), {uri::kHmacSha1, uri::kHmacSha256})));
  auto request = issuer.key_pair("Key.2");
  request.private_key_backup = true;
  request.mac = issuer.mac("createKeyPair", inputs(request, "", {}, {}, {}));
  const auto made = must(device.call(request));
  const SecretBytes backup = must(decrypt(issuer.keys(), {"createKeyPair", 3}, made.private_key.value()));
  EXPECT_EQ(must(crypto::PrivateKey::from_pkcs8(backup.expose_secret())).public_key().spki(), made.generated_public_key);
  must(device.call(issuer.certificate_path("Key.2", made)));
  EXPECT_EQ(status(device.call(issuer.close())), Status::kOk);
}

TEST_F(Sk2, AnIssuerSetPinIsBoundToItsCall) {
  TestIssuer issuer(device, options());
  auto policy = issuer.pin_policy();
  policy.user_defined = false;
  policy.mac = issuer.mac("createPINPolicy", inputs(policy, ""));
  const Handle policy_handle = must(device.call(policy)).pin_policy_handle;
  auto request = issuer.key_pair("Key.1", policy_handle);
  request.pin_value = SecretBytes::copy_of(issuer.encrypt("1634", "createKeyPair"));
  request.mac = issuer.mac("createKeyPair", inputs(request, "PIN.1", request.pin_value.expose_secret(), {}, {}));
  EXPECT_EQ(status(device.call(request)), Status::kOk);
  auto other = issuer.key_pair("Key.2", policy_handle);
  other.pin_value = request.pin_value.clone();
  other.mac = issuer.mac("createKeyPair", inputs(other, "PIN.1", other.pin_value.expose_secret(), {}, {}));
  EXPECT_EQ(status(device.call(other)), Status::kCrypto) << "it was encrypted for another call";
}

TEST_F(Sk2, EveryArgumentOfAPukPolicyIsCovered) {
  const auto with = [&](auto change) {
    TestIssuer issuer(device, options());
    auto request = puk(issuer);
    change(request);
    return status(device.call(request));
  };
  EXPECT_EQ(with([](CreatePukPolicy&) {}), Status::kOk);
  EXPECT_EQ(with([](CreatePukPolicy& r) { r.id.value = "PUK.2"; }), Status::kMac);
  EXPECT_EQ(with([](CreatePukPolicy& r) { r.puk_value.back() ^= std::byte{1}; }), Status::kMac);
  EXPECT_EQ(with([](CreatePukPolicy& r) { r.format = 1; }), Status::kMac);
  EXPECT_EQ(with([](CreatePukPolicy& r) { r.retry_limit = 4; }), Status::kMac);
  EXPECT_EQ(with([](CreatePukPolicy& r) { r.mac->back() ^= std::byte{1}; }), Status::kMac);
}

TEST_F(Sk2, EveryArgumentOfAPinPolicyIsCovered) {
  const auto with = [&](auto change) {
    TestIssuer issuer(device, options());
    auto request = pin(issuer);
    change(request);
    return status(device.call(request));
  };
  EXPECT_EQ(with([](CreatePinPolicy&) {}), Status::kOk);
  EXPECT_EQ(with([](CreatePinPolicy& r) { r.id.value = "PIN.2"; }), Status::kMac);
  EXPECT_EQ(with([](CreatePinPolicy& r) { r.user_defined = false; }), Status::kMac);
  EXPECT_EQ(with([](CreatePinPolicy& r) { r.user_modifiable = false; }), Status::kMac);
  for (const auto member :
       {&CreatePinPolicy::format, &CreatePinPolicy::retry_limit, &CreatePinPolicy::grouping, &CreatePinPolicy::pattern_restrictions,
        &CreatePinPolicy::min_length, &CreatePinPolicy::max_length, &CreatePinPolicy::input_method}) {
    EXPECT_EQ(with([member](CreatePinPolicy& r) { r.*member = static_cast<std::uint8_t>(r.*member + 1); }), Status::kMac);
  }
}

TEST_F(Sk2, APinPolicyIsBoundToItsPukPolicy) {
  TestIssuer issuer(device, options());
  must(device.call(puk(issuer)));
  auto request = issuer.pin_policy();  // without it
  request.mac = issuer.mac("createPINPolicy", inputs(request, "PUK.1"));
  EXPECT_EQ(status(device.call(request)), Status::kMac);
}

TEST_F(Sk2, EveryArgumentOfAKeyIsCovered) {
  const auto with = [&](auto change) {
    TestIssuer issuer(device, options());
    auto request = key(issuer);
    change(request);
    return status(device.call(request));
  };
  EXPECT_EQ(with([](CreateKeyPair&) {}), Status::kOk);
  EXPECT_EQ(with([](CreateKeyPair& r) { r.attestation_algorithm += "x"; }), Status::kMac);
  EXPECT_EQ(with([](CreateKeyPair& r) { r.issuer_seed[0] ^= std::byte{1}; }), Status::kMac);
  EXPECT_EQ(with([](CreateKeyPair& r) { r.id.value = "Key.2"; }), Status::kMac);
  EXPECT_EQ(with([](CreateKeyPair& r) { r.friendly_name = to_bytes("x"); }), Status::kMac);
  EXPECT_EQ(with([](CreateKeyPair& r) { r.key_algorithm = RsaKeySpec{1024, 0}; }), Status::kMac);
  for (const auto member :
       {&CreateKeyPair::biometric_protection, &CreateKeyPair::export_policy, &CreateKeyPair::delete_policy, &CreateKeyPair::key_usage}) {
    EXPECT_EQ(with([member](CreateKeyPair& r) { r.*member = static_cast<std::uint8_t>(r.*member + 1); }), Status::kMac);
  }
  for (const auto member : {&CreateKeyPair::private_key_backup, &CreateKeyPair::updatable, &CreateKeyPair::enable_pin_caching,
                            &CreateKeyPair::import_private_key}) {
    EXPECT_EQ(with([member](CreateKeyPair& r) { r.*member = !(r.*member); }), Status::kMac);
  }
}

TEST_F(Sk2, AKeyIsBoundToItsPinPolicyButNotToAPinThatTheUserDefines) {
  TestIssuer issuer(device, options());
  const Handle policy = must(device.call(pin(issuer))).pin_policy_handle;
  auto request = key(issuer, "Key.1", policy, "");
  request.pin_value = secret("1634");
  EXPECT_EQ(status(device.call(request)), Status::kOk);
  auto unguarded = key(issuer, "Key.2", policy, "");
  unguarded.pin_policy_handle = 0;
  EXPECT_EQ(status(device.call(unguarded)), Status::kMac);
}

TEST_F(Sk2, BytesDoNotMoveBetweenNeighbouringFields) {
  TestIssuer issuer(device, options());
  const CertifiedKey made = issuer.certified(key(issuer));
  auto request = issuer.extension(made, ExtensionBaseType::kExtension, "urn:x", bytes_of("data"));
  request.extension_data.value = to_bytes("dat");
  request.extension_type = to_bytes("aurn:x");
  EXPECT_EQ(status(device.call(request)), Status::kMac);
}

TEST_F(Sk2, AMissingMacIsUnreadableAndEndsNothing) {
  TestIssuer issuer(device, options());
  EXPECT_EQ(status(device.call(issuer.puk_policy())), Status::kOption);
  EXPECT_EQ(status(device.call(issuer.pin_policy())), Status::kOption);
  EXPECT_EQ(status(device.call(issuer.key_pair())), Status::kOption);
  EXPECT_EQ(status(device.call(puk(issuer))), Status::kOk);
}

TEST_F(Sk2, AMacInASessionOfSk1IsUnreadableAndEndsNothing) {
  TestIssuer issuer(device);
  auto puk_request = puk(issuer);
  auto pin_request = pin(issuer);
  auto key_request = key(issuer);
  for (int i = 0; i < 3; ++i) issuer.step_back();
  EXPECT_EQ(status(device.call(puk_request)), Status::kOption);
  EXPECT_EQ(status(device.call(pin_request)), Status::kOption);
  EXPECT_EQ(status(device.call(key_request)), Status::kOption);
  EXPECT_EQ(status(device.call(issuer.puk_policy())), Status::kOk);
  EXPECT_EQ(must(device.call(issuer.key_pair())).key_handle, 1U) << "nothing was made";
}

TEST_F(Sk2, MacsCountAgainstTheLimit) {
  TestIssuer two(device, options(2));
  EXPECT_EQ(status(device.call(puk(two))), Status::kOk);
  TestIssuer one(device, options(1));
  EXPECT_EQ(status(device.call(puk(one))), Status::kNotAllowed);
  TestIssuer key_and_mac(device, options(2));
  EXPECT_EQ(status(device.call(key(key_and_mac))), Status::kOk);
  EXPECT_EQ(status(device.call(pin(key_and_mac))), Status::kNotAllowed);
}

TEST_F(Sk2, ATargetIsProvedByTheAlgorithmOfItsOwnSession) {
  TestIssuer first(device, options());
  const CertifiedKey one = first.certified(key(first, "Key.1"));
  const CertifiedKey two = first.certified(key(first, "Key.2"));
  must(device.call(first.close()));
  TestIssuer second(device, {.updatable = true});  // sk1
  must(device.call(second.delete_key(first, one)));
  must(device.call(second.close()));
  TestIssuer third(device, options());
  must(device.call(third.delete_key(second, two)));
  EXPECT_EQ(status(device.call(third.close())), Status::kOk);
  EXPECT_EQ(must(device.call(EnumerateKeys{})).key_handle, kNoHandle);
}

TEST_F(Sk2, DataThatDoNotOpenUnderAMacAreAWrongMac) {
  TestIssuer issuer(device, options());
  const CertifiedKey made = issuer.certified(key(issuer));
  auto request = issuer.extension(made, ExtensionBaseType::kEncryptedExtension, "urn:x", bytes_of("hidden"));
  request.extension_data.value.back() ^= std::byte{1};
  EXPECT_EQ(status(device.call(request)), Status::kMac);
}

}  // namespace
}  // namespace airtight::sks
