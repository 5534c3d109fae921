// New keys for an authority. The old ones issue no more certificates, but go on signing their CRLs and the certificates of their OCSP
// responders until they expire.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ca/authority.h"
#include "ca/key_storage.h"
#include "ca/register.h"
#include "crypto/certificate.h"
#include "storage/database.h"

namespace airtight::ca {

struct RolloverOptions {
  KeyKind key = KeyKind::kP256;
  KeyStorage storage = {};
  std::uint32_t days = 3653;
};

// A key of the authority, for people.
struct AuthorityKey {
  std::string name;  // "root", "issuing", "issuing-2", "tls"
  std::string role;  // "root", "issuing", "tls"
  bool active;       // false: it signs CRLs and OCSP responders' certificates alone
  KeyStorage storage;
  crypto::Certificate certificate;
  CertificateStatus status = CertificateStatus::kValid;  // nothing is issued under a key whose certificate is not valid
};

// All keys, the oldest first.
[[nodiscard]] Result<std::vector<AuthorityKey>> list_keys(storage::Database& database);

// A certificate of one root by another (RFC 4210, section 4.4).
struct CrossCertificate {
  std::string name;  // "root-2-by-root": new with old; "root-by-root-2": old with new
  crypto::Certificate certificate;
};
[[nodiscard]] Result<std::vector<CrossCertificate>> list_cross_certificates(storage::Database& database);

class Rollover {
 public:
  // The authority has to be open with the prompt that its root's key needs.
  explicit Rollover(Authority authority) : authority_(std::move(authority)) {}

  // A new issuing CA, "<organization> Issuing CA <n>", under the root in use, which certificates are issued by from now on. In a
  // transaction of its own, audited. Faults as make_key(); Fault::kRefused if the root's key is closed or has expired.
  [[nodiscard]] Result<AuthorityKey> new_issuing(storage::Database& database, const RolloverOptions& options) const;

  // A new root, "<organization> Root CA <n>", with certificates of the new one by the old and of the old one by the new, so that who trusts
  // either trusts what both have issued; and a new issuing CA under it. One transaction, audited.
  [[nodiscard]] Result<AuthorityKey> new_root(storage::Database& database, const RolloverOptions& root,
                                              const RolloverOptions& issuing) const;

 private:
  Authority authority_;
};

}  // namespace airtight::ca
