// Keys, certificates and other base64 in element text: what a schema cannot judge.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "tests/keygen2/samples.h"
#include "tests/support/must.h"

namespace airtight::keygen2::testing {
namespace {

std::string between(const std::string& text, std::string_view first, std::string_view last) {
  const std::size_t begin = text.find(first) + first.size();
  return text.substr(begin, text.find(last, begin) - begin);
}

std::string point_of(const std::string& text) { return between(text, "<ds11:PublicKey>", "</ds11:PublicKey>"); }

std::string with_point(const std::string& text, ByteView point) { return with(text, point_of(text), base64_encode(point)); }

std::string modulus_of(const std::string& text) { return between(text, "<ds:Modulus>", "</ds:Modulus>"); }

TEST(EcKeyValue, IsAPointOnItsCurve) {
  const std::string text = sample("ProvisioningSessionRequest");
  const Bytes point = tests::must(base64_decode(point_of(text)));
  ASSERT_EQ(point.size(), 65U);
  expect_accepted(with_point(text, point));
  for (const std::size_t at : {0U, 1U, 32U, 33U, 64U}) {
    Bytes spoiled = point;
    spoiled[at] ^= std::byte{1};
    SCOPED_TRACE(at);
    expect_refused(with_point(text, spoiled));
  }
}

TEST(EcKeyValue, IsUncompressedAndComplete) {
  const std::string text = sample("ProvisioningSessionRequest");
  const Bytes point = tests::must(base64_decode(point_of(text)));
  Bytes compressed = to_bytes(ByteView(point).first(33));
  compressed[0] = (point.back() & std::byte{1}) == std::byte{1} ? std::byte{3} : std::byte{2};
  expect_refused(with_point(text, compressed));
  expect_refused(with_point(text, ByteView(point).first(64)));
  expect_refused(with_point(text, concat({point, Bytes(1)})));
  expect_refused(with_point(text, Bytes(1)));  // infinity
  expect_refused(with_point(text, Bytes{}));
}

TEST(EcKeyValue, OfAnUnknownCurveIsAnUnsupportedFeature) {
  expect_refused(with(sample("ProvisioningSessionRequest"), "urn:oid:1.2.840.10045.3.1.7", "urn:oid:1.3.132.0.10"),
                 ClientError::kUnsupportedFeatureRequested);
  expect_refused(with(sample("ProvisioningSessionRequest"), "urn:oid:1.2.840.10045.3.1.7", "P-256"),
                 ClientError::kUnsupportedFeatureRequested);
}

TEST(EcKeyValue, OfAnotherCurveThanItsPointIsRefused) {
  expect_refused(with(sample("ProvisioningSessionRequest"), "urn:oid:1.2.840.10045.3.1.7", "urn:oid:1.3.132.0.34"));
}

TEST(EcKeyValue, MayBeWrapped) {
  const std::string text = sample("ProvisioningSessionRequest");
  std::string wrapped = point_of(text);
  for (std::size_t at = 20; at < wrapped.size(); at += 24) wrapped.insert(at, "\r\n\t  ");
  const auto received = read(with(text, point_of(text), "\n" + wrapped + "\n"));
  ASSERT_TRUE(received.has_value()) << received.error().message;
  EXPECT_EQ(std::get<ProvisioningSessionRequest>(received->message).server_ephemeral_key,
            read_sample_as<ProvisioningSessionRequest>("ProvisioningSessionRequest").server_ephemeral_key);
}

TEST(EcKeyValue, IsReadAroundAComment) {
  const std::string text = sample("ProvisioningSessionRequest");
  const std::string point = point_of(text);
  expect_accepted(with(text, point, point.substr(0, 8) + "<!-- A -->" + point.substr(8)));
}

TEST(RsaKeyValue, IsTheSameKeyWithOrWithoutALeadingZero) {
  const std::string text = sample("KeyInitializationResponse");
  const auto key = std::get<KeyInitializationResponse>(read(text).value().message).keys[0].public_key;
  const Bytes modulus = tests::must(base64_decode(modulus_of(text)));
  ASSERT_EQ(modulus.size(), 256U);
  std::string padded = with(text, modulus_of(text), base64_encode(concat({Bytes(1), modulus})));
  padded = with(padded, "<ds:Exponent>AQAB", "<ds:Exponent>AAEAAQ==");
  const auto received = read(padded);
  ASSERT_TRUE(received.has_value()) << received.error().message;
  EXPECT_EQ(std::get<KeyInitializationResponse>(received->message).keys[0].public_key, key);
  EXPECT_EQ(std::get<KeyInitializationResponse>(received->message).keys[0].public_key.spki(), key.spki());
}

TEST(RsaKeyValue, HasNoSecondLeadingZero) {
  const std::string text = sample("KeyInitializationResponse");
  const Bytes modulus = tests::must(base64_decode(modulus_of(text)));
  expect_refused(with(text, modulus_of(text), base64_encode(concat({Bytes(2), modulus}))));
}

TEST(RsaKeyValue, HasAModulusAndAnExponent) {
  const std::string text = sample("KeyInitializationResponse");
  expect_refused(with(text, modulus_of(text), ""));
  expect_refused(with(text, modulus_of(text), "AA=="));
  expect_refused(with(text, "<ds:Exponent>AQAB", "<ds:Exponent>"));
  expect_refused(with(text, "<ds:Exponent>AQAB", "<ds:Exponent>AA=="));
  expect_refused(with(text, "<ds:Exponent>AQAB</ds:Exponent>", ""));
}

TEST(X509Data, HoldsCertificates) {
  for (const char* name : {"ProvisioningSessionResponse", "CredentialDeploymentRequest", "CredentialDeploymentRequest-basic"}) {
    SCOPED_TRACE(name);
    const std::string text = sample(name);
    const std::string certificate = between(text, "<ds:X509Certificate>", "</ds:X509Certificate>");
    const Bytes der = tests::must(base64_decode(certificate));
    expect_refused(with(text, certificate, "AAAA"));
    expect_refused(with(text, certificate, ""));
    expect_refused(with(text, certificate, base64_encode(ByteView(der).first(der.size() - 1))));
    expect_refused(with(text, certificate, base64_encode(concat({der, Bytes(1)}))));
    expect_refused(with(text, certificate, certificate.substr(0, 64) + "*" + certificate.substr(64)));
    expect_accepted(with(text, certificate, "\n  " + certificate.substr(0, 64) + "\n  " + certificate.substr(64) + "\n"));
  }
}

TEST(X509Data, MayNameIssuersBesideCertificates) {
  const std::string serial =
      "<ds:X509IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName><ds:X509SerialNumber>1234567890123456789012345678901234567890"
      "</ds:X509SerialNumber></ds:X509IssuerSerial>";
  const std::string text = sample("ProvisioningSessionResponse");
  expect_accepted(with(text, "<ds:X509Data>", "<ds:X509Data>" + serial));
  expect_accepted(with(text, "</ds:X509Data>", serial + "</ds:X509Data>"));
  expect_refused(with(text, "<ds:X509Data>", "<ds:X509Data>" + with(serial, "1234", "x234")));
}

// Base64 in element text, of messages and elements whether this version uses them or not.
TEST(BinaryContent, IsStrictBase64Everywhere) {
  const std::vector<std::pair<std::string, std::string>> places = {{"PlatformNegotiationRequest", "IssuerLogotype"},
                                                                   {"KeyInitializationResponse", "PrivateKey"},
                                                                   {"CredentialDeploymentRequest-everything", "SymmetricKey"},
                                                                   {"CredentialDeploymentRequest-everything", "PrivateKey"},
                                                                   {"CredentialDeploymentRequest-everything", "Logotype"},
                                                                   {"CredentialDeploymentRequest-everything", "Extension"},
                                                                   {"CredentialDeploymentRequest-everything", "EncryptedExtension"}};
  for (const auto& [name, element] : places) {
    const std::string text = sample(name);
    const std::size_t begin = text.find('>', text.find("<" + element)) + 1;
    const std::size_t size = text.find("</" + element, begin) - begin;
    for (const std::string_view good : {"", "AA==", "A A\n = =", "<!-- -->AAAA"}) {
      SCOPED_TRACE(name + " " + element + " " + std::string(good));
      expect_accepted(std::string(text).replace(begin, size, good));
    }
    for (const std::string_view bad : {"A", "AA", "AA=", "AB==", "AAB=", "A*AA", "AAAA-", "AA==AA==", "=", "&#xA0;AAAA", "<x/>"}) {
      SCOPED_TRACE(name + " " + element + " " + std::string(bad));
      expect_refused(std::string(text).replace(begin, size, bad));
    }
  }
}

}  // namespace
}  // namespace airtight::keygen2::testing
