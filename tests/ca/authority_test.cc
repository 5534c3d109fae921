#include "ca/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/encoding.h"
#include "ca/audit.h"
#include "tests/ca/issuing.h"

namespace airtight::ca {
namespace {

using crypto::Certificate;
using storage::Transaction;
using tests::must;

Result<Certificate> issue_tls(TestAuthority& world, const Authority& authority, const std::vector<std::string>& names,
                              const std::vector<std::string>& addresses, const crypto::PrivateKey& key = tests::new_p256_key()) {
  return in_transaction(world, [&] { return authority.issue_tls_server(*world.database, key.public_key(), names, addresses); });
}

bool holds(const Certificate& certificate, std::string_view hex) { return hex_encode(certificate.der()).find(hex) != std::string::npos; }
constexpr std::string_view kServerAuth = "06082b06010505070301";

TEST(AuthorityCreate, MakesARootAndAnIssuingCaUnderIt) {
  TestAuthority world;
  const Authority authority = world.made();
  EXPECT_EQ(authority.root().subject(), "CN=Example Bank Root CA,O=Example Bank");
  EXPECT_EQ(authority.issuing().subject(), "CN=Example Bank Issuing CA 1,O=Example Bank");
  EXPECT_TRUE(authority.root().verify_issued_by(authority.root()));
  EXPECT_TRUE(authority.issuing().verify_issued_by(authority.root()));
  for (const Certificate& ca : {authority.root(), authority.issuing()}) {
    EXPECT_TRUE(ca.is_ca());
    EXPECT_EQ(ca.key_usage(), 0x0600);
    EXPECT_EQ(ca.critical_extensions(), (std::vector<std::string>{"2.5.29.19", "2.5.29.15"}));
  }
  EXPECT_EQ(authority.root().path_length(), std::nullopt) << "a cross certificate may come between";
  EXPECT_EQ(authority.issuing().path_length(), 0U);
}

TEST(AuthorityCreate, GivesTheTlsRootAKeyOfItsOwn) {
  TestAuthority world;
  const Authority authority = world.made();
  EXPECT_TRUE(authority.tls_root().verify_issued_by(authority.tls_root()));
  EXPECT_FALSE(equal(authority.tls_root().spki(), authority.root().spki()));
  EXPECT_FALSE(equal(authority.tls_root().subject_der(), authority.root().subject_der()));
  EXPECT_TRUE(holds(authority.tls_root(), kServerAuth));
  EXPECT_FALSE(holds(authority.root(), kServerAuth));
}

TEST(AuthorityCreate, KeepsTheIssuingCaWithinTheRoot) {
  TestAuthority world;
  world.options.root_days = 10;
  world.options.issuing_days = 100;
  const Authority authority = world.made();
  EXPECT_EQ(authority.issuing().not_after(), authority.root().not_after());
}

TEST(AuthorityCreate, TakesTheKindOfKeyThatIsAskedFor) {
  for (const std::string_view name : {"p-256", "p-384", "rsa-3072"}) {  // rsa-4096 takes its time: tests/interop/ca_profiles_test.cc
    TestAuthority world;
    world.options.key = key_kind_named(name).value();
    const Authority authority = world.made();
    const crypto::PublicKey key = must(authority.issuing().public_key());
    const std::string made = key.curve() == crypto::Curve::kP256   ? "p-256"
                             : key.curve() == crypto::Curve::kP384 ? "p-384"
                                                                   : "rsa-" + std::to_string(key.bits());
    EXPECT_EQ(made, name);
    EXPECT_TRUE(authority.issuing().verify_issued_by(authority.root()));
    EXPECT_TRUE(must(issue(world, authority)).verify_issued_by(authority.issuing()));
  }
}

TEST(AuthorityCreate, RefusesASecondTime) {
  TestAuthority world;
  must(world.create());
  EXPECT_EQ(world.create().error().fault, Fault::kRefused);
}

TEST(AuthorityCreate, RefusesAnOrganizationThatIsNoName) {
  for (const std::string& organization : {std::string(), std::string(65, 'x'), std::string("\xFF"), std::string("a\nb")}) {
    TestAuthority world;
    world.options.organization = organization;
    EXPECT_EQ(world.create().error().fault, Fault::kBadInput);
    EXPECT_EQ(world.open().error().fault, Fault::kNotFound) << "nothing is half there";
  }
}

TEST(AuthorityCreate, RefusesNoValidity) {
  TestAuthority world;
  world.options.issuing_days = 0;
  EXPECT_EQ(world.create().error().fault, Fault::kBadInput);
}

TEST(AuthorityOpen, FindsWhatCreateMade) {
  TestAuthority world;
  const Authority first = world.made();
  const Authority second = must(world.open());
  EXPECT_EQ(first.root(), second.root());
  EXPECT_EQ(first.issuing(), second.issuing());
  EXPECT_EQ(first.tls_root(), second.tls_root());
}

TEST(AuthorityOpen, SaysThatThereIsNone) {
  TestAuthority world;
  EXPECT_EQ(world.open().error().fault, Fault::kNotFound);
}

TEST(AuthorityOpen, FailsUnderAnotherMasterKey) {
  TestAuthority world;
  must(world.create());
  world.master_key = sealing::MasterKey(world.random.secret(32));
  EXPECT_FALSE(world.open());
}

TEST(AuthorityOpen, FailsForAKeyInAnotherPlace) {
  TestAuthority world;
  must(world.create());
  must(world.database->execute(
      "UPDATE ca_keys SET sealed_pkcs8 = (SELECT sealed_pkcs8 FROM ca_keys WHERE name = 'root') WHERE name = 'issuing'"));
  EXPECT_FALSE(world.open());
}

TEST(AuthorityOpen, FailsForAKeyThatDoesNotFitItsCertificate) {
  TestAuthority world;
  must(world.create());
  must(world.database->execute(
      "UPDATE ca_keys SET certificate = (SELECT certificate FROM ca_keys WHERE name = 'root') WHERE name = 'issuing'"));
  EXPECT_EQ(world.open().error().fault, Fault::kInternal);
}

TEST(AuthorityIssue, MakesWhatTheProfileSays) {
  TestAuthority world;
  const Authority authority = world.made();
  const crypto::PrivateKey key = tests::new_p256_key();
  const Certificate certificate = must(issue(world, authority, signing_profile(), jane(), key));
  EXPECT_TRUE(certificate.verify_issued_by(authority.issuing()));
  EXPECT_EQ(certificate.subject(), "CN=Jane Doe,O=Example Bank");
  EXPECT_EQ(certificate.emails(), std::vector<std::string>{"jane@example.com"});
  EXPECT_EQ(must(certificate.public_key()), key.public_key());
  EXPECT_FALSE(certificate.is_ca());
  EXPECT_EQ(certificate.key_usage(), 0xC000);
  EXPECT_TRUE(equal(certificate.authority_key_id().value(), authority.issuing().subject_key_id().value()));
  EXPECT_TRUE(holds(certificate, "06082b06010505070304"));  // emailProtection
  EXPECT_TRUE(holds(certificate, "300506032a0304"));        // the policy
}

TEST(AuthorityIssue, IsValidFromFiveMinutesAgo) {
  TestAuthority world;
  const Authority authority = world.made();
  world.clock.set(tests::kStart.plus(std::chrono::days(1)));
  const Certificate certificate = must(issue(world, authority));
  EXPECT_EQ(certificate.not_before(), world.clock.now().plus(std::chrono::minutes(-5)));
  EXPECT_EQ(certificate.not_after(), certificate.not_before().plus(std::chrono::days(365)));
}

TEST(AuthorityIssue, NeverOutlivesTheIssuingCa) {
  TestAuthority world;
  const Authority authority = world.made();
  CertificateProfile profile = signing_profile();
  profile.validity_days = 100000;
  EXPECT_EQ(must(issue(world, authority, profile)).not_after(), authority.issuing().not_after());
}

TEST(AuthorityIssue, RefusesAfterTheEndOfTheIssuingCa) {
  TestAuthority world;
  const Authority authority = world.made();
  world.clock.set(authority.issuing().not_after());
  EXPECT_EQ(issue(world, authority).error().fault, Fault::kRefused);
}

TEST(AuthorityIssue, GivesEachCertificateARandomPositiveSerialNumber) {
  TestAuthority world;
  const Authority authority = world.made();
  std::set<std::string> serials;
  for (int i = 0; i < 40; ++i) {
    const Bytes serial = must(issue(world, authority)).serial();
    EXPECT_LE(serial.size(), 16U);
    EXPECT_GE(serial.size(), 12U);
    EXPECT_TRUE(serial.size() < 16 || serial[0] < std::byte{0x80});
    serials.insert(hex_encode(serial));
  }
  EXPECT_EQ(serials.size(), 40U);
}

TEST(AuthorityIssue, RefusesAVerdictThatDenies) {
  TestAuthority world;
  const Authority authority = world.made();
  const std::int64_t before = must(count(*world.database));
  const auto refused = issue(world, authority, signing_profile(), jane(), tests::new_p256_key(), provenance::Verdict{});
  EXPECT_EQ(refused.error().fault, Fault::kRefused);
  EXPECT_EQ(must(count(*world.database)), before);
}

TEST(AuthorityIssue, RefusesProfilesThatWouldMakeACaOrNothing) {
  TestAuthority world;
  const Authority authority = world.made();
  for (const std::uint16_t usage : std::initializer_list<std::uint16_t>{0x0400, 0x0200, 0x8600}) {
    CertificateProfile profile = signing_profile();
    profile.key_usage = usage;
    EXPECT_EQ(issue(world, authority, profile).error().fault, Fault::kBadInput);
  }
  CertificateProfile profile = signing_profile();
  profile.validity_days = 0;
  EXPECT_EQ(issue(world, authority, profile).error().fault, Fault::kBadInput);
}

TEST(AuthorityIssue, RefusesWeakKeys) {
  TestAuthority world;
  const Authority authority = world.made();
  const auto weak = must(crypto::PrivateKey::generate(crypto::RsaSpec{1024}));
  EXPECT_EQ(issue(world, authority, signing_profile(), jane(), weak).error().fault, Fault::kRefused);
}

TEST(AuthorityIssue, RefusesSubjectsThatCannotBeWritten) {
  TestAuthority world;
  const Authority authority = world.made();
  EXPECT_EQ(issue(world, authority, signing_profile(), Subject{}).error().fault, Fault::kBadInput);
  Subject subject = jane();
  subject.emails = {"nobody"};
  EXPECT_EQ(issue(world, authority, signing_profile(), subject).error().fault, Fault::kBadInput);
}

TEST(AuthorityIssue, RecordsCertificateAndVerdictInTheCallersTransaction) {
  TestAuthority world;
  const Authority authority = world.made();
  const Certificate certificate = must(issue(world, authority));
  const IssuedCertificate entry = must(find(*world.database, certificate.serial())).value();
  EXPECT_EQ(entry.der, certificate.der());
  EXPECT_EQ(entry.subject, certificate.subject());
  EXPECT_EQ(entry.profile, "signing");
  EXPECT_EQ(entry.status, CertificateStatus::kValid);
  EXPECT_EQ(entry.not_before, certificate.not_before());
  EXPECT_EQ(entry.not_after, certificate.not_after());
  EXPECT_EQ(entry.issued_at, world.clock.now());
  const AuditEntry event = must(list_audit_log(*world.database, 100)).back();
  EXPECT_EQ(event.event, "certificate.issued");
  EXPECT_THAT(event.detail, testing::HasSubstr("serial: " + hex_encode(certificate.serial())));
  EXPECT_THAT(event.detail, testing::HasSubstr(allowing().to_text()));
}

TEST(AuthorityIssue, LeavesNothingWhenTheTransactionIsRolledBack) {
  TestAuthority world;
  const Authority authority = world.made();
  const std::int64_t before = must(count(*world.database));
  {
    const Transaction transaction = must(Transaction::begin(*world.database, storage::Access::kWrite));
    must(authority.issue(*world.database, signing_profile(), jane(), tests::new_p256_key().public_key(), allowing()));
    EXPECT_EQ(must(count(*world.database)), before + 1);
  }
  EXPECT_EQ(must(count(*world.database)), before);
  EXPECT_TRUE(verify_audit_log(*world.database));
}

TEST(AuthorityIssue, SaysWhereCrlOcspAndIssuerAreFound) {
  TestAuthority world;
  world.options.publication_url = "http://pki.example.com";
  must(world.create());
  const Authority authority = must(world.open({.publication_url = "http://pki.example.com"}));
  const Certificate certificate = must(issue(world, authority));
  for (const char* url :
       {"http://pki.example.com/crl/issuing.crl", "http://pki.example.com/ocsp", "http://pki.example.com/ca/issuing.cer"}) {
    EXPECT_TRUE(holds(certificate, hex_encode(bytes_of(url)))) << url;
  }
  EXPECT_TRUE(holds(authority.issuing(), hex_encode(bytes_of("http://pki.example.com/crl/root.crl"))));
}

TEST(AuthorityIssue, PointsNowhereWithoutAUrl) {
  TestAuthority world;
  const Authority authority = world.made();
  EXPECT_FALSE(holds(must(issue(world, authority)), hex_encode(bytes_of("/crl/"))));
}

TEST(AuthorityIssue, FillsTheProfilesTemplates) {
  TestAuthority world;
  const Authority authority = world.made();
  CertificateProfile profile = signing_profile();
  profile.subject = must(NameTemplate::parse("CN={subject.cn},serialNumber={device_id},UID={serial},O=Example Bank"));
  profile.alternative_names = {{AlternativeName::Kind::kEmail, must(Template::parse("{email}"))}};
  Facts facts;
  must(facts.add_subject(must(crypto::name_from_text("CN=Jane\\, Doe,C=SE"))));
  must(facts.add("device_id", "ABCD"));
  must(facts.add("email", "jane.doe@example.com"));
  const Certificate certificate = must(issue(world, authority, profile, Subject{}, tests::new_p256_key(), allowing(), facts));
  EXPECT_EQ(certificate.subject(), "CN=Jane\\, Doe,serialNumber=ABCD,UID=" + hex_encode(certificate.serial()) + ",O=Example Bank");
  EXPECT_EQ(certificate.emails(), std::vector<std::string>{"jane.doe@example.com"});
}

TEST(AuthorityIssue, RefusesWhereATemplateWantsWhatTheEnrolmentLacks) {
  TestAuthority world;
  const Authority authority = world.made();
  CertificateProfile profile = signing_profile();
  profile.subject = must(NameTemplate::parse("CN={upn}"));
  const auto refused = issue(world, authority, profile);
  EXPECT_EQ(refused.error().fault, Fault::kRefused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("upn"));
}

TEST(AuthorityPath, LeadsFromACertificateToTheCaBelowTheRoot) {
  TestAuthority world;
  const Authority authority = world.made();
  const Certificate certificate = must(issue(world, authority));
  EXPECT_EQ(must(authority.path_of(certificate)), (std::vector<Certificate>{certificate, authority.issuing()}));
  const Certificate server = must(issue_tls(world, authority, {"a.example"}, {}));
  EXPECT_EQ(must(authority.path_of(server)), std::vector<Certificate>{server});
}

TEST(AuthorityPath, OfAForeignCertificateIsNotFound) {
  TestAuthority world;
  const Authority authority = world.made();
  const tests::Entity root = tests::new_root("CN=Other");
  EXPECT_EQ(authority.path_of(tests::new_leaf("CN=Leaf", root).certificate).error().fault, Fault::kNotFound);
}

TEST(AuthorityTls, CertifiesServersUnderTheTlsRoot) {
  TestAuthority world;
  const Authority authority = world.made();
  const Certificate certificate = must(issue_tls(world, authority, {"issuer.example.com"}, {"127.0.0.1"}));
  EXPECT_TRUE(certificate.verify_issued_by(authority.tls_root()));
  EXPECT_FALSE(certificate.verify_issued_by(authority.issuing()));
  EXPECT_EQ(certificate.common_name(), "issuer.example.com");
  EXPECT_EQ(certificate.key_usage(), 0x8000);
  EXPECT_TRUE(holds(certificate, kServerAuth));
  EXPECT_TRUE(holds(certificate, "87047f000001"));
  EXPECT_EQ(certificate.not_after(), certificate.not_before().plus(std::chrono::days(397)));
  EXPECT_EQ(must(find(*world.database, certificate.serial())).value().profile, "tls-server");
}

TEST(AuthorityTls, LetsRsaServersEncipherKeys) {
  TestAuthority world;
  const Authority authority = world.made();
  const auto key = must(crypto::PrivateKey::generate(crypto::RsaSpec{2048}));
  EXPECT_EQ(must(issue_tls(world, authority, {}, {"::1"}, key)).key_usage(), 0xA000);
}

TEST(AuthorityTls, CutsLongNamesInTheCommonNameAlone) {
  TestAuthority world;
  const Authority authority = world.made();
  const std::string name = std::string(60, 'a') + ".example.com";
  const Certificate certificate = must(issue_tls(world, authority, {name}, {}));
  EXPECT_EQ(certificate.common_name(), name.substr(0, 64));
  EXPECT_TRUE(holds(certificate, hex_encode(bytes_of(name))));
}

TEST(AuthorityTls, RefusesNoNameAndBadNames) {
  TestAuthority world;
  const Authority authority = world.made();
  EXPECT_EQ(issue_tls(world, authority, {}, {}).error().fault, Fault::kBadInput);
  EXPECT_EQ(issue_tls(world, authority, {"a b"}, {}).error().fault, Fault::kBadInput);
  EXPECT_EQ(issue_tls(world, authority, {}, {"1.2.3"}).error().fault, Fault::kBadInput);
}

}  // namespace
}  // namespace airtight::ca
