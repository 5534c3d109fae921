// KeyGen2 against its peers: xmllint judges by schema/keygen2.xsd what the program writes, and the xmlsec1 command verifies its signatures.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "keygen2/messages.h"
#include "tests/interop/command.h"
#include "tests/support/temporary_folder.h"
#include "tests/xml/signing.h"

namespace airtight::keygen2 {
namespace {

using airtight::tests::Finished;
using airtight::tests::must;
using airtight::tests::run;
using airtight::tests::TemporaryFolder;
using xml::tests::ec_signer;
using xml::tests::rsa_signer;

const std::filesystem::path kSource = AIRTIGHT_SOURCE_DIR;
const std::string kServerTime = "2010-03-18T11:23:29Z";

Finished xmllint(const std::filesystem::path& document) {
  return run({"xmllint", "--nonet", "--noout", "--schema", kSource / "schema/keygen2.xsd", document});
}

ServerCookie cookie() {
  xml::Document document = xml::Document::create({"", kNamespace}, "ServerCookie");
  document.root().add({"", "urn:example:issuer"}, "node").set_attribute("ID", "7");
  return document;
}

// The messages of the demonstration's session and more: everything that the program can write.
Message platform_negotiation_request() {
  return PlatformNegotiationRequest{.id = "S-1",
                                    .submit_url = "https://issuer.example.com/plan?a=1&b=2",
                                    .abort_url = "https://issuer.example.com/abort",
                                    .logotypes = {{.mime_type = "image/png", .image = Bytes(70)}},
                                    .capabilities = {.algorithms = {std::string(uri::kEcdsaSha256), std::string(uri::kRsaSha256)},
                                                     .extensions = {"urn:example:extension"},
                                                     .rsa_key_sizes = {2048, 3072},
                                                     .settable_exponent = true},
                                    .server_cookie = cookie()};
}

Message platform_negotiation_response() {
  return PlatformNegotiationResponse{
      .server_session_id = "S-1", .capabilities = {.algorithms = {std::string(uri::kEcdsaSha256)}}, .server_cookie = cookie()};
}

Message provisioning_session_request() {
  return ProvisioningSessionRequest{.id = "S-1",
                                    .server_time = kServerTime,
                                    .session_life_time = 50000,
                                    .session_key_limit = 25,
                                    .session_key_algorithm = std::string(uri::kSessionKey1),
                                    .updatable = true,
                                    .submit_url = "https://issuer.example.com/session",
                                    .server_ephemeral_key = ec_signer().key.public_key(),
                                    .server_cookie = cookie()};
}

Message provisioning_session_response() {
  return ProvisioningSessionResponse{.id = "C-0123456789abcdef0123456789abcd",
                                     .server_session_id = "S-1",
                                     .server_time = kServerTime,
                                     .client_time = Instant{1268911410000},
                                     .session_attestation = Bytes(256),
                                     .server_certificate_fingerprint = Bytes(32),
                                     .client_ephemeral_key = ec_signer().key.public_key(),
                                     .device_certificate_path = {rsa_signer().certificate, ec_signer().certificate},
                                     .server_cookie = cookie()};
}

KeyPairRequest key(std::string id, std::variant<KeyPairRequest::Rsa, KeyPairRequest::Ec> algorithm) {
  return {.id = std::move(id),
          .key_usage = KeyUsage::kAuthentication,
          .issuer_seed = Bytes(32, std::byte{1}),
          .biometric_protection = BiometricProtection::kCombined,
          .private_key_backup = true,
          .export_policy = ExportPolicy::kPin,
          .updatable = true,
          .delete_policy = DeletePolicy::kPuk,
          .enable_pin_caching = true,
          .import_private_key = true,
          .friendly_name = "K\xC3\xB6 & co",
          .algorithm = std::move(algorithm)};
}

Message key_initialization_request() {
  const KeyPairRequest::Ec ec{std::string(uri::kP256)};
  PinPolicyRequest pin{.id = "PIN.1",
                       .format = PassphraseFormat::kString,
                       .retry_limit = 3,
                       .min_length = 4,
                       .max_length = 8,
                       .user_modifiable = true,
                       .grouping = Grouping::kSignatureStandard,
                       .pattern_restrictions = kAllPatternRestrictions,
                       .input_method = InputMethod::kProgrammatic,
                       .keys = std::vector{key("Key.1", ec), key("Key.2", KeyPairRequest::Rsa{.key_size = 2048, .exponent = 3})}};
  PinPolicyRequest preset{.id = "PIN.2",
                          .retry_limit = 3,
                          .min_length = 4,
                          .max_length = 8,
                          .keys = std::vector{PresetPin{.encrypted_value = Bytes(32), .key = key("Key.3", ec)}}};
  KeyInitializationRequest message{.id = "S-1",
                                   .client_session_id = "C-0123456789abcdef0123456789abcd",
                                   .server_time = kServerTime,
                                   .submit_url = "https://issuer.example.com/keys",
                                   .key_attestation_algorithm = "urn:example:attestation",
                                   .deferred_certification = true,
                                   .server_cookie = cookie()};
  message.objects.push_back(
      PukPolicyRequest{.id = "PUK.1", .encrypted_value = Bytes(32), .retry_limit = 5, .pin_policies = {std::move(pin)}});
  message.objects.push_back(std::move(preset));
  message.objects.push_back(DevicePinRequest{key("Key.4", ec)});
  message.objects.push_back(KeyPairRequest{.id = "Key.5", .algorithm = KeyPairRequest::Rsa{.key_size = 2048}});
  return message;
}

Message key_initialization_response() {
  KeyInitializationResponse message{.id = "C-1", .server_session_id = "S-1", .server_cookie = cookie()};
  message.keys.push_back({.id = "Key.1", .key_attestation = Bytes(32), .public_key = ec_signer().key.public_key()});
  message.keys.push_back(
      {.id = "Key.2", .key_attestation = Bytes(32), .public_key = rsa_signer().key.public_key(), .private_key = Bytes(1232)});
  return message;
}

Message credential_deployment_request() {
  CredentialDeploymentRequest message{.id = "S-1",
                                      .client_session_id = "C-1",
                                      .issuer_uri = "https://issuer.example.com/session",
                                      .server_time = kServerTime,
                                      .submit_url = "https://issuer.example.com/credentials",
                                      .close_session_mac = Bytes(32),
                                      .server_cookie = cookie()};
  message.keys.push_back({.id = "Key.1", .mac = Bytes(32), .certificate_path = {ec_signer().certificate, rsa_signer().certificate}});
  message.keys.push_back({.id = "Key.2", .mac = Bytes(32), .certificate_path = {rsa_signer().certificate}});
  return message;
}

Message credential_deployment_response() {
  return CredentialDeploymentResponse{
      .id = "C-1", .server_session_id = "S-1", .close_session_attestation = Bytes(32), .server_cookie = cookie()};
}

Message client_error_response() {
  return ClientErrorResponse{.server_session_id = "S-1", .error = ClientError::kUserAbort, .argument = "line\nbreak & <angle> \x01 \xFF"};
}

class WrittenMessages : public ::testing::Test {
 protected:
  std::filesystem::path save(const xml::Document& document) {
    const std::filesystem::path path = folder_ / "message.xml";
    std::ofstream(path, std::ios::binary) << text_of(document.serialize());
    return path;
  }

  void expect_valid(const xml::Document& document) {
    const Finished finished = xmllint(save(document));
    EXPECT_EQ(finished.status, 0) << finished.output;
  }

  // As it is and, where it may be signed, signed by an RSA and by an EC key, which xmlsec1 verifies.
  void expect_valid_and_signable(const Message& message) {
    expect_valid(must(write_message(message)));
    for (const xml::tests::Signer* signer : {&rsa_signer(), &ec_signer()}) {
      xml::Document document = must(write_message(message));
      must(xml::sign_enveloped(document.root(), signer->method, {.certificate = signer->certificate}, xml::tests::signer(signer->key)));
      expect_valid(document);
      const std::filesystem::path certificate = folder_ / "certificate.pem";
      std::ofstream(certificate) << crypto::to_pem(signer->certificate);
      const Finished finished =
          run({"xmlsec1", "--verify", "--enabled-reference-uris", "same-doc", "--enabled-key-data", "x509", "--trusted-pem", certificate,
               "--id-attr:ID", std::string(kNamespace) + ":" + std::string(name_of(message)), save(document)});
      EXPECT_EQ(finished.status, 0) << finished.output;
    }
  }

  const TemporaryFolder folder_;
};

TEST_F(WrittenMessages, PlatformNegotiationRequestIsValid) { expect_valid_and_signable(platform_negotiation_request()); }
TEST_F(WrittenMessages, PlatformNegotiationResponseIsValid) { expect_valid(must(write_message(platform_negotiation_response()))); }
TEST_F(WrittenMessages, ProvisioningSessionRequestIsValid) { expect_valid_and_signable(provisioning_session_request()); }
TEST_F(WrittenMessages, KeyInitializationRequestIsValid) { expect_valid_and_signable(key_initialization_request()); }
TEST_F(WrittenMessages, KeyInitializationResponseIsValid) { expect_valid(must(write_message(key_initialization_response()))); }
TEST_F(WrittenMessages, CredentialDeploymentRequestIsValid) { expect_valid_and_signable(credential_deployment_request()); }
TEST_F(WrittenMessages, CredentialDeploymentResponseIsValid) { expect_valid(must(write_message(credential_deployment_response()))); }
TEST_F(WrittenMessages, ClientErrorResponseIsValid) { expect_valid(must(write_message(client_error_response()))); }

TEST_F(WrittenMessages, ProvisioningSessionResponseIsValidUnderItsHmac) {
  xml::Document document = must(write_message(provisioning_session_response()));
  EXPECT_NE(xmllint(save(document)).status, 0);  // its signature is due
  must(xml::sign_enveloped(document.root(), uri::kHmacSha256, {.key_name = std::string(kSessionKeyName)}, xml::tests::hmac()));
  expect_valid(document);
  const std::filesystem::path key_file = folder_ / "key";
  std::ofstream(key_file) << xml::tests::kKey;
  const Finished finished = run({"xmlsec1", "--verify", "--enabled-reference-uris", "same-doc", "--hmackey:" + std::string(kSessionKeyName),
                                 key_file, "--id-attr:ID", std::string(kNamespace) + ":ProvisioningSessionResponse", save(document)});
  EXPECT_EQ(finished.status, 0) << finished.output;
}

TEST_F(WrittenMessages, WithoutCookiesAndOptionsAreValid) {
  expect_valid(must(write_message(PlatformNegotiationRequest{.id = "S", .submit_url = "https://x/"})));
  expect_valid(must(write_message(PlatformNegotiationResponse{.server_session_id = "S"})));
  expect_valid(
      must(write_message(CredentialDeploymentResponse{.id = "C", .server_session_id = "S", .close_session_attestation = Bytes(32)})));
}

// The file and the schema in the program are one.
TEST(Schema, IsTheOneInTheProgram) {
  const xml::Schema schema = must(compile_schema());
  const TemporaryFolder folder;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kSource / "tests/vectors/keygen2")) {
    if (entry.path().extension() != ".xml") continue;
    ++count;
    EXPECT_EQ(xmllint(entry.path()).status, 0) << entry.path();
    std::ifstream file(entry.path());
    std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_TRUE(read_message(bytes_of(text), schema).has_value()) << entry.path();
    text.insert(text.find(" xmlns="), " Unknown=\"1\"");
    std::ofstream(folder / "message.xml") << text;
    EXPECT_NE(xmllint(folder / "message.xml").status, 0) << entry.path();
    EXPECT_FALSE(read_message(bytes_of(text), schema).has_value()) << entry.path();
  }
  EXPECT_EQ(count, 19U);
}

}  // namespace
}  // namespace airtight::keygen2
