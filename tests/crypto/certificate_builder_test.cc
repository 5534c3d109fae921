#include "crypto/certificate_builder.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "tests/support/certificates.h"

namespace airtight::crypto {
namespace {

using tests::certify;
using tests::Change;
using tests::Entity;
using tests::must;
using tests::new_leaf;
using tests::new_root;

CertificateContent good_content(const PrivateKey& key) {
  CertificateContent content;
  content.serial = Bytes{std::byte{1}};
  content.subject_der = content.issuer_der = must(name_from_text("CN=A"));
  content.not_before = tests::kStart;
  content.not_after = tests::kEnd;
  content.spki = key.public_key().spki();
  return content;
}

void expect_bad(const Change& change, std::string_view why) {
  const PrivateKey key = tests::new_p256_key();
  CertificateContent content = good_content(key);
  change(content);
  const auto signed_one = sign_certificate(content, key);
  ASSERT_FALSE(signed_one.has_value()) << why;
  EXPECT_EQ(signed_one.error().fault, Fault::kBadInput);
  EXPECT_NE(signed_one.error().message.find(why), std::string::npos) << signed_one.error().message;
}

bool holds(const Certificate& certificate, std::string_view hex) { return hex_encode(certificate.der()).find(hex) != std::string::npos; }

TEST(SignCertificate, SignsWithTheSchemeOfTheIssuersKey) {
  const Entity rsa = certify(must(PrivateKey::generate(RsaSpec{2048})), "CN=Root", nullptr, tests::as_ca);
  EXPECT_TRUE(holds(rsa.certificate, "300d06092a864886f70d01010b0500"));  // sha256WithRSAEncryption
  const Entity leaf = new_leaf("CN=Leaf", rsa);
  EXPECT_TRUE(leaf.certificate.verify_issued_by(rsa.certificate));
  const Entity ecc = certify(must(PrivateKey::generate(EcSpec{Curve::kP384})), "CN=Root", nullptr, tests::as_ca);
  EXPECT_TRUE(holds(ecc.certificate, "300a06082a8648ce3d040303"));  // ecdsa-with-SHA384: as strong as the curve
  EXPECT_TRUE(ecc.certificate.verify_issued_by(ecc.certificate));
}

TEST(SignCertificate, WritesTimesUpTo2049AsUtcTime) {
  const Entity root = certify(tests::new_p256_key(), "CN=A", nullptr, [](CertificateContent& content) {
    content.not_before = must(parse_time("1999-12-31T23:59:59Z"));
    content.not_after = must(parse_time("2049-12-31T23:59:59Z"));
  });
  EXPECT_TRUE(holds(root.certificate, "170d3939313233313233353935395a170d3439313233313233353935395a"));
}

TEST(SignCertificate, WritesTimesFrom2050OnAsGeneralizedTime) {
  const Entity root = certify(tests::new_p256_key(), "CN=A", nullptr,
                              [](CertificateContent& content) { content.not_after = must(parse_time("2050-01-01T00:00:00Z")); });
  EXPECT_TRUE(holds(root.certificate, "180f32303530303130313030303030305a"));
  EXPECT_EQ(format_time(root.certificate.not_after()), "2050-01-01T00:00:00Z");
}

TEST(SignCertificate, WritesEachExtensionAsItsDocumentHas) {
  const Entity root = new_root("CN=Root");
  const Certificate certificate = new_leaf("CN=Leaf", root, [](CertificateContent& content) {
                                    content.key_usage = 0x8000;
                                    content.extended_key_usage = {"1.3.6.1.5.5.7.3.2"};
                                    content.policies = {"1.2.3.4"};
                                    content.dns_names = {"a.example"};
                                    content.ip_addresses = {"127.0.0.1", "::1"};
                                    content.emails = {"a@example.com"};
                                    content.crl_urls = {"http://c"};
                                    content.ocsp_urls = {"http://o"};
                                    content.issuer_urls = {"http://i"};
                                  }).certificate;
  EXPECT_TRUE(holds(certificate, "300c0603551d130101ff04023000"));      // basicConstraints, critical, empty
  EXPECT_TRUE(holds(certificate, "300e0603551d0f0101ff040403020780"));  // keyUsage, critical
  EXPECT_TRUE(holds(certificate, "30130603551d25040c300a06082b06010505070302"));
  EXPECT_TRUE(holds(certificate, "30100603551d2004093007300506032a0304"));
  EXPECT_TRUE(holds(certificate,
                    "810d6140657861"
                    "6d706c652e636f6d"
                    "8209612e6578616d706c65"
                    "87047f000001"
                    "871000000000000000000000000000000001"));
  EXPECT_TRUE(holds(certificate, "30190603551d1f04123010300ea00ca00a8608687474703a2f2f63"));
  EXPECT_TRUE(holds(certificate, "06082b060105050730018608687474703a2f2f6f"));
  EXPECT_TRUE(holds(certificate, "06082b060105050730028608687474703a2f2f69"));
}

TEST(SignCertificate, IdentifiesKeysBySha1OfTheirBits) {
  const Entity root = new_root("CN=Root");
  const Bytes point = must(root.certificate.public_key()).ec_point().value();
  EXPECT_TRUE(equal(root.certificate.subject_key_id().value(), digest(Digest::kSha1, {point})));
}

TEST(SignCertificate, MakesAlternativeNamesCriticalWhereTheyAreAll) {
  const Entity root = new_root("CN=Root");
  const Entity leaf = new_leaf("", root, [](CertificateContent& content) { content.emails = {"a@example.com"}; });
  EXPECT_EQ(leaf.certificate.subject(), "");
  EXPECT_EQ(leaf.certificate.critical_extensions(), (std::vector<std::string>{"2.5.29.19", "2.5.29.17"}));
}

TEST(SignCertificate, WritesKeyUsageWithoutZeroBitsAtTheEnd) {
  const Entity leaf = new_leaf("CN=A", new_root("CN=Root"), [](CertificateContent& content) { content.key_usage = 0x0880; });
  EXPECT_TRUE(holds(leaf.certificate, "0303070880"));
  EXPECT_EQ(leaf.certificate.key_usage(), 0x0880);
}

TEST(SignCertificate, TakesSerialNumbersOfTwentyOctets) {
  const Entity leaf =
      new_leaf("CN=A", new_root("CN=Root"), [](CertificateContent& content) { content.serial = Bytes(20, std::byte{0x7F}); });
  EXPECT_EQ(leaf.certificate.serial(), Bytes(20, std::byte{0x7F}));
}

TEST(SignCertificate, RefusesContentThatNoCertificateMayHave) {
  using C = CertificateContent;
  expect_bad([](C& c) { c.serial = {}; }, "serial number");
  expect_bad([](C& c) { c.serial = Bytes(4); }, "serial number");
  expect_bad([](C& c) { c.serial = Bytes(21, std::byte{1}); }, "serial number");
  expect_bad([](C& c) { c.serial = Bytes(20, std::byte{0x80}); }, "serial number");
  expect_bad([](C& c) { c.not_after = Instant{c.not_before.milliseconds - 1000}; }, "end before it starts");
  expect_bad([](C& c) { c.not_after = Instant{253402300800000}; }, "out of range");
  expect_bad([](C& c) { c.not_before = Instant{-631152001000}; }, "out of range");
  expect_bad([](C& c) { c.path_length = 0; }, "path length");
  expect_bad([](C& c) { c.key_usage = 0x0400; }, "signing certificates");
  expect_bad([](C& c) { c.issuer_der = Bytes{std::byte{0x30}, std::byte{0}}; }, "no issuer");
  expect_bad([](C& c) { c.issuer_der = {}; }, "");
  expect_bad([](C& c) { c.subject_der = Bytes{std::byte{0x30}, std::byte{0}}; }, "no subject");
  expect_bad([](C& c) { c.spki = {}; }, "");
  expect_bad([](C& c) { c.extended_key_usage = {"clientAuth"}; }, "object identifier");
  expect_bad([](C& c) { c.policies = {"1"}; }, "object identifier");
  expect_bad([](C& c) { c.dns_names = {"a b"}; }, "DNS name");
  expect_bad([](C& c) { c.dns_names = {"a..b"}; }, "DNS name");
  expect_bad([](C& c) { c.dns_names = {"a\nb"}; }, "DNS name");
  expect_bad([](C& c) { c.ip_addresses = {"127.0.0"}; }, "IP address");
  expect_bad([](C& c) { c.emails = {"nobody"}; }, "mail address");
  expect_bad([](C& c) { c.emails = {"a@b@c"}; }, "mail address");
  expect_bad([](C& c) { c.emails = {"j\xC3\xBC@example.com"}; }, "mail address");
  expect_bad([](C& c) { c.crl_urls = {"http://a b"}; }, "URL");
}

TEST(KeyIdentifier, RefusesWhatIsNoKey) {
  EXPECT_FALSE(key_identifier({}));
  EXPECT_FALSE(key_identifier(must(hex_decode("30050300"))));
}

}  // namespace
}  // namespace airtight::crypto
