// A certificate authority with a root and an issuing key: the one door through which certificates are made. Lives in the tables of its
// owner's database; every certificate is recorded (ca/register.h) and audited (ca/audit.h) in the transaction that issues it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "provenance/verdict.h"
#include "sealing/master_key.h"
#include "storage/database.h"

namespace airtight::ca {

// What a profile puts into certificates.
struct CertificateProfile {
  std::string name;
  std::uint32_t validity_days = 365;
  std::uint16_t key_usage = 0;                       // crypto::KeyUsageBit ORed
  std::vector<std::string> extended_key_usage = {};  // dotted OIDs
  std::vector<std::string> policies = {};            // dotted OIDs
};

struct Subject {
  Bytes name_der;
  std::vector<std::string> emails = {};
  std::vector<std::string> dns_names = {};
};

struct AuthorityOptions {
  std::string organization;  // CN of the root is "<organization> Root CA", of the issuing CA "<organization> Issuing CA 1"
  crypto::Curve curve = crypto::Curve::kP256;
  std::uint32_t root_days = 7305;
  std::uint32_t issuing_days = 3653;
};

// The certificates of the service's own TLS hang from a root of their own, so that no chain of the one kind passes for the other.
class Authority {
 public:
  // Makes root, issuing and TLS root key and certificates, sealed in `database` (whose ca tables are migrated first), in a transaction of
  // its own. Fault::kRefused if there is an authority already; Fault::kBadInput for an organization or validity that does not do.
  [[nodiscard]] static Result<> create(storage::Database& database, const sealing::MasterKey& master_key, const AuthorityOptions& options,
                                       const Clock& clock, RandomSource& random);
  // Opens the issuing keys; the root's own stays sealed. `clock` and `random` have to outlive the authority; an authority may be used by
  // several threads at once where `random` may, each with a connection of its own. Fault::kNotFound if create() was never called.
  [[nodiscard]] static Result<Authority> open(storage::Database& database, const sealing::MasterKey& master_key, const Clock& clock,
                                              RandomSource& random);

  [[nodiscard]] const crypto::Certificate& root() const;
  [[nodiscard]] const crypto::Certificate& issuing() const;
  [[nodiscard]] const crypto::Certificate& tls_root() const;

  // Issues in the caller's open write transaction on `database`: fresh random 16-byte serial (unique by the table), one record in
  // ca_certificates, one in audit_log with the verdict. Valid from five minutes ago, for clocks that are late, and never longer than the
  // issuing CA. Refuses (Fault::kRefused) a verdict that does not allow, an RSA key below 2048 bits, and to issue once the issuing CA has
  // expired; Fault::kBadInput for a profile that would make a CA or subjects that cannot be written.
  [[nodiscard]] Result<crypto::Certificate> issue(storage::Database& database, const CertificateProfile& profile, const Subject& subject,
                                                  const crypto::PublicKey& key, const provenance::Verdict& verdict) const;

  // A TLS server certificate for this authority's own service, by the TLS root, for 397 days; recorded alike. At least one name or address.
  [[nodiscard]] Result<crypto::Certificate> issue_tls_server(storage::Database& database, const crypto::PublicKey& key,
                                                             const std::vector<std::string>& dns_names,
                                                             const std::vector<std::string>& ip_addresses) const;

  // Signs `message` with the issuing key, whose certificate is issuing(), as XML Signature has it: for what an issuer says in the name of
  // its CA (discovery lookups and requests of KeyGen2). xml_signature_method() is the algorithm's URI.
  [[nodiscard]] Result<Bytes> sign_xml(ByteView message) const;
  [[nodiscard]] std::string_view xml_signature_method() const;

 private:
  struct State;
  explicit Authority(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace airtight::ca
