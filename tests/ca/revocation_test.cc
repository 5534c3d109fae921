#include "ca/revocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "ca/audit.h"
#include "tests/ca/issuing.h"

namespace airtight::ca {
namespace {

using tests::must;

class RevocationOfACertificate : public testing::Test {
 protected:
  [[nodiscard]] IssuedCertificate entry() const { return must(find(*world_.database, serial_)).value(); }
  [[nodiscard]] AuditEntry last_event() const { return must(list_audit_log(*world_.database, 100)).back(); }

  TestAuthority world_;
  Authority authority_ = world_.made();
  crypto::Certificate certificate_ = must(issue(world_, authority_));
  Bytes serial_ = certificate_.serial();
};

TEST_F(RevocationOfACertificate, KeepsItsTimeAndReason) {
  world_.clock.set(tests::kStart.plus(std::chrono::hours(5)));
  must(revoke(world_, serial_, RevocationReason::kSuperseded));
  EXPECT_EQ(entry().status, CertificateStatus::kRevoked);
  EXPECT_EQ(entry().revoked_at, world_.clock.now());
  EXPECT_EQ(entry().reason, RevocationReason::kSuperseded);
}

TEST_F(RevocationOfACertificate, IsAudited) {
  must(revoke(world_, serial_, RevocationReason::kKeyCompromise, "stolen in the train"));
  EXPECT_EQ(last_event().event, "certificate.revoked");
  EXPECT_THAT(last_event().detail, testing::HasSubstr("reason: keyCompromise\nnote: stolen in the train\n"));
}

TEST_F(RevocationOfACertificate, TakesNoNoteThatWouldBeAnotherLineOfTheLog) {
  for (const std::string& note : {std::string("mislaid\noperator: eve"), std::string("J\xFCrgen"), std::string(1001, 'x')}) {
    EXPECT_EQ(revoke(world_, serial_, RevocationReason::kKeyCompromise, note).error().fault, Fault::kBadInput);
    EXPECT_EQ(hold(*world_.database, world_.clock, serial_, note).error().fault, Fault::kBadInput);
  }
  EXPECT_EQ(entry().status, CertificateStatus::kValid);
}

TEST_F(RevocationOfACertificate, IsFinal) {
  must(revoke(world_, serial_));
  EXPECT_EQ(revoke(world_, serial_).error().fault, Fault::kRefused);
  EXPECT_EQ(hold(world_, serial_).error().fault, Fault::kRefused);
  EXPECT_EQ(release(world_, serial_).error().fault, Fault::kRefused);
}

TEST_F(RevocationOfACertificate, TakesEveryReasonThatIsOne) {
  for (const std::string_view name : revocation_reason_names()) {
    const Bytes serial = must(issue(world_, authority_)).serial();
    must(revoke(world_, serial, reason_named(name).value()));
    EXPECT_EQ(name_of(must(find(*world_.database, serial)).value().reason.value()), name);
  }
  EXPECT_EQ(revocation_reason_names().size(), 8U);
}

TEST_F(RevocationOfACertificate, OfTheIssuingCaEndsWhatItIssues) {
  must(revoke(world_, authority_.issuing().serial(), RevocationReason::kCaCompromise));
  const auto refused = issue(world_, authority_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::kRefused);
  EXPECT_THAT(refused.error().hint, testing::HasSubstr("rollover"));
}

TEST_F(RevocationOfACertificate, OnHoldTheIssuingCaWaitsForItsRelease) {
  const Bytes issuing = authority_.issuing().serial();
  must(hold(world_, issuing));
  EXPECT_EQ(issue(world_, authority_).error().fault, Fault::kRefused);
  must(release(world_, issuing));
  EXPECT_TRUE(issue(world_, authority_));
}

TEST_F(RevocationOfACertificate, IsNotForRoots) {
  for (const Bytes& root : {authority_.root().serial(), authority_.tls_root().serial()}) {
    EXPECT_EQ(revoke(world_, root).error().fault, Fault::kRefused);
    EXPECT_EQ(hold(world_, root).error().fault, Fault::kRefused);
    EXPECT_EQ(must(find(*world_.database, root)).value().status, CertificateStatus::kValid);
  }
}

TEST_F(RevocationOfACertificate, DoesNotTakeAHoldForAReason) {
  for (const RevocationReason reason : {RevocationReason::kCertificateHold, RevocationReason::kRemoveFromCrl}) {
    EXPECT_EQ(revoke(world_, serial_, reason).error().fault, Fault::kRefused);
  }
}

TEST_F(RevocationOfACertificate, IsUndoneWithItsTransaction) {
  {
    const auto transaction = must(storage::Transaction::begin(*world_.database, storage::Access::kWrite));
    must(revoke(*world_.database, world_.clock, serial_, RevocationReason::kUnspecified, ""));
  }
  EXPECT_EQ(entry().status, CertificateStatus::kValid);
  EXPECT_EQ(last_event().event, "certificate.issued");
}

TEST_F(RevocationOfACertificate, OfAnUnknownOneIsNotFound) {
  EXPECT_EQ(revoke(world_, bytes_of("nothing")).error().fault, Fault::kNotFound);
  EXPECT_EQ(hold(world_, bytes_of("nothing")).error().fault, Fault::kNotFound);
  EXPECT_EQ(release(world_, bytes_of("nothing")).error().fault, Fault::kNotFound);
}

TEST_F(RevocationOfACertificate, AfterAHoldCountsFromTheHold) {
  must(hold(world_, serial_));
  const Instant held_at = world_.clock.now();
  world_.clock.set(held_at.plus(std::chrono::hours(5)));
  must(revoke(world_, serial_));
  EXPECT_EQ(entry().revoked_at, held_at);
  EXPECT_EQ(entry().reason, RevocationReason::kKeyCompromise);
}

TEST_F(RevocationOfACertificate, CanBeAHoldThatEnds) {
  must(hold(world_, serial_));
  EXPECT_EQ(entry().status, CertificateStatus::kSuspended);
  EXPECT_EQ(entry().reason, RevocationReason::kCertificateHold);
  EXPECT_EQ(hold(world_, serial_).error().fault, Fault::kRefused);
  must(release(world_, serial_));
  EXPECT_EQ(entry().status, CertificateStatus::kValid);
  EXPECT_FALSE(entry().revoked_at);
  EXPECT_FALSE(entry().reason);
  EXPECT_EQ(last_event().event, "certificate.released");
  EXPECT_EQ(release(world_, serial_).error().fault, Fault::kRefused);
}

TEST_F(RevocationOfACertificate, FindsItAsPeopleNameIt) {
  const std::string serial = hex_encode(serial_);
  std::string colons;
  for (std::size_t at = 0; at < serial.size(); at += 2) colons += (at == 0 ? "" : ":") + serial.substr(at, 2);
  std::string capitals = serial;
  for (char& c : capitals) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  for (const std::string& name : {serial, colons, capitals, "00" + serial, hex_encode(certificate_.sha256())}) {
    EXPECT_EQ(must(find_named(*world_.database, name)).der, certificate_.der()) << name;
  }
}

TEST_F(RevocationOfACertificate, SaysWhatANameLacks) {
  EXPECT_EQ(find_named(*world_.database, "Jane").error().fault, Fault::kBadInput);
  EXPECT_EQ(find_named(*world_.database, "").error().fault, Fault::kBadInput);
  EXPECT_EQ(find_named(*world_.database, std::string(50, 'a')).error().fault, Fault::kBadInput);
  EXPECT_EQ(find_named(*world_.database, "0123").error().fault, Fault::kNotFound);
  EXPECT_EQ(find_named(*world_.database, std::string(64, 'a')).error().fault, Fault::kNotFound);
}

TEST(RevocationReasons, HaveTheirNamesAndCodes) {
  EXPECT_EQ(name_of(RevocationReason::kCaCompromise), "cACompromise");
  EXPECT_EQ(static_cast<int>(reason_named("privilegeWithdrawn").value()), 9);
  EXPECT_EQ(reason_named("lost"), std::nullopt);
}

}  // namespace
}  // namespace airtight::ca
