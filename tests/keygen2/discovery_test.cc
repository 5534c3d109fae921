// Credential discovery: what its messages say, and the signatures of what they ask for.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "tests/keygen2/samples.h"
#include "tests/xml/signing.h"

namespace airtight::keygen2::testing {
namespace {

using tests::must;
using xml::tests::ec_signer;
using xml::tests::rsa_signer;

TEST(CredentialDiscoveryRequest, SaysWhatItsTextSays) {
  const auto message = read_sample_as<CredentialDiscoveryRequest>("CredentialDiscoveryRequest");
  EXPECT_EQ(message.id, "S-20100318112329");
  EXPECT_EQ(message.client_session_id, "C-0123456789abcdef0123456789abcd");
  EXPECT_EQ(message.server_time, "2010-03-18T11:23:29Z");
  EXPECT_EQ(message.submit_url, "https://issuer.example.com/discover");
  const Bytes nonce = must(base64_decode("2NYv9xA+AQzbra/hL2mMOqsb9meBHNPdROMtKiUeqas="));
  EXPECT_EQ(message.lookups, (std::vector<LookupSpecifier>{{.id = "Lookup.1",
                                                            .nonce = nonce,
                                                            .email = "john.doe@example.com",
                                                            .serial = "123456789012345678901234567890123456789",
                                                            .issued_before = Instant{1293840000000},
                                                            .issued_after = Instant{1230768000000}},
                                                           {.id = "Lookup.2", .nonce = nonce}}));
  EXPECT_TRUE(message.server_cookie.has_value());
}

TEST(CredentialDiscoveryResponse, SaysWhatItsTextSays) {
  const auto message = read_sample_as<CredentialDiscoveryResponse>("CredentialDiscoveryResponse");
  EXPECT_EQ(message.id, "C-0123456789abcdef0123456789abcd");
  EXPECT_EQ(message.server_session_id, "S-20100318112329");
  const Bytes locked = must(base64_decode("RGmQEnLewC3yetKBvkufo/T2f56jSqRnNzUlaWE4F6U="));
  const Bytes open = must(base64_decode("06KXCafpD4uedLRh+XnX+OVt2JPAIOgAsw6h2ZcOnKg="));
  EXPECT_EQ(message.results,
            (std::vector<LookupResult>{
                {.id = "Lookup.1",
                 .matches = {{.client_session_id = "C-1", .server_session_id = "S-1", .certificate_fingerprint = locked, .locked = true},
                             {.client_session_id = "C-1", .server_session_id = "S-1", .certificate_fingerprint = open}}},
                {.id = "Lookup.2"}}));
  EXPECT_TRUE(message.server_cookie.has_value());
}

std::optional<std::string> serial_read(std::string_view text) {
  const std::string sample_text = sample("CredentialDiscoveryRequest");
  auto received = must(read(with(sample_text, "123456789012345678901234567890123456789", text)));
  return std::get<CredentialDiscoveryRequest>(received.message).lookups.at(0).serial;
}

TEST(Serial, IsDecimalOfAnyLength) {
  EXPECT_EQ(serial_read("1000000000000000000000000"), "1000000000000000000000000");  // 25 digits, where libxml2's xs:integer stops
  EXPECT_EQ(serial_read("1461501637330902918203684832716283019655932542975"), "1461501637330902918203684832716283019655932542975");
  const std::string long_number(1000000, '9');
  EXPECT_EQ(serial_read(long_number), long_number);
}

TEST(Serial, IsReadWithoutWhatSaysNothing) {
  EXPECT_EQ(serial_read("007"), "7");
  EXPECT_EQ(serial_read("+7"), "7");
  EXPECT_EQ(serial_read(" 7\n"), "7");
  EXPECT_EQ(serial_read("-07"), "-7");
  EXPECT_EQ(serial_read("000"), "0");
  EXPECT_EQ(serial_read("-0"), "0");
}

TEST(Serial, OfACertificateIsItsMagnitudeInDecimal) {
  EXPECT_EQ(decimal_of({}), "0");
  EXPECT_EQ(decimal_of(must(hex_decode("00"))), "0");
  EXPECT_EQ(decimal_of(must(hex_decode("0a"))), "10");
  EXPECT_EQ(decimal_of(must(hex_decode("00ff"))), "255");
  EXPECT_EQ(decimal_of(must(hex_decode("0100"))), "256");
  EXPECT_EQ(decimal_of(must(hex_decode("ffffffffffffffffffffffffffffffffffffffff"))), "1461501637330902918203684832716283019655932542975");
}

// Computed with another program: printf '%s' C-…S-…https://… | sha256sum
TEST(DiscoveryNonce, IsTheHashOfSessionAndIssuer) {
  const auto nonce =
      discovery_nonce("C-0123456789abcdef0123456789abcd", "S-fedcba9876543210fedcba98765432", "https://issuer.example.com/provsess");
  EXPECT_EQ(hex_encode(nonce), "351fa9a5597d2c5ddbb5cc744be1b833f4557b8dbd6a235186ba6e12f6437297");
  EXPECT_NE(nonce, discovery_nonce("C-0123456789abcdef0123456789abcd", "S-fedcba9876543210fedcba98765432", "https://issuer.example.com/"));
}

TEST(Discovery, WritesWholeSecondsThatSelectTheSameCertificates) {
  CredentialDiscoveryRequest message{
      .id = "S", .client_session_id = "C", .server_time = "2010-03-18T11:23:29Z", .submit_url = "https://x/"};
  message.lookups.push_back(
      {.id = "L", .nonce = Bytes(32), .issued_before = Instant{1268911409001}, .issued_after = Instant{1268911409999}});
  const xml::Document document = must(write_message(Message(std::move(message))));
  const auto lookup = document.root().child(kNamespace, "LookupSpecifier").value();
  EXPECT_EQ(lookup.attribute("IssuedBefore"), "2010-03-18T11:23:30Z");
  EXPECT_EQ(lookup.attribute("IssuedAfter"), "2010-03-18T11:23:29Z");
}

// A request with two lookups, signed by `signer`, as the agent receives it.
std::string signed_request(const xml::tests::Signer& signer) {
  CredentialDiscoveryRequest message{
      .id = "S", .client_session_id = "C", .server_time = "2010-03-18T11:23:29Z", .submit_url = "https://x/"};
  message.lookups = {{.id = "Lookup.1", .nonce = Bytes(32), .email = "john.doe@example.com", .serial = "7"},
                     {.id = "Lookup.2", .nonce = Bytes(32)}};
  xml::Document document = must(write_message(Message(std::move(message))));
  must(sign_lookups(document, signer.method, signer.certificate, xml::tests::signer(signer.key)));
  return to_text(document.serialize());
}

// What verify_lookups says of `text`: the fault's message, or "verified".
std::string verdict(std::string_view text) {
  const Received received = must(read(text));
  const auto verified = verify_lookups(received.document);
  if (verified) return "verified";
  EXPECT_EQ(verified.error().code_in(Protocol::kKeyGen2), static_cast<int>(ClientError::kNonMatchingRequests));
  EXPECT_FALSE(verified.error().hint.empty());
  return verified.error().message;
}

TEST(LookupSignatures, VerifyAndTellTheirCertificates) {
  for (const xml::tests::Signer* signer : {&rsa_signer(), &ec_signer()}) {
    const Received received = must(read(signed_request(*signer)));
    EXPECT_EQ(must(verify_lookups(received.document)), (std::vector{signer->certificate, signer->certificate}));
  }
}

TEST(LookupSignatures, StandBesideThatOfTheMessage) {
  xml::Document document = must(xml::Document::parse(bytes_of(signed_request(ec_signer()))));
  must(xml::sign_enveloped(document.root(), rsa_signer().method, {.certificate = rsa_signer().certificate},
                           xml::tests::signer(rsa_signer().key)));
  const Received received = must(read_message(document.serialize(), schema()));
  EXPECT_EQ(must(verify_lookups(received.document)).size(), 2U);
  EXPECT_EQ(must(xml::verify_with_certificate(received.document.root())), rsa_signer().certificate);
}

TEST(LookupSignatures, CoverEveryAttribute) {
  const std::string text = signed_request(rsa_signer());
  EXPECT_EQ(verdict(text), "verified");
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"john.doe@", "jane.doe@"},
                                 {"Serial=\"7\"", "Serial=\"8\""},
                                 {"Serial=\"7\"", ""},
                                 {"Nonce=\"AAAA", "Nonce=\"BAAA"},
                                 {" Serial=", " IssuedAfter=\"2010-03-18T11:23:29Z\" Serial="}}) {
    EXPECT_NE(verdict(with(text, from, to)), "verified") << to;
  }
}

TEST(LookupSignatures, AreEachOfTheirOwnElement) {
  const std::string text = signed_request(rsa_signer());
  EXPECT_NE(verdict(with(text, "ID=\"Lookup.2\"", "ID=\"Lookup.3\"")), "verified");
  EXPECT_NE(verdict(with(text, "URI=\"#Lookup.2\"", "URI=\"#Lookup.1\"")), "verified");
  EXPECT_NE(verdict(with(text, "URI=\"#Lookup.1\"", "URI=\"#S\"")), "verified");
}

TEST(LookupSignatures, NeedExactlyOneCertificate) {
  const std::string text = signed_request(rsa_signer());
  const std::string certificate = "<ds:X509Certificate>" + base64_encode(rsa_signer().certificate.der()) + "</ds:X509Certificate>";
  EXPECT_NE(verdict(with(text, certificate, certificate + certificate)).find("exactly one X509Certificate"), std::string::npos);
  EXPECT_NE(verdict(with(text, "<ds:X509Data>" + certificate + "</ds:X509Data>", "<ds:KeyName>ca</ds:KeyName>")), "verified");
  EXPECT_NE(
      verdict(with(text, certificate, "<ds:X509Certificate>" + base64_encode(ec_signer().certificate.der()) + "</ds:X509Certificate>")),
      "verified");
}

TEST(LookupSignatures, AreByRsaOrEcdsaWithSha256) {
  const std::string text = signed_request(rsa_signer());
  for (const std::string_view method : {uri::kRsaSha1, uri::kHmacSha256, uri::kEcdsaSha256})
    EXPECT_NE(verdict(with(text, uri::kRsaSha256, method)), "verified") << method;
  EXPECT_NE(verdict(with(text, "http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1")), "verified");
}

TEST(LookupSignatures, AreRefusedIfOneOfThemIsMissing) {
  CredentialDiscoveryRequest message{
      .id = "S", .client_session_id = "C", .server_time = "2010-03-18T11:23:29Z", .submit_url = "https://x/"};
  message.lookups = {{.id = "Lookup.1", .nonce = Bytes(32)}};
  const xml::Document document = must(write_message(Message(std::move(message))));
  EXPECT_FALSE(read_message(document.serialize(), schema()));  // the schema wants it
  EXPECT_FALSE(verify_lookups(document));
}

TEST(LookupSignatures, AreOfDiscoveryRequestsAlone) {
  xml::Document other = must(write_message(read_sample("CredentialDiscoveryResponse")));
  EXPECT_FALSE(verify_lookups(other));
  EXPECT_FALSE(sign_lookups(other, rsa_signer().method, rsa_signer().certificate, xml::tests::signer(rsa_signer().key)));
}

TEST(LookupSignatures, AreNotMadeWhenTheKeyRefuses) {
  CredentialDiscoveryRequest message{
      .id = "S", .client_session_id = "C", .server_time = "2010-03-18T11:23:29Z", .submit_url = "https://x/"};
  message.lookups = {{.id = "Lookup.1", .nonce = Bytes(32)}};
  xml::Document document = must(write_message(Message(std::move(message))));
  EXPECT_FALSE(sign_lookups(document, uri::kRsaSha256, rsa_signer().certificate,
                            [](ByteView) -> Result<Bytes> { return fail(Fault::kUnavailable, "the key is away"); }));
  EXPECT_EQ(text_of(document.serialize()).find("Signature"), std::string_view::npos);
}

}  // namespace
}  // namespace airtight::keygen2::testing
