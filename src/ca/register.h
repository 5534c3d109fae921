// The register of certificates: every one that the authority issued, its own included, as consoles and the command line show them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "storage/database.h"

namespace airtight::ca {

// CRLReason of RFC 5280, section 5.3.1, by its code.
enum class RevocationReason : std::uint8_t {
  kUnspecified = 0,
  kKeyCompromise = 1,
  kCaCompromise = 2,
  kAffiliationChanged = 3,
  kSuperseded = 4,
  kCessationOfOperation = 5,
  kCertificateHold = 6,
  kRemoveFromCrl = 8,
  kPrivilegeWithdrawn = 9,
  kAaCompromise = 10,
};

enum class CertificateStatus : std::uint8_t { kValid, kSuspended, kRevoked };
[[nodiscard]] std::string_view name_of(CertificateStatus status);  // "valid", "suspended", "revoked"

// The profiles of self-signed certificates.
inline constexpr std::string_view kRootProfile = "root";
inline constexpr std::string_view kTlsRootProfile = "tls-root";

struct IssuedCertificate {
  std::int64_t id;
  Bytes serial;  // magnitude, big-endian
  Bytes der;
  std::string subject;  // RFC 4514 text
  Instant not_before;
  Instant not_after;
  std::string profile;     // of the CertificateProfile; "root", "issuing", "cross", "ocsp", "tls-root", "tls-server": the authority's own
  std::string issuer_key;  // the authority's key that signed it: "root", "issuing", "issuing-2", "tls"
  CertificateStatus status;
  Instant issued_at;
  std::optional<Instant> revoked_at = {};       // of its suspension or revocation; absent while it is valid
  std::optional<RevocationReason> reason = {};  // likewise
};

// Up to `limit` certificates with an id above `after`, in the order in which they were issued.
[[nodiscard]] Result<std::vector<IssuedCertificate>> list(storage::Database& database, std::size_t limit, std::int64_t after = 0);
[[nodiscard]] Result<std::int64_t> count(storage::Database& database);
[[nodiscard]] Result<std::optional<IssuedCertificate>> find(storage::Database& database, ByteView serial);

// The same for a certificate's SHA-256.
[[nodiscard]] Result<std::optional<IssuedCertificate>> find_by_fingerprint(storage::Database& database, ByteView sha256);

}  // namespace airtight::ca
