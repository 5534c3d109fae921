// What linters of certificates look for (RFC 5280; CA/Browser Forum, Baseline Requirements), on a certificate of every profile and kind of
// key and on the authority's own. Debian has no such linter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "base/encoding.h"
#include "ca/publisher.h"
#include "crypto/der.h"
#include "tests/ca/issuing.h"

namespace airtight::ca {
namespace {

using crypto::der::Reader;
using crypto::der::Tag;
using tests::must;

struct Extension {
  bool critical;
  Bytes value;
};

// The fields that linters look at, read here once more.
struct Fields {
  Bytes serial;  // content of the INTEGER, with its sign
  std::string inner_algorithm;
  std::string outer_algorithm;
  std::map<std::string, Extension> extensions;
  std::size_t extension_count = 0;
};

Fields read(const crypto::Certificate& certificate) {
  Reader outer(certificate.der());
  Reader whole = must(outer.enter(Tag::kSequence));
  Reader tbs = must(whole.enter(Tag::kSequence));
  Fields out;
  out.outer_algorithm = hex_encode(must(whole.element(Tag::kSequence)).whole);
  must(tbs.enter(crypto::der::context_constructed(0)));
  out.serial = to_bytes(must(tbs.integer()));
  out.inner_algorithm = hex_encode(must(tbs.element(Tag::kSequence)).whole);
  for (int field = 0; field < 4; ++field) must(tbs.element(Tag::kSequence));  // issuer, validity, subject, key
  Reader wrapper = must(tbs.enter(crypto::der::context_constructed(3)));
  Reader list = must(wrapper.enter(Tag::kSequence));
  while (!list.at_end()) {
    Reader extension = must(list.enter(Tag::kSequence));
    const std::string id = must(extension.object_id());
    const bool critical = extension.peek_tag() == Tag::kBoolean && must(extension.boolean());
    out.extensions[id] = {critical, to_bytes(must(extension.octet_string()))};
    ++out.extension_count;
  }
  return out;
}

// What the certificate does wrong; empty: nothing.
std::vector<std::string> lint(const crypto::Certificate& certificate, const crypto::Certificate& issuer) {
  std::vector<std::string> findings;
  const auto expect = [&](bool good, const char* rule) {
    if (!good) findings.emplace_back(rule);
  };
  const Fields fields = read(certificate);
  const auto has = [&](const char* id) { return fields.extensions.contains(id); };
  const auto critical = [&](const char* id) { return has(id) && fields.extensions.at(id).critical; };
  const bool self_signed = equal(certificate.subject_der(), certificate.issuer_der());
  expect(fields.serial.size() >= 8 && fields.serial.size() <= 20, "4.1.2.2: 64 bits of randomness at least, 20 octets at most");
  expect((fields.serial[0] & std::byte{0x80}) == std::byte{0}, "4.1.2.2: a serial number is positive");
  expect(fields.inner_algorithm == fields.outer_algorithm, "4.1.1.2: one signature algorithm");
  expect(fields.extensions.size() == fields.extension_count, "4.2: no extension twice");
  expect(has("2.5.29.14") && !critical("2.5.29.14"), "4.2.1.2: subjectKeyIdentifier, not critical");
  expect(has("2.5.29.35") && !critical("2.5.29.35"), "4.2.1.1: authorityKeyIdentifier, not critical");
  expect(certificate.authority_key_id() && equal(*certificate.authority_key_id(), *issuer.subject_key_id()), "4.2.1.1: of the issuer");
  expect(critical("2.5.29.15"), "4.2.1.3: keyUsage, critical");
  expect(!critical("2.5.29.37"), "4.2.1.12: extKeyUsage, not critical beside keyUsage");
  expect(!critical("2.5.29.31") && !critical("1.3.6.1.5.5.7.1.1"), "4.2.1.13, 4.2.2.1: where CRL and issuer are, not critical");
  expect(certificate.is_ca() == ((certificate.key_usage().value_or(0) & 0x0400) != 0), "4.2.1.9: keyCertSign for CAs alone");
  expect(!certificate.is_ca() || critical("2.5.29.19"), "4.2.1.9: basicConstraints of a CA, critical");
  expect(certificate.is_ca() || !certificate.path_length(), "4.2.1.9: pathLenConstraint for CAs alone");
  expect(certificate.not_before() >= issuer.not_before() && certificate.not_after() <= issuer.not_after(), "within the issuer's time");
  expect(!certificate.subject().empty() || critical("2.5.29.17"), "4.2.1.6: alternative names alone are critical");
  expect(self_signed || certificate.verify_issued_by(issuer).has_value(), "signed by its issuer");
  if (!self_signed && !fields.extensions.contains("1.3.6.1.5.5.7.48.1.5")) {
    expect(has("2.5.29.31") && has("1.3.6.1.5.5.7.1.1"), "cRLDistributionPoints and authorityInfoAccess");
  }
  for (const auto& [id, extension] : fields.extensions) {
    SCOPED_TRACE(id);
    expect(crypto::der::read_one(extension.value, {}).has_value(), "4.2: extension values in DER");
    expect(text_of(extension.value).find("https:") == std::string::npos, "8: no https where clients look for status");
  }
  return findings;
}

// An authority that publishes at an http address.
struct Linted {
  explicit Linted(KeyKind kind) {
    world.options.publication_url = "http://pki.example.com";
    world.options.key = kind;
    must(world.create());
    authority.emplace(must(world.open({.publication_url = "http://pki.example.com"})));
  }
  TestAuthority world;
  std::optional<Authority> authority;
};

TEST(Lint, FindsNothingInACertificateOfAnyProfile) {
  const crypto::PrivateKey ec = tests::new_p256_key();
  const crypto::PrivateKey rsa = must(crypto::PrivateKey::generate(crypto::RsaSpec{2048}));
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kP384}) {
    Linted linted(kind);
    for (const std::string_view name : purpose_names()) {
      CertificateProfile profile = signing_profile();
      profile.purpose = purpose_named(name).value();
      profile.key_usage = profile.purpose == Purpose::kGeneral ? 0x8000 : 0;
      Subject subject = jane();
      subject.upns = {"jane@ad.example"};
      subject.dns_names = {"www.example.com"};
      for (const crypto::PrivateKey* key : {&ec, &rsa}) {
        const crypto::Certificate certificate = must(issue(linted.world, *linted.authority, profile, subject, *key));
        EXPECT_THAT(lint(certificate, linted.authority->issuing()), testing::IsEmpty()) << name;
      }
    }
  }
}

TEST(Lint, FindsNothingInTheAuthoritysOwn) {
  Linted linted(KeyKind::kP256);
  const Publisher publisher(*linted.authority);
  must(publisher.refresh(*linted.world.database));
  EXPECT_THAT(lint(linted.authority->root(), linted.authority->root()), testing::IsEmpty());
  EXPECT_THAT(lint(linted.authority->issuing(), linted.authority->root()), testing::IsEmpty());
  std::size_t responders = 0;
  for (const IssuedCertificate& entry : must(list(*linted.world.database, 100))) {
    if (entry.profile != "ocsp" || entry.issuer_key != "issuing") continue;
    ++responders;
    EXPECT_THAT(lint(must(crypto::Certificate::parse(entry.der)), linted.authority->issuing()), testing::IsEmpty());
  }
  EXPECT_EQ(responders, 1U);
}

TEST(Lint, FindsWhatIsWrong) {
  const tests::Entity root = tests::new_root("CN=Root");
  const auto findings = lint(tests::new_leaf("CN=Leaf", root).certificate, root.certificate);
  EXPECT_THAT(findings, testing::Contains("4.1.2.2: 64 bits of randomness at least, 20 octets at most"));
  EXPECT_THAT(findings, testing::Contains("4.2.1.3: keyUsage, critical"));
  EXPECT_THAT(findings, testing::Contains("cRLDistributionPoints and authorityInfoAccess"));
}

}  // namespace
}  // namespace airtight::ca
