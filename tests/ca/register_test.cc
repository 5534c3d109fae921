#include "ca/register.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ca/audit.h"
#include "tests/ca/test_authority.h"

namespace airtight::ca {
namespace {

using storage::Access;
using storage::Transaction;
using tests::must;

Result<> change(TestAuthority& world, ByteView serial, CertificateStatus status) {
  Transaction transaction = must(Transaction::begin(*world.database, Access::kWrite));
  auto changed = set_status(*world.database, world.clock, serial, status, "lost");
  if (changed) must(transaction.commit());
  return changed;
}

TEST(Register, HoldsTheAuthoritysOwnCertificatesFirst) {
  TestAuthority world;
  const Authority authority = world.made();
  const std::vector<IssuedCertificate> all = must(list(*world.database, 10));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].der, authority.root().der());
  EXPECT_EQ(all[0].profile, "root");
  EXPECT_EQ(all[1].der, authority.issuing().der());
  EXPECT_EQ(all[1].profile, "issuing");
  EXPECT_EQ(all[2].der, authority.tls_root().der());
  EXPECT_EQ(all[2].profile, "tls-root");
  EXPECT_EQ(must(count(*world.database)), 3);
}

TEST(Register, ListsPageByPage) {
  TestAuthority world;
  must(world.create());
  const std::vector<IssuedCertificate> first = must(list(*world.database, 2));
  ASSERT_EQ(first.size(), 2U);
  const std::vector<IssuedCertificate> second = must(list(*world.database, 2, first.back().id));
  ASSERT_EQ(second.size(), 1U);
  EXPECT_GT(second[0].id, first[1].id);
  EXPECT_TRUE(must(list(*world.database, 2, second.back().id)).empty());
}

TEST(Register, FindsBySerialNumber) {
  TestAuthority world;
  const Authority authority = world.made();
  EXPECT_EQ(must(find(*world.database, authority.issuing().serial())).value().der, authority.issuing().der());
  EXPECT_FALSE(must(find(*world.database, bytes_of("nothing"))));
}

TEST(Register, RefusesASerialNumberTwice) {
  TestAuthority world;
  must(world.create());
  EXPECT_FALSE(
      world.database->execute("INSERT INTO ca_certificates (serial, der, subject, not_before, not_after, profile, issuer_key, status, "
                              "issued_at) SELECT serial, der, subject, not_before, not_after, profile, issuer_key, status, issued_at "
                              "FROM ca_certificates WHERE id = 1"));
}

TEST(RegisterStatus, ChangesAndIsAudited) {
  TestAuthority world;
  const Authority authority = world.made();
  const Bytes serial = authority.issuing().serial();
  must(change(world, serial, CertificateStatus::kSuspended));
  EXPECT_EQ(must(find(*world.database, serial)).value().status, CertificateStatus::kSuspended);
  must(change(world, serial, CertificateStatus::kValid));
  must(change(world, serial, CertificateStatus::kRevoked));
  EXPECT_EQ(must(find(*world.database, serial)).value().status, CertificateStatus::kRevoked);
  const AuditEntry event = must(list_audit_log(*world.database, 100)).back();
  EXPECT_EQ(event.event, "certificate.revoked");
  EXPECT_THAT(event.detail, testing::HasSubstr("reason: lost"));
}

TEST(RegisterStatus, OfARevokedCertificateIsFinal) {
  TestAuthority world;
  const Bytes serial = world.made().issuing().serial();
  must(change(world, serial, CertificateStatus::kRevoked));
  EXPECT_EQ(change(world, serial, CertificateStatus::kValid).error().fault, Fault::kRefused);
}

TEST(RegisterStatus, OfAnUnknownCertificateCannotBeSet) {
  TestAuthority world;
  must(world.create());
  EXPECT_EQ(change(world, bytes_of("nothing"), CertificateStatus::kRevoked).error().fault, Fault::kNotFound);
}

}  // namespace
}  // namespace airtight::ca
