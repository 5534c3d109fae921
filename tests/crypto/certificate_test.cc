#include "crypto/certificate.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "base/encoding.h"
#include "crypto/der.h"
#include "tests/support/certificates.h"

namespace airtight::crypto {
namespace {

using tests::certify;
using tests::Entity;
using tests::kEnd;
using tests::kStart;
using tests::must;
using tests::new_leaf;
using tests::new_root;

// A certificate by hand, each part of which a test can spoil; the signature is by `key` over what is there then.
struct HandMade {
  PrivateKey key = tests::new_p256_key();
  Bytes version = must(hex_decode("a003020102"));
  Bytes serial = must(hex_decode("020101"));
  Bytes algorithm = must(hex_decode("300a06082a8648ce3d040302"));  // ecdsa-with-SHA256
  Bytes outer_algorithm = algorithm;
  Bytes issuer = must(name_from_text("CN=Maker"));
  Bytes validity = must(hex_decode("301e170d3236303130313030303030305a170d3336303130313030303030305a"));
  Bytes subject = issuer;
  Bytes spki = key.public_key().spki();
  Bytes unique_id = {};
  std::vector<Bytes> extensions = {};  // each a whole Extension
  Bytes trailer = {};                  // behind the signature

  [[nodiscard]] Bytes der() const {
    der::Writer tbs;
    tbs.sequence([&](der::Writer& out) {
      for (const Bytes* part : {&version, &serial, &algorithm, &issuer, &validity, &subject, &spki, &unique_id}) out.raw(*part);
      if (extensions.empty()) return;
      out.nested(der::context_constructed(3), [&](der::Writer& wrapper) {
        wrapper.sequence([&](der::Writer& list) {
          for (const Bytes& extension : extensions) list.raw(extension);
        });
      });
    });
    der::Writer certificate;
    certificate.sequence([&](der::Writer& out) {
      out.raw(tbs.bytes());
      out.raw(outer_algorithm);
      out.bit_string(must(key.sign(SignatureScheme::kEcdsaDer, Digest::kSha256, tbs.bytes())));
      out.raw(trailer);
    });
    return certificate.take();
  }
  [[nodiscard]] Result<Certificate> parse() const { return Certificate::parse(der()); }
};

Bytes extension(std::string_view id, std::string_view value_hex, std::string_view critical_hex = "") {
  der::Writer out;
  out.sequence([&](der::Writer& fields) {
    fields.object_id(id);
    fields.raw(must(hex_decode(critical_hex)));
    fields.octet_string(must(hex_decode(value_hex)));
  });
  return out.take();
}

Bytes validity_of(std::string_view from_hex, std::string_view to_hex) {
  der::Writer out;
  out.sequence([&](der::Writer& validity) {
    validity.raw(must(hex_decode(from_hex)));
    validity.raw(must(hex_decode(to_hex)));
  });
  return out.take();
}

constexpr std::string_view k2026 = "170d3236303130313030303030305a";  // UTCTime 260101000000Z
constexpr std::string_view k2036 = "170d3336303130313030303030305a";

void expect_refused(const HandMade& made, std::string_view why) {
  const auto parsed = made.parse();
  ASSERT_FALSE(parsed.has_value()) << why;
  EXPECT_EQ(parsed.error().fault, Fault::kBadInput);
  EXPECT_NE(parsed.error().message.find(why), std::string::npos) << parsed.error().message;
}

TEST(Certificate, KeepsItsExactBytes) {
  const Bytes der = HandMade{}.der();
  EXPECT_EQ(must(Certificate::parse(der)).der(), der);
}

TEST(Certificate, ShowsTheFieldsOfWhatWasSigned) {
  const Entity root = new_root("CN=Root,O=Example,C=SE");
  const Entity leaf = new_leaf("CN=Jane Doe,emailAddress=jane@example.com,O=Example Bank", root, [](CertificateContent& content) {
    content.serial = must(hex_decode("00ff01"));
    content.key_usage = 0x8000;
    content.emails = {"jane@example.com", "j.doe@example.com"};
  });
  const Certificate& certificate = leaf.certificate;
  EXPECT_EQ(certificate.subject(), "CN=Jane Doe,emailAddress=jane@example.com,O=Example Bank");
  EXPECT_EQ(certificate.issuer(), "CN=Root,O=Example,C=SE");
  EXPECT_EQ(certificate.common_name(), "Jane Doe");
  EXPECT_EQ(certificate.organization_name(), "Example Bank");
  EXPECT_EQ(hex_encode(certificate.serial()), "ff01");
  EXPECT_EQ(certificate.not_before(), kStart);
  EXPECT_EQ(certificate.not_after(), kEnd);
  EXPECT_FALSE(certificate.is_ca());
  EXPECT_EQ(certificate.key_usage(), 0x8000);
  EXPECT_EQ(certificate.emails(), (std::vector<std::string>{"jane@example.com", "j.doe@example.com"}));
  EXPECT_TRUE(equal(certificate.spki(), leaf.key.public_key().spki()));
  EXPECT_EQ(must(certificate.public_key()), leaf.key.public_key());
  EXPECT_TRUE(equal(certificate.subject_key_id().value(), must(key_identifier(certificate.spki()))));
  EXPECT_TRUE(equal(certificate.authority_key_id().value(), root.certificate.subject_key_id().value()));
  EXPECT_EQ(certificate.critical_extensions(), (std::vector<std::string>{"2.5.29.19", "2.5.29.15"}));
}

TEST(Certificate, ShowsThatACaIsOne) {
  const Entity ca = certify(tests::new_p256_key(), "CN=CA", nullptr, [](CertificateContent& content) {
    tests::as_ca(content);
    content.path_length = 3;
  });
  EXPECT_TRUE(ca.certificate.is_ca());
  EXPECT_EQ(ca.certificate.path_length(), 3U);
}

TEST(Certificate, FingerprintsAreOfTheWholeAndOfTheKey) {
  const Entity root = new_root("CN=Root");
  EXPECT_EQ(root.certificate.sha256(), sha256(ByteView(root.certificate.der())));
  EXPECT_EQ(root.certificate.spki_sha256(), sha256(root.certificate.spki()));
  EXPECT_EQ(root.certificate.sha1_hex(), hex_encode(digest(Digest::kSha1, {root.certificate.der()})));
}

TEST(Certificate, TakesTheLastOfSeveralCommonNames) {
  const Entity root = new_root("CN=Inner,CN=Outer");
  EXPECT_EQ(root.certificate.common_name(), "Inner");
}

TEST(Certificate, HasNoCommonNameWhereTheSubjectHasNone) { EXPECT_EQ(new_root("O=Example").certificate.common_name(), ""); }

TEST(Certificate, MakesItsKeyOnceForAllThreads) {
  const Entity root = new_root("CN=Root");
  const Certificate fresh = must(Certificate::parse(root.certificate.der()));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { EXPECT_TRUE(fresh.public_key().has_value()); });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Certificate, IsReadWithAKeyThatCannotBeUsed) {
  HandMade made;
  made.spki = must(hex_decode("3010300b06092a864886f70d01010f030100"));
  const Certificate certificate = must(made.parse());
  EXPECT_EQ(certificate.public_key().error().fault, Fault::kBadInput);
  EXPECT_EQ(certificate.verify_issued_by(certificate).error().fault, Fault::kRefused);
}

TEST(CertificateForm, RefusesBytesBehindIt) {
  Bytes der = HandMade{}.der();
  der.push_back(std::byte{0});
  EXPECT_EQ(Certificate::parse(der).error().fault, Fault::kBadInput);
}

TEST(CertificateForm, RefusesEveryCutOffOne) {
  const Bytes der = HandMade{}.der();
  for (std::size_t size = 0; size < der.size(); ++size) EXPECT_FALSE(Certificate::parse(ByteView(der).first(size))) << size;
}

TEST(CertificateForm, RefusesMoreThan64KiB) {
  HandMade made;
  made.extensions = {extension("1.2.3.4", std::string(2 * 65536, '0'))};
  EXPECT_EQ(made.parse().error().fault, Fault::kBadInput);
}

TEST(CertificateForm, RefusesSomethingBehindTheSignature) {
  HandMade made;
  made.trailer = must(hex_decode("0500"));
  EXPECT_EQ(made.parse().error().fault, Fault::kBadInput);
}

TEST(CertificateForm, TakesVersion1WithoutExtensions) {
  HandMade made;
  made.version = {};
  EXPECT_FALSE(must(made.parse()).is_ca());
}

TEST(CertificateForm, RefusesVersion1WithExtensions) {
  HandMade made;
  made.version = {};
  made.extensions = {extension("1.2.3.4", "0500")};
  expect_refused(made, "without being of version 3");
}

TEST(CertificateForm, RefusesOtherVersions) {
  for (const char* version : {"a003020100", "a003020101", "a003020103", "a0020500"}) {
    HandMade made;
    made.version = must(hex_decode(version));
    EXPECT_EQ(made.parse().error().fault, Fault::kBadInput) << version;
  }
}

TEST(CertificateForm, RefusesNegativeAndLongSerialNumbers) {
  for (const char* serial : {"0201ff", "02020001", "0200", "0215010000000000000000000000000000000000000000"}) {
    HandMade made;
    made.serial = must(hex_decode(serial));
    EXPECT_EQ(made.parse().error().fault, Fault::kBadInput) << serial;
  }
}

TEST(CertificateForm, RefusesDifferentAlgorithmsInsideAndOutside) {
  HandMade made;
  made.outer_algorithm = must(hex_decode("300a06082a8648ce3d040303"));
  expect_refused(made, "one signature algorithm inside and another outside");
}

TEST(CertificateForm, RefusesAnEmptyIssuer) {
  HandMade made;
  made.issuer = must(hex_decode("3000"));
  expect_refused(made, "has no issuer");
}

TEST(CertificateForm, RefusesUniqueIdentifiers) {
  HandMade made;
  made.unique_id = must(hex_decode("81020001"));
  expect_refused(made, "unique identifier");
}

TEST(CertificateForm, RefusesTimesInOtherForms) {
  const std::vector<std::string_view> bad = {
      "170b323630313031303030305a",              // without seconds
      "17113236303130313030303030302b30313030",  // with an offset
      "180f32303236303130313030303030305a",      // GeneralizedTime before 2050
      "181132303530303130313030303030302e355a",  // with a fraction
      "170d3236313330313030303030305a",          // month 13
      "170d3236303233303030303030305a",          // 30 February
      "170d3236303130313234303030305a",          // hour 24
      "170d3236303130313030303036305a",          // second 60
      "170d3236303130312030303030305a",          // a space
      "170d32363031303130303030303078",          // no Z
      "0500",
  };
  for (std::string_view time : bad) {
    HandMade made;
    made.validity = validity_of(time, "180f32303630303130313030303030305a");
    EXPECT_EQ(made.parse().error().fault, Fault::kBadInput) << time;
  }
}

TEST(CertificateForm, ReadsBothKindsOfTime) {
  HandMade made;
  made.validity = validity_of("170d3530303130313030303030305a", "180f39393939313233313233353935395a");  // 1950, 9999
  const Certificate certificate = must(made.parse());
  EXPECT_EQ(certificate.not_before().milliseconds, -631152000000);
  EXPECT_EQ(certificate.not_after().milliseconds, 253402300799000);
}

TEST(CertificateForm, RefusesAnEndBeforeTheStart) {
  HandMade made;
  made.validity = validity_of(k2036, k2026);
  expect_refused(made, "ends before it starts");
}

TEST(CertificateForm, RefusesAnEmptyListOfExtensions) {
  HandMade made;
  made.unique_id = must(hex_decode("a3023000"));
  expect_refused(made, "an empty list of extensions");
}

TEST(CertificateForm, RefusesAnExtensionTwice) {
  HandMade made;
  made.extensions = {extension("1.2.3.4", "0500"), extension("1.2.3.4", "0500")};
  expect_refused(made, "an extension twice");
}

TEST(CertificateForm, RefusesMalformedExtensionIdentifiers) {
  for (const char* id : {"0600", "06022a80", "06032a8001", "060c2a8181818181818181818101"}) {
    HandMade made;
    der::Writer out;
    out.sequence([&](der::Writer& fields) {
      fields.raw(must(hex_decode(id)));
      fields.octet_string({});
    });
    made.extensions = {out.take()};
    EXPECT_EQ(made.parse().error().fault, Fault::kBadInput) << id;
  }
}

TEST(CertificateForm, RefusesAWrittenDefaultOfCritical) {
  HandMade made;
  made.extensions = {extension("1.2.3.4", "0500", "010100")};
  expect_refused(made, "writes a default value");
}

TEST(CertificateForm, LeavesUnknownCriticalExtensionsToPathValidators) {
  HandMade made;
  made.extensions = {extension("1.2.3.4", "0500", "0101ff")};
  EXPECT_EQ(must(made.parse()).critical_extensions(), std::vector<std::string>{"1.2.3.4"});
}

TEST(CertificateExtensions, AreRefusedWhereMalformed) {
  const std::vector<std::pair<std::string_view, std::string_view>> bad = {
      {"2.5.29.19", "3003010100"},            // cA FALSE written out
      {"2.5.29.19", "3003020101"},            // a path length without cA
      {"2.5.29.19", "30060101ff0201ff"},      // a negative path length
      {"2.5.29.19", "30080101ff0201000500"},  // something more
      {"2.5.29.19", "30000500"},              // something behind
      {"2.5.29.19", "0500"},
      {"2.5.29.15", "030100"},        // no bits
      {"2.5.29.15", "03020700"},      // no bit set
      {"2.5.29.15", "03020080"},      // zero bits at the end
      {"2.5.29.15", "0304000080ff"},  // more bits than there are
      {"2.5.29.15", "0402"},          // cut off
      {"2.5.29.14", "0500"},
      {"2.5.29.35", "30028001"},        // cut off
      {"2.5.29.35", "30028300"},        // an unknown field
      {"2.5.29.17", "3000"},            // no names
      {"2.5.29.17", "300581036aff6a"},  // not ASCII
      {"2.5.29.17", "30028100"},        // an empty mail address
      {"2.5.29.17", "30050c036a406a"},  // no GeneralName
      {"2.5.29.17", "30038a0161"},      // a tenth kind of it
  };
  for (const auto& [id, value] : bad) {
    HandMade made;
    made.extensions = {extension(id, value)};
    const auto parsed = made.parse();
    ASSERT_FALSE(parsed.has_value()) << id << " " << value;
    EXPECT_EQ(parsed.error().fault, Fault::kBadInput);
  }
}

TEST(CertificateExtensions, ReadKeyUsageUpToItsNinthBit) {
  HandMade made;
  made.extensions = {extension("2.5.29.15", "0303070880")};  // keyAgreement, decipherOnly
  EXPECT_EQ(must(made.parse()).key_usage(), 0x0880);
}

TEST(CertificateExtensions, AreAbsentWhereTheyAreNotThere) {
  const Certificate certificate = must(HandMade{}.parse());
  EXPECT_FALSE(certificate.key_usage());
  EXPECT_FALSE(certificate.path_length());
  EXPECT_FALSE(certificate.subject_key_id());
  EXPECT_FALSE(certificate.authority_key_id());
  EXPECT_TRUE(certificate.emails().empty());
}

TEST(IssuedBy, HoldsForTheIssuer) {
  const Entity root = new_root("CN=Root");
  EXPECT_TRUE(new_leaf("CN=Leaf", root).certificate.verify_issued_by(root.certificate));
  EXPECT_TRUE(root.certificate.verify_issued_by(root.certificate));
}

TEST(IssuedBy, LooksAtNamesAndSignatureAlone) {
  const Entity expired =
      new_leaf("CN=No CA", new_root("CN=Root"), [](CertificateContent& content) { content.not_after = content.not_before; });
  EXPECT_TRUE(new_leaf("CN=Leaf", expired).certificate.verify_issued_by(expired.certificate));
}

TEST(IssuedBy, RefusesAnotherName) {
  const Entity root = new_root("CN=Root");
  const Entity other = certify(root.key, "CN=Other", nullptr, tests::as_ca);
  EXPECT_EQ(new_leaf("CN=Leaf", root).certificate.verify_issued_by(other.certificate).error().fault, Fault::kRefused);
}

TEST(IssuedBy, RefusesAnotherKeyOfTheSameName) {
  const Entity root = new_root("CN=Root");
  EXPECT_EQ(new_leaf("CN=Leaf", root).certificate.verify_issued_by(new_root("CN=Root").certificate).error().fault, Fault::kRefused);
}

TEST(IssuedBy, RefusesSha1AndSaysSo) {
  HandMade made;
  made.algorithm = made.outer_algorithm = must(hex_decode("300906072a8648ce3d0401"));
  const Certificate certificate = must(made.parse());
  const auto verified = certificate.verify_issued_by(certificate);
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().fault, Fault::kRefused);
  EXPECT_NE(verified.error().message.find("SHA-1"), std::string::npos);
}

// Made with: openssl genpkey -algorithm ed25519; openssl req -x509; openssl x509 -req.
TEST(IssuedBy, TakesWhatOpenSslCanVerifyWhereItIsAskedLess) {
  const auto read = [](const std::string& name) {
    std::ifstream file(AIRTIGHT_SOURCE_DIR "/tests/vectors/crypto/" + name);
    return must(certificates_from_pem(std::string(std::istreambuf_iterator<char>(file), {}))).front();
  };
  const Certificate authority = read("ed25519_ca.pem");
  const Certificate leaf = read("ed25519_leaf.pem");
  EXPECT_FALSE(leaf.verify_issued_by(authority));
  EXPECT_TRUE(leaf.is_issued_by(authority));
  EXPECT_FALSE(leaf.is_issued_by(new_root("CN=Ed25519 CA").certificate));
  EXPECT_FALSE(authority.is_issued_by(leaf)) << "another name";
  Bytes changed = leaf.der();
  changed.back() ^= std::byte{1};
  EXPECT_FALSE(must(Certificate::parse(changed)).is_issued_by(authority));
  const Entity root = new_root("CN=Root");
  EXPECT_TRUE(new_leaf("CN=Leaf", root).certificate.is_issued_by(root.certificate));
}

TEST(IssuedBy, RefusesAnAlgorithmThatIsNotOfTheKey) {
  HandMade made;
  made.algorithm = made.outer_algorithm = must(hex_decode("300d06092a864886f70d01010b0500"));  // sha256WithRSAEncryption
  const Certificate certificate = must(made.parse());
  EXPECT_EQ(certificate.verify_issued_by(certificate).error().fault, Fault::kRefused);
}

TEST(IssuedBy, RefusesUnknownAndMalformedAlgorithms) {
  for (const char* algorithm :
       {"300406022a03", "300c06082a8648ce3d0403020500", "300b06092a864886f70d01010a", "300d06092a864886f70d01010a3000"}) {
    HandMade made;
    made.algorithm = made.outer_algorithm = must(hex_decode(algorithm));
    const Certificate certificate = must(made.parse());
    EXPECT_EQ(certificate.verify_issued_by(certificate).error().fault, Fault::kRefused) << algorithm;
  }
}

// There is no outside: whichever byte changes, the certificate is no longer one, or no longer the issuer's.
void expect_every_byte_to_count(const Entity& leaf, const Certificate& issuer) {
  const Bytes& der = leaf.certificate.der();
  for (std::size_t at = 0; at < der.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes changed = der;
      changed[at] ^= static_cast<std::byte>(1U << bit);
      const auto parsed = Certificate::parse(changed);
      if (!parsed) continue;
      EXPECT_FALSE(parsed->verify_issued_by(issuer)) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(CertificateMutation, OfAnyBitOfAnEcdsaCertificateIsNoticed) {
  const Entity root = new_root("CN=Root");
  expect_every_byte_to_count(new_leaf("CN=Leaf,O=Example", root,
                                      [](CertificateContent& content) {
                                        content.key_usage = 0xC000;
                                        content.emails = {"leaf@example.com"};
                                      }),
                             root.certificate);
}

TEST(CertificateMutation, OfAnyBitOfAnRsaCertificateIsNoticed) {
  const Entity root = certify(must(PrivateKey::generate(RsaSpec{2048})), "CN=Root", nullptr, tests::as_ca);
  expect_every_byte_to_count(new_leaf("CN=Leaf", root), root.certificate);
}

}  // namespace
}  // namespace airtight::crypto
