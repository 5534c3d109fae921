// Shorthands for tests that issue certificates and change their status, each in a transaction of its own.
#pragma once

#include "ca/revocation.h"
#include "tests/ca/test_authority.h"

namespace airtight::ca {

// What `change` returns, committed if it succeeds.
template <typename Change>
auto in_transaction(TestAuthority& world, Change&& change) -> decltype(change()) {
  storage::Transaction transaction = tests::must(storage::Transaction::begin(*world.database, storage::Access::kWrite));
  auto done = change();
  if (done) tests::must(transaction.commit());
  return done;
}

[[nodiscard]] inline Result<crypto::Certificate> issue(TestAuthority& world, const Authority& authority,
                                                       const CertificateProfile& profile = signing_profile(),
                                                       const Subject& subject = jane(),
                                                       const crypto::PrivateKey& key = tests::new_p256_key(),
                                                       const provenance::Verdict& verdict = allowing(), const Facts& facts = {}) {
  return in_transaction(world, [&] { return authority.issue(*world.database, profile, subject, key.public_key(), verdict, facts); });
}

[[nodiscard]] inline Result<> revoke(TestAuthority& world, ByteView serial, RevocationReason reason = RevocationReason::kKeyCompromise,
                                     std::string_view note = "lost") {
  return in_transaction(world, [&] { return revoke(*world.database, world.clock, serial, reason, note); });
}
[[nodiscard]] inline Result<> hold(TestAuthority& world, ByteView serial) {
  return in_transaction(world, [&] { return hold(*world.database, world.clock, serial, "mislaid"); });
}
[[nodiscard]] inline Result<> release(TestAuthority& world, ByteView serial) {
  return in_transaction(world, [&] { return release(*world.database, world.clock, serial, "found"); });
}

}  // namespace airtight::ca
