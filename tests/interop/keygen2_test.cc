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
  const TargetKey target{
      .client_session_id = "C-0", .server_session_id = "S-0", .certificate_fingerprint = Bytes(32), .mac = Bytes(32, std::byte{7})};
  CertifiedPublicKey first{.id = "Key.1", .mac = Bytes(32), .certificate_path = {ec_signer().certificate, rsa_signer().certificate}};
  first.import = SymmetricKey{
      .encrypted_value = Bytes(48), .endorsed_algorithms = {std::string(uri::kHmacSha1), std::string(uri::kHmacSha256)}, .mac = Bytes(32)};
  first.extensions.emplace_back(PropertyBag{
      .type = "urn:example:bag",
      .properties = {{.name = "Counter", .value = "0", .writable = true}, {.name = "<&\">", .value = "\t\n"}, {.writable = false}},
      .mac = Bytes(32)});
  first.extensions.emplace_back(Logotype{.type = "urn:example:logotype", .mime_type = "image/png", .image = Bytes(70), .mac = Bytes(32)});
  first.extensions.emplace_back(Extension{.type = "urn:example:a", .data = Bytes(9), .mac = Bytes(32)});
  first.extensions.emplace_back(Extension{.type = "urn:example:b", .data = Bytes(48), .encrypted = true, .mac = Bytes(32)});
  first.update = target;
  message.keys.push_back(std::move(first));
  message.keys.push_back({.id = "Key.2", .mac = Bytes(32), .certificate_path = {rsa_signer().certificate}});
  message.keys.back().import = RestoredPrivateKey{.encrypted_value = Bytes(1232), .mac = Bytes(32)};
  message.delete_keys = {target, target};
  return message;
}

Message credential_discovery_request() {
  CredentialDiscoveryRequest message{.id = "S-1",
                                     .client_session_id = "C-1",
                                     .server_time = kServerTime,
                                     .submit_url = "https://issuer.example.com/discovery",
                                     .server_cookie = cookie()};
  message.lookups.push_back({.id = "Lookup.1",
                             .nonce = Bytes(32),
                             .email = "john.doe@example.com",
                             .serial = "1461501637330902918203684832716283019655932542975",
                             .issued_before = Instant{1300000000000},
                             .issued_after = Instant{1200000000000}});
  message.lookups.push_back({.id = "Lookup.2", .nonce = Bytes(32)});
  return message;
}

Message credential_discovery_response() {
  CredentialDiscoveryResponse message{.id = "C-1", .server_session_id = "S-1", .server_cookie = cookie()};
  const MatchingCredential match{
      .client_session_id = "C-0", .server_session_id = "S-0", .certificate_fingerprint = Bytes(32), .locked = true};
  message.results.push_back({.id = "Lookup.1", .matches = {match, match}});
  message.results.push_back({.id = "Lookup.2"});
  return message;
}

Message key_operation_request() {
  return KeyOperationRequest{
      .request_id = "I-1",
      .submit_url = "https://issuer.example.com/basic",
      .keys = {{.id = "Key.1", .key_usage = KeyUsage::kAuthentication, .algorithm = RsaKeyAlgorithm{.key_size = 2048, .exponent = 3}},
               {.id = "Key.2", .key_usage = KeyUsage::kSignature, .algorithm = EcKeyAlgorithm{std::string(uri::kP256)}}}};
}

Message key_operation_response() {
  KeyOperationResponse message{.request_id = "I-1"};
  message.keys.push_back({.id = "Key.1", .public_key = rsa_signer().key.public_key()});
  message.keys.push_back({.id = "Key.2", .public_key = ec_signer().key.public_key()});
  return message;
}

Message basic_credential_deployment_request() {
  BasicCredentialDeploymentRequest message{.id = "I-1", .server_time = kServerTime, .submit_url = "https://issuer.example.com/basic"};
  message.keys.push_back({.id = "Key.1", .certificate_path = {ec_signer().certificate, rsa_signer().certificate}});
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

  // xmlsec1 on the one signature that `xpath` finds.
  Finished verify_one(const std::filesystem::path& document, const std::vector<std::string>& options, const std::string& xpath,
                      const std::vector<std::string>& id_attributes) {
    std::vector<std::string> command = {"xmlsec1", "--verify", "--enabled-reference-uris", "same-doc"};
    command.insert(command.end(), options.begin(), options.end());
    for (const std::string& id : id_attributes) command.insert(command.end(), {id.substr(0, id.find(' ')), id.substr(id.find(' ') + 1)});
    command.insert(command.end(), {"--node-xpath", xpath, document});
    return run(command);
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

TEST_F(WrittenMessages, CredentialDiscoveryResponseIsValid) { expect_valid(must(write_message(credential_discovery_response()))); }
TEST_F(WrittenMessages, KeyOperationRequestIsValid) { expect_valid(must(write_message(key_operation_request()))); }
TEST_F(WrittenMessages, BasicCredentialDeploymentRequestIsValid) { expect_valid_and_signable(basic_credential_deployment_request()); }
TEST_F(WrittenMessages, BasicCredentialDeploymentResponseIsValid) {
  expect_valid(must(write_message(BasicCredentialDeploymentResponse{.server_session_id = "I-1"})));
}

const std::string kLookupId = "--id-attr:ID " + std::string(kNamespace) + ":LookupSpecifier";
const std::string kGeneratedKeyId = "--id-attr:ID " + std::string(kNamespace) + ":GeneratedPublicKey";
const std::string kKeyInfoId = "--id-attr:Id " + std::string(xml::kSignatureNamespace) + ":KeyInfo";

// The signature in the element with this ID.
std::string signature_of(const std::string& id) { return "//*[@ID='" + id + "']/*[local-name()='Signature']"; }

TEST_F(WrittenMessages, CredentialDiscoveryRequestIsValidUnderTheSignaturesOfItsLookups) {
  for (const xml::tests::Signer* signer : {&rsa_signer(), &ec_signer()}) {
    xml::Document document = must(write_message(credential_discovery_request()));
    EXPECT_NE(xmllint(save(document)).status, 0);  // their signatures are due
    must(sign_lookups(document, signer->method, signer->certificate, xml::tests::signer(signer->key)));
    expect_valid(document);
    must(xml::sign_enveloped(document.root(), signer->method, {.certificate = signer->certificate}, xml::tests::signer(signer->key)));
    expect_valid(document);
    const std::filesystem::path certificate = folder_ / "certificate.pem";
    std::ofstream(certificate) << crypto::to_pem(signer->certificate);
    for (const char* id : {"Lookup.1", "Lookup.2"}) {
      const Finished finished =
          verify_one(save(document), {"--enabled-key-data", "x509", "--trusted-pem", certificate}, signature_of(id), {kLookupId});
      EXPECT_EQ(finished.status, 0) << finished.output;
    }
    document.root().child(kNamespace, "LookupSpecifier")->set_attribute("Email", "jane.doe@example.com");
    EXPECT_NE(
        verify_one(save(document), {"--enabled-key-data", "x509", "--trusted-pem", certificate}, signature_of("Lookup.1"), {kLookupId})
            .status,
        0);
  }
}

TEST_F(WrittenMessages, KeyOperationResponseIsValidUnderTheSignaturesOfItsKeys) {
  xml::Document document = must(write_message(key_operation_response()));
  EXPECT_NE(xmllint(save(document)).status, 0);  // their signatures are due
  must(sign_generated_key(document, "Key.1", uri::kRsaSha256, xml::tests::signer(rsa_signer().key)));
  must(sign_generated_key(document, "Key.2", uri::kEcdsaSha256, xml::tests::signer(ec_signer().key)));
  expect_valid(document);
  // xmlsec1 1.2 does not read ECKeyValue; it is told the key of an EC signature.
  const std::filesystem::path ec_key = folder_ / "key.der";
  std::ofstream(ec_key, std::ios::binary) << text_of(ec_signer().key.public_key().spki());
  const Finished rsa = verify_one(save(document), {}, signature_of("Key.1"), {kGeneratedKeyId, kKeyInfoId});
  EXPECT_EQ(rsa.status, 0) << rsa.output;
  const Finished ec = verify_one(save(document), {"--pubkey-der", ec_key}, signature_of("Key.2"), {kGeneratedKeyId, kKeyInfoId});
  EXPECT_EQ(ec.status, 0) << ec.output;
  document.root().child(kNamespace, "GeneratedPublicKey")->set_attribute("RequestID", "I-2");
  EXPECT_NE(verify_one(save(document), {}, signature_of("Key.1"), {kGeneratedKeyId, kKeyInfoId}).status, 0);
}

// The presentation's own message: rsa-sha1, a SHA-1 digest, one Reference; and the same with the second Reference that it recommends.
TEST_F(WrittenMessages, RsaSha1OfXmlsec1IsAcceptedInTheBasicProfile) {
  const auto reference = [](std::string_view uri, bool enveloped) {
    return "<ds:Reference URI=\"" + std::string(uri) + "\"><ds:Transforms>" +
           (enveloped ? "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>" : "") +
           "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>"
           "<ds:DigestMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha1\"/><ds:DigestValue/></ds:Reference>";
  };
  const xml::Schema schema = must(compile_schema());
  const std::filesystem::path key_file = folder_ / "key.pem";
  const SecretBytes pem = must(crypto::to_pem(rsa_signer().key));
  std::ofstream(key_file) << text_of(pem.expose_secret());
  for (const std::string& second : {std::string(), reference("#Key.1.KeyInfo", false)}) {
    std::ofstream(folder_ / "template.xml")
        << "<KeyOperationResponse xmlns=\"" << kNamespace << "\" RequestID=\"I.535100037738\">\n"
        << "<GeneratedPublicKey ID=\"Key.1\" RequestID=\"I.535100037738\">\n  <ds:Signature xmlns:ds=\"" << xml::kSignatureNamespace
        << "\"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>"
        << "<ds:SignatureMethod Algorithm=\"" << uri::kRsaSha1 << "\"/>" << reference("#Key.1", true) << second
        << "</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo Id=\"Key.1.KeyInfo\"><ds:KeyValue/></ds:KeyInfo></ds:Signature>\n"
        << "</GeneratedPublicKey></KeyOperationResponse>";
    const Finished finished = run(
        {"xmlsec1", "--sign", "--privkey-pem", key_file, "--id-attr:ID", std::string(kNamespace) + ":GeneratedPublicKey", "--id-attr:Id",
         std::string(xml::kSignatureNamespace) + ":KeyInfo", "--output", folder_ / "signed.xml", folder_ / "template.xml"});
    ASSERT_EQ(finished.status, 0) << finished.output;
    EXPECT_EQ(xmllint(folder_ / "signed.xml").status, 0);
    std::ifstream file(folder_ / "signed.xml");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const Received received = must(read_message(bytes_of(text), schema));
    EXPECT_EQ(std::get<KeyOperationResponse>(received.message).keys.at(0).public_key, rsa_signer().key.public_key());
    const auto verified = verify_generated_keys(received.document);
    EXPECT_TRUE(verified) << verified.error().message;
    const xml::Element key = received.document.root().children().front();
    EXPECT_FALSE(xml::verify_with_key_value(key, xml::Sha1::kRefuse));
    const Received changed = must(read_message(bytes_of(xml::tests::replaced(text, "I.535100037738", "I.535100037739")), schema));
    EXPECT_FALSE(verify_generated_keys(changed.document));
  }
}

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
  EXPECT_EQ(count, 22U);
}

}  // namespace
}  // namespace airtight::keygen2
