// CRLs as the publisher makes them (RFC 5280, section 5).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ca/audit.h"
#include "ca/publisher.h"
#include "tests/ca/issuing.h"
#include "tests/ca/reading.h"

namespace airtight::ca {
namespace {

using std::chrono::days;
using std::chrono::hours;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using tests::must;

class Crl : public testing::Test {
 protected:
  [[nodiscard]] PublishedCrl current(std::string_view key = "issuing") { return must(publisher_.crl(*world_.database, key)); }
  [[nodiscard]] std::string issue_short_lived() {
    CertificateProfile profile = signing_profile();
    profile.validity_days = 2;
    return hex_encode(must(issue(world_, authority_, profile)).serial());
  }
  void pass(std::chrono::milliseconds time) { world_.clock.set(world_.clock.now().plus(time)); }

  TestAuthority world_;
  Authority authority_ = world_.made();
  Publisher publisher_{authority_};
};

TEST_F(Crl, IsEmptyAtFirst) {
  const PublishedCrl crl = current();
  EXPECT_EQ(crl.number, 1);
  EXPECT_EQ(read_crl(crl.der).number, 1U);
  EXPECT_THAT(read_crl(crl.der).entries, IsEmpty());
  EXPECT_EQ(crl.next_update, crl.this_update.plus(hours(7 * 24)));
}

TEST_F(Crl, IsTheSameUntilItIsDue) {
  const PublishedCrl first = current();
  pass(hours(23));
  EXPECT_EQ(current().der, first.der);
  pass(hours(1));
  EXPECT_EQ(current().number, 2);
}

TEST_F(Crl, IsNewAfterARevocationWithItsReason) {
  must(publisher_.crl(*world_.database, "issuing"));
  const Bytes serial = must(issue(world_, authority_)).serial();
  EXPECT_EQ(current().number, 1) << "issuing changes nothing";
  must(revoke(world_, serial, RevocationReason::kAffiliationChanged));
  const PublishedCrl crl = current();
  EXPECT_EQ(crl.number, 2);
  EXPECT_THAT(read_crl(crl.der).entries, ElementsAre(ReadEntry{hex_encode(serial), 3}));
}

TEST_F(Crl, LeavesAnUnspecifiedReasonOut) {
  const Bytes serial = must(issue(world_, authority_)).serial();
  must(revoke(world_, serial, RevocationReason::kUnspecified));
  EXPECT_THAT(read_crl(current().der).entries, ElementsAre(ReadEntry{hex_encode(serial), std::nullopt}));
}

TEST_F(Crl, HoldsWhatIsOnHoldUntilItIsReleased) {
  const Bytes serial = must(issue(world_, authority_)).serial();
  must(hold(world_, serial));
  EXPECT_THAT(read_crl(current().der).entries, ElementsAre(ReadEntry{hex_encode(serial), 6}));
  must(release(world_, serial));
  EXPECT_THAT(read_crl(current().der).entries, IsEmpty());
}

TEST_F(Crl, HasWhatItsOwnKeySignedAlone) {
  must(revoke(world_, must(issue(world_, authority_)).serial()));
  EXPECT_THAT(read_crl(current("root").der).entries, IsEmpty());
  must(revoke(world_, authority_.issuing().serial(), RevocationReason::kCaCompromise));
  EXPECT_THAT(read_crl(current("root").der).entries, ElementsAre(ReadEntry{hex_encode(authority_.issuing().serial()), 2}));
  EXPECT_EQ(read_crl(current("issuing").der).entries.size(), 1U);
}

TEST_F(Crl, NumbersOnlyGrowWhoeverAsks) {
  EXPECT_EQ(must(publisher_.new_crl(*world_.database, "issuing")).number, 1);
  EXPECT_EQ(must(publisher_.new_crl(*world_.database, "issuing")).number, 2);
  const Publisher after_a_restart(must(world_.open()));
  EXPECT_EQ(must(after_a_restart.crl(*world_.database, "issuing")).number, 2);
  EXPECT_EQ(must(after_a_restart.new_crl(*world_.database, "issuing")).number, 3);
  EXPECT_EQ(must(publisher_.crl(*world_.database, "root")).number, 1) << "each key counts for itself";
}

TEST_F(Crl, KeepsAnExpiredCertificateForOneRegularIssue) {
  const std::string serial = issue_short_lived();
  must(revoke(world_, must(hex_decode(serial))));
  EXPECT_THAT(read_crl(current().der).serials(), Contains(serial));
  pass(days(3));
  EXPECT_THAT(read_crl(current().der).serials(), Contains(serial)) << "the first one beyond its end";
  pass(hours(24));
  EXPECT_THAT(read_crl(current().der).serials(), Not(Contains(serial)));
}

TEST_F(Crl, DoesNotCountAnUnscheduledIssueForAnExpiredCertificate) {
  const std::string serial = issue_short_lived();
  must(revoke(world_, must(hex_decode(serial))));
  pass(hours(47));
  must(publisher_.crl(*world_.database, "issuing"));
  pass(hours(3));  // it has expired, and no CRL is due
  must(publisher_.new_crl(*world_.database, "issuing"));
  pass(hours(24));
  EXPECT_THAT(read_crl(current().der).serials(), Contains(serial));
}

TEST_F(Crl, DoesNotOutliveItsKey) {
  world_.clock.set(authority_.issuing().not_after().plus(-hours(10)));
  EXPECT_EQ(current().next_update, authority_.issuing().not_after());
  pass(hours(10));
  EXPECT_EQ(publisher_.crl(*world_.database, "issuing").error().fault, Fault::kRefused);
}

TEST_F(Crl, OfAnUnknownKeyIsNotFound) { EXPECT_EQ(publisher_.crl(*world_.database, "issuing-2").error().fault, Fault::kNotFound); }

TEST_F(Crl, IsAudited) {
  must(publisher_.crl(*world_.database, "issuing"));
  const AuditEntry event = must(list_audit_log(*world_.database, 100)).back();
  EXPECT_EQ(event.event, "crl.issued");
  EXPECT_EQ(event.detail, "key: issuing\nnumber: 1\ncertificates: 0\n");
}

TEST_F(Crl, IsRefreshedForEveryKey) {
  must(publisher_.refresh(*world_.database));
  for (const std::string& key : publisher_.keys()) EXPECT_EQ(current(key).number, 1) << key;
  EXPECT_THAT(publisher_.keys(), ElementsAre("root", "issuing", "tls"));
}

TEST_F(Crl, IsAtItsPath) {
  const auto crl = must(publisher_.get(*world_.database, "/crl/issuing.crl")).value();
  EXPECT_EQ(crl.media_type, "application/pkix-crl");
  EXPECT_EQ(crl.body, current().der);
  EXPECT_EQ(crl.max_age, hours(1));
  EXPECT_EQ(publisher_.get(*world_.database, "/crl/none.crl").error().fault, Fault::kNotFound);
  for (const char* path : {"/", "/crl", "/crl/issuing", "/keygen2/a/b"}) EXPECT_FALSE(must(publisher_.get(*world_.database, path))) << path;
}

TEST_F(Crl, HasItsIssuersCertificateBesideIt) {
  const auto certificate = must(publisher_.get(*world_.database, "/ca/issuing.cer")).value();
  EXPECT_EQ(certificate.media_type, "application/pkix-cert");
  EXPECT_EQ(certificate.body, authority_.issuing().der());
  EXPECT_EQ(publisher_.get(*world_.database, "/ca/../issuer.cer").error().fault, Fault::kNotFound);
}

}  // namespace
}  // namespace airtight::ca
