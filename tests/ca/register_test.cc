#include "ca/register.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/ca/test_authority.h"

namespace airtight::ca {
namespace {

using tests::must;

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
      world.database->execute("INSERT INTO ca_certificates (serial, der, sha256, subject, not_before, not_after, profile, issuer_key, "
                              "status, issued_at) SELECT serial, der, zeroblob(32), subject, not_before, not_after, profile, issuer_key, "
                              "status, issued_at FROM ca_certificates WHERE id = 1"));
}

TEST(Register, FindsByFingerprint) {
  TestAuthority world;
  const Authority authority = world.made();
  EXPECT_EQ(must(find_by_fingerprint(*world.database, authority.issuing().sha256())).value().der, authority.issuing().der());
  EXPECT_FALSE(must(find_by_fingerprint(*world.database, crypto::sha256(bytes_of("nothing")))));
}

TEST(Register, KnowsWhichKeySignedWhat) {
  TestAuthority world;
  must(world.create());
  const std::vector<IssuedCertificate> all = must(list(*world.database, 10));
  EXPECT_EQ(all[0].issuer_key, "root");
  EXPECT_EQ(all[1].issuer_key, "root");
  EXPECT_EQ(all[2].issuer_key, "tls");
}

}  // namespace
}  // namespace airtight::ca
