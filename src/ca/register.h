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

enum class CertificateStatus : std::uint8_t { kValid, kSuspended, kRevoked };
[[nodiscard]] std::string_view name_of(CertificateStatus status);  // "valid", "suspended", "revoked"

struct IssuedCertificate {
  std::int64_t id;
  Bytes serial;  // magnitude, big-endian
  Bytes der;
  std::string subject;  // RFC 4514 text
  Instant not_before;
  Instant not_after;
  std::string profile;  // of the CertificateProfile; "root", "issuing", "tls-root" and "tls-server" for the authority's own
  CertificateStatus status;
  Instant issued_at;
};

// Up to `limit` certificates with an id above `after`, in the order in which they were issued.
[[nodiscard]] Result<std::vector<IssuedCertificate>> list(storage::Database& database, std::size_t limit, std::int64_t after = 0);
[[nodiscard]] Result<std::int64_t> count(storage::Database& database);
[[nodiscard]] Result<std::optional<IssuedCertificate>> find(storage::Database& database, ByteView serial);

// Sets the status in the caller's open write transaction, with `reason` in the audit log. Fault::kNotFound for an unknown serial number,
// Fault::kRefused for a certificate that is revoked already, because a revocation is final (RFC 5280, section 5.3.1).
[[nodiscard]] Result<> set_status(storage::Database& database, const Clock& clock, ByteView serial, CertificateStatus status,
                                  std::string_view reason);

}  // namespace airtight::ca
