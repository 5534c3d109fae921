#include "ca/rollover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ca/audit.h"
#include "ca/publisher.h"
#include "tests/ca/issuing.h"
#include "tests/ca/reading.h"

namespace airtight::ca {
namespace {

using testing::ElementsAre;
using tests::must;

class RolloverOfKeys : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> names(bool active) {
    std::vector<std::string> out;
    for (const AuthorityKey& key : must(list_keys(*world_.database))) {
      if (key.active == active) out.push_back(key.name);
    }
    return out;
  }
  [[nodiscard]] std::string issuer_key_of(const crypto::Certificate& certificate) {
    return must(find(*world_.database, certificate.serial())).value().issuer_key;
  }

  TestAuthority world_;
  Authority authority_ = world_.made();
  Rollover rollover_{authority_};
};

TEST_F(RolloverOfKeys, MakesANewIssuingCaUnderTheRoot) {
  const AuthorityKey key = must(rollover_.new_issuing(*world_.database, {.key = KeyKind::kP384}));
  EXPECT_EQ(key.name, "issuing-2");
  EXPECT_EQ(key.certificate.subject(), "CN=Example Bank Issuing CA 2,O=Example Bank");
  EXPECT_TRUE(key.certificate.verify_issued_by(authority_.root()));
  EXPECT_EQ(must(key.certificate.public_key()).curve(), crypto::Curve::kP384);
  EXPECT_THAT(names(true), ElementsAre("root", "issuing-2", "tls"));
  EXPECT_THAT(names(false), ElementsAre("issuing"));
}

TEST_F(RolloverOfKeys, IssuesByTheNewKeyFromThenOn) {
  const crypto::Certificate before = must(issue(world_, authority_));
  const AuthorityKey key = must(rollover_.new_issuing(*world_.database, {}));
  const crypto::Certificate after = must(issue(world_, authority_));
  EXPECT_TRUE(after.verify_issued_by(key.certificate));
  EXPECT_EQ(issuer_key_of(before), "issuing");
  EXPECT_EQ(issuer_key_of(after), "issuing-2");
  EXPECT_EQ(must(authority_.path_of(before))[1].common_name(), "Example Bank Issuing CA 1");
  EXPECT_EQ(must(authority_.path_of(after))[1], key.certificate);
}

TEST_F(RolloverOfKeys, IsNoticedByAnAuthorityThatIsOpenElsewhere) {
  const Authority elsewhere = must(world_.open());
  const AuthorityKey key = must(rollover_.new_issuing(*world_.database, {}));
  EXPECT_NE(elsewhere.issuing(), key.certificate);
  EXPECT_TRUE(must(issue(world_, elsewhere)).verify_issued_by(key.certificate));
  EXPECT_EQ(elsewhere.issuing(), key.certificate);
}

TEST_F(RolloverOfKeys, LeavesTheOldKeyItsCrl) {
  const crypto::Certificate before = must(issue(world_, authority_));
  const Publisher publisher(authority_);
  must(rollover_.new_issuing(*world_.database, {}));
  must(revoke(world_, before.serial()));
  EXPECT_THAT(read_crl(must(publisher.crl(*world_.database, "issuing")).der).serials(), ElementsAre(hex_encode(before.serial())));
  EXPECT_TRUE(read_crl(must(publisher.crl(*world_.database, "issuing-2")).der).entries.empty());
}

TEST_F(RolloverOfKeys, HealsAnAuthorityWhoseIssuingCaIsRevoked) {
  must(revoke(world_, authority_.issuing().serial()));
  ASSERT_FALSE(issue(world_, authority_));
  must(rollover_.new_issuing(*world_.database, {}));
  EXPECT_TRUE(issue(world_, authority_));
}

TEST_F(RolloverOfKeys, IsAudited) {
  must(rollover_.new_issuing(*world_.database, {}));
  std::vector<std::string> events;
  for (const AuditEntry& entry : must(list_audit_log(*world_.database, 100))) events.push_back(entry.event);
  EXPECT_THAT(events, testing::Contains("ca.rolled-over"));
  EXPECT_TRUE(verify_audit_log(*world_.database));
}

TEST_F(RolloverOfKeys, OfARootMakesCrossCertificatesBothWays) {
  const crypto::Certificate old_root = authority_.root();
  const AuthorityKey root = must(rollover_.new_root(*world_.database, {.days = 7305}, {}));
  EXPECT_EQ(root.name, "root-2");
  EXPECT_EQ(root.certificate.subject(), "CN=Example Bank Root CA 2,O=Example Bank");
  EXPECT_TRUE(root.certificate.verify_issued_by(root.certificate));
  EXPECT_EQ(authority_.root(), root.certificate);
  const auto crosses = must(list_cross_certificates(*world_.database));
  ASSERT_EQ(crosses.size(), 2U);
  EXPECT_EQ(crosses[0].name, "root-2-by-root");
  EXPECT_TRUE(crosses[0].certificate.verify_issued_by(old_root));
  EXPECT_TRUE(equal(crosses[0].certificate.spki(), root.certificate.spki()));
  EXPECT_EQ(crosses[1].name, "root-by-root-2");
  EXPECT_TRUE(crosses[1].certificate.verify_issued_by(root.certificate));
  EXPECT_TRUE(equal(crosses[1].certificate.spki(), old_root.spki()));
  EXPECT_THAT(names(true), ElementsAre("root-2", "issuing-2", "tls"));
  EXPECT_TRUE(authority_.issuing().verify_issued_by(root.certificate));
}

TEST_F(RolloverOfKeys, OfARootPublishesTheCrossCertificates) {
  const Publisher publisher(authority_);
  must(rollover_.new_root(*world_.database, {}, {}));
  const auto crosses = must(list_cross_certificates(*world_.database));
  EXPECT_EQ(must(publisher.get(*world_.database, "/ca/root-by-root-2.cer")).value().body, crosses[1].certificate.der());
  EXPECT_EQ(must(publisher.get(*world_.database, "/ca/root-2.cer")).value().body, authority_.root().der());
}

TEST_F(RolloverOfKeys, CanBeRepeated) {
  must(rollover_.new_issuing(*world_.database, {}));
  EXPECT_EQ(must(rollover_.new_issuing(*world_.database, {})).name, "issuing-3");
  EXPECT_EQ(must(rollover_.new_root(*world_.database, {}, {})).name, "root-2");
  EXPECT_EQ(authority_.issuing().common_name(), "Example Bank Issuing CA 4");
}

TEST_F(RolloverOfKeys, RefusesNoValidity) {
  EXPECT_EQ(rollover_.new_issuing(*world_.database, {.days = 0}).error().fault, Fault::kBadInput);
  EXPECT_THAT(names(true), ElementsAre("root", "issuing", "tls"));
}

}  // namespace
}  // namespace airtight::ca
