// An authority in a database in memory, with a clock and a master key of the test's own.
#pragma once

#include <memory>

#include "ca/authority.h"
#include "ca/register.h"
#include "crypto/random.h"
#include "tests/support/certificates.h"

namespace airtight::ca {

class FixedClock final : public Clock {
 public:
  explicit FixedClock(Instant now) : now_(now) {}
  [[nodiscard]] Instant now() const override { return now_; }
  void set(Instant now) { now_ = now; }

 private:
  Instant now_;
};

struct TestAuthority {
  FixedClock clock{tests::kStart};
  crypto::SystemRandom random;
  sealing::MasterKey master_key{random.secret(32)};
  std::unique_ptr<storage::Database> database = tests::must(storage::open_sqlite_in_memory());
  AuthorityOptions options{.organization = "Example Bank"};

  [[nodiscard]] Result<> create() { return Authority::create(*database, master_key, options, clock, random); }
  [[nodiscard]] Result<Authority> open(const OpenOptions& how = {}) { return Authority::open(*database, master_key, clock, random, how); }
  [[nodiscard]] Authority made() {
    tests::must(create());
    return tests::must(open());
  }
};

[[nodiscard]] inline provenance::Verdict allowing() {
  provenance::Verdict verdict;
  verdict.decision = provenance::Decision::kAllow;
  verdict.rule = "accepted vendor \"Example\"";
  verdict.device = "CN=Token 1 0011";
  return verdict;
}

[[nodiscard]] inline CertificateProfile signing_profile() {
  return {
      .name = "signing", .validity_days = 365, .key_usage = 0xC000, .extended_key_usage = {"1.3.6.1.5.5.7.3.4"}, .policies = {"1.2.3.4"}};
}

[[nodiscard]] inline Subject jane() {
  return {.name_der = tests::must(crypto::name_from_text("CN=Jane Doe,O=Example Bank")), .emails = {"jane@example.com"}};
}

}  // namespace airtight::ca
